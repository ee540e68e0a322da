//! The usage of a program by the rules of `docs/attribution.md`, in as few words as possible.

use std::collections::BTreeMap;

use tracing_budget::{Usd, summary::Figures};

use crate::program::{Kind, Node, Report, STAGES};

/// The figures that add up. Money in pico-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    input: u64,
    output: u64,
    cost: i128,
    llm_calls: u64,
    unpriced: u64,
    without_usage: u64,
}

impl Row {
    pub(crate) fn of(figures: &Figures) -> Self {
        Self {
            input: figures.input_tokens,
            output: figures.output_tokens,
            cost: figures.cost_usd.map_or(0, Usd::pico),
            llm_calls: figures.llm_calls,
            unpriced: figures.unpriced_calls,
            without_usage: figures.calls_without_usage,
        }
    }

    fn add(&mut self, other: &Self) {
        self.input += other.input;
        self.output += other.output;
        self.cost += other.cost;
        self.llm_calls += other.llm_calls;
        self.unpriced += other.unpriced;
        self.without_usage += other.without_usage;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) is_accountable: bool,
    pub(crate) total: Row,
    pub(crate) stages: BTreeMap<&'static str, Row>,
    /// How often each stage was begun.
    pub(crate) begun: BTreeMap<&'static str, u64>,
    pub(crate) gates: usize,
    pub(crate) tools: u64,
}

/// Pico-dollars for a million-th of the price of a million.
fn price(model: Option<&str>, input: u64, output: u64) -> Option<i128> {
    let (per_input, per_output) = match model? {
        "m-a" => (1_000_000, 2_000_000),
        "m-b" => (500_000, 4_000_000),
        _ => return None,
    };
    Some(i128::from(input) * per_input + i128::from(output) * per_output)
}

/// One call, or an amount that is booked like one (a reported cost wins, and is never added to a price: `docs/prices.md`).
fn bill(model: Option<&str>, input: Option<u64>, output: Option<u64>, cost: Option<i128>) -> Row {
    let mut row =
        Row { llm_calls: 1, input: input.unwrap_or(0), output: output.unwrap_or(0), ..Row::default() };
    match cost {
        Some(cost) => row.cost = cost,
        None if input.or(output).is_none() => row.without_usage = 1,
        None => match price(model, row.input, row.output) {
            Some(cost) => row.cost = cost,
            None => row.unpriced = 1,
        },
    }
    row
}

fn pico(billionths: u64) -> i128 {
    i128::from(billionths) * 1_000
}

pub(crate) fn expected(nodes: &[Node], declared: bool) -> Expected {
    let mut expected = Expected::default();
    for index in (0..nodes.len()).filter(|index| nodes[*index].parent(*index).is_none()) {
        settle(nodes, index, None, declared, &mut expected);
    }
    expected.stages.values().for_each(|row| expected.total.add(row));
    expected
}

/// Books a span and all inside it, and returns what was booked.
fn settle(
    nodes: &[Node],
    index: usize,
    around: Option<&'static str>,
    declared: bool,
    expected: &mut Expected,
) -> Row {
    let node = &nodes[index];
    let is_direct = !declared && node.parent(index).is_none() && node.kind != Kind::Gate;
    let named = match node.kind {
        Kind::Step(stage) => Some(stage),
        Kind::Alpha if declared => Some(STAGES[0]),
        _ => None,
    };
    // A2: a `stage` field, a declared name, or, where no list is given, a direct child of the root.
    let own_stage = named.or_else(|| is_direct.then(|| name(node.kind)));
    let stage = own_stage.or(around);
    if let Some(stage) = own_stage {
        *expected.begun.entry(stage).or_default() += 1;
    }
    expected.is_accountable |= named.is_some();

    let mut inside = Row::default();
    for child in (index + 1..nodes.len()).filter(|child| nodes[*child].parent(*child) == Some(index)) {
        inside.add(&settle(nodes, child, stage, declared, expected));
    }
    let book = |row: Row, expected: &mut Expected| {
        expected.is_accountable = true;
        expected.stages.entry(stage.unwrap_or("unattributed")).or_default().add(&row);
        row
    };
    // A7, as built today: events with usage always add.
    for event in node.reports.iter().filter(|report| report.as_event) {
        let row = bill(Some("m-a"), Some(event.input), event.output, event.cost.map(pico));
        inside.add(&book(row, expected));
    }
    let records: Vec<&Report> = node.reports.iter().filter(|report| !report.as_event).collect();
    let last = |of: fn(&Report) -> Option<u64>| records.iter().rev().find_map(|report| of(report));
    let sum = |of: fn(&Report) -> Option<u64>| {
        records
            .iter()
            .filter_map(|report| of(report))
            .fold(None, |sum: Option<u64>, more| Some(sum.unwrap_or(0) + more))
    };
    let input: fn(&Report) -> Option<u64> = |report| Some(report.input);
    let output: fn(&Report) -> Option<u64> = |report| report.output;
    let cost: fn(&Report) -> Option<u64> = |report| report.cost;
    match node.kind {
        Kind::Plain => {}
        Kind::Tool => expected.tools += 1,
        Kind::Gate => {
            expected.gates += 1;
            expected.is_accountable = true;
        }
        // A4: on a call the newest figure counts. A3: a call without usage is counted.
        Kind::Chat | Kind::Embed => {
            let row = bill(node.model, last(input), last(output), last(cost).map(pico));
            inside.add(&book(row, expected));
        }
        // A4: a stage's own usage adds up, is one call of the stage, and adds to what is inside.
        Kind::Alpha | Kind::Step(_) if !records.is_empty() => {
            let row = bill(node.model, sum(input), sum(output), sum(cost).map(pico));
            inside.add(&book(row, expected));
        }
        Kind::Alpha | Kind::Step(_) => {}
        // A6: figures of all that is inside count for what they have beyond what is known from inside.
        Kind::Sum | Kind::Agent => {
            let input = sum(input).unwrap_or(0).saturating_sub(inside.input);
            let output = sum(output).unwrap_or(0).saturating_sub(inside.output);
            let cost = sum(cost).map(|cost| (pico(cost) - inside.cost).max(0));
            if input + output > 0 {
                inside.add(&book(bill(node.model, Some(input), Some(output), cost), expected));
            } else if let Some(cost) = cost.filter(|cost| *cost > 0) {
                inside.add(&book(Row { cost, ..Row::default() }, expected));
            }
        }
    }
    inside
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Plain => "plain",
        Kind::Alpha => "alpha",
        Kind::Step(stage) => stage,
        Kind::Chat => "chat",
        Kind::Embed => "embed",
        Kind::Sum => "sum",
        Kind::Agent => "invoke_agent",
        Kind::Tool => "execute_tool",
        Kind::Gate => "judge",
    }
}
