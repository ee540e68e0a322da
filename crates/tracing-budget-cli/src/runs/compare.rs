//! `runs compare`: two runs side by side.

use clap::Args;

use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::input;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, left, right};
use tracing_budget::present;
use tracing_budget::present::numbers::{Money, UNKNOWN};
use tracing_budget::summary::Status;
use tracing_budget_history::compare::{
    Comparison, Delta, FiguresDelta, GateChange, RowDelta, RunHead, compare,
};
use tracing_budget_history::grammar::Zone;

/// Arguments of `runs compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Run to compare with: an id, its beginning or ending, `last`, `last-failed`, or a summary file.
    #[arg(value_name = "A")]
    pub(crate) a: String,

    /// Run to compare; changes are B less A.
    #[arg(value_name = "B", default_value = "last")]
    pub(crate) b: String,
}

/// Shows the changes from the first run to the second.
pub(crate) fn run(args: &CompareArgs, session: &Session) -> anyhow::Result<Exit> {
    let (a, b) = (input::run_or_file(&args.a, session)?, input::run_or_file(&args.b, session)?);
    let compared = compare(&a, &b);
    session.show(&compared, || output(&compared, session.zone()))?;
    if a.pipeline != b.pipeline {
        session.note("the runs are of different pipelines");
    }
    Ok(Exit::Success)
}

fn output(compared: &Comparison, zone: &Zone) -> Output {
    let head = [format!("A  {}", head(&compared.a, zone)), format!("B  {}", head(&compared.b, zone))];
    Output::new()
        .lines(head)
        .table(totals(&compared.total))
        .table(rows("STAGE", &compared.stages))
        .table(rows("MODEL", &compared.models))
        .table(gates(&compared.gates))
        .for_csv(everything(compared))
}

fn head(run: &RunHead, zone: &Zone) -> String {
    let status = Cell::status(run.status, false);
    let failed = run.failed_stage.as_ref().map_or_else(String::new, |stage| format!(" in {stage}"));
    let (id, at) = (&run.run_id, zone.minute(run.started_at));
    format!("{}{failed} · {} · {at} · {id}", status.text(), run.pipeline)
}

fn totals(total: &FiguresDelta) -> Table {
    let mut table = Table::new([
        left("TOTAL", "figure"),
        right("A", "a"),
        right("B", "b"),
        right("CHANGE", "change"),
        right("%", "ratio"),
    ]);
    for figure in figures(total) {
        let [a, b, change, ratio] = figure.cells;
        table.row([Cell::words(figure.name), a, b, change, ratio]);
    }
    table
}

/// Stages or models: cost, tokens and time in both runs.
fn rows(heading: &'static str, rows: &[RowDelta]) -> Table {
    let mut table = Table::new([
        left(heading, "name"),
        right("COST A", "cost_a"),
        right("COST B", "cost_b"),
        right("CHANGE", "cost_change"),
        right("%", "cost_ratio"),
        right("TOKENS A", "tokens_a"),
        right("TOKENS B", "tokens_b"),
        right("CHANGE", "tokens_change"),
        right("TIME A", "duration_a"),
        right("TIME B", "duration_b"),
        right("CHANGE", "duration_change"),
        left("", "status"),
    ]);
    let amounts = rows.iter().flat_map(|row| [row.figures.cost_usd.a, row.figures.cost_usd.b]);
    let money = Money::for_amounts(amounts.flatten());
    for row in rows {
        let [cost_a, cost_b, cost_change, cost_ratio] = money_cells(money, &row.figures);
        let [tokens_a, tokens_b, tokens_change, _] = count_cells(&row.figures.tokens_used);
        let [time_a, time_b, time_change, _] = time_cells(&row.figures.duration_seconds);
        table.row([
            Cell::words(&row.name),
            cost_a,
            cost_b,
            cost_change,
            cost_ratio,
            tokens_a,
            tokens_b,
            tokens_change,
            time_a,
            time_b,
            time_change,
            status_change(row),
        ]);
    }
    table
}

/// The change of a stage's status, or the run that lacks the row.
fn status_change(row: &RowDelta) -> Cell {
    let word = |status: Option<Status>| status.map_or(UNKNOWN, present::status::word);
    match (row.in_a, row.in_b) {
        (false, false) => Cell::words("in neither").in_tone(Tone::Faint),
        (true, false) => Cell::words("only in A").in_tone(Tone::Warn),
        (false, true) => Cell::words("only in B").in_tone(Tone::Warn),
        (true, true) if row.status_a == row.status_b => Cell::empty(),
        (true, true) => {
            let tone = if row.status_b == Some(Status::Failed) { Tone::Bad } else { Tone::Warn };
            Cell::words(format!("{} → {}", word(row.status_a), word(row.status_b))).in_tone(tone)
        }
    }
}

fn gates(gates: &[GateChange]) -> Table {
    let mut table = Table::new([
        left("GATE", "gate"),
        left("A", "a"),
        left("B", "b"),
        left("", "changed"),
        right("SCORE A", "score_a"),
        right("SCORE B", "score_b"),
        left("REASON IN B", "reason"),
    ]);
    for gate in gates {
        let changed = if gate.changed { Cell::words("changed").in_tone(Tone::Warn) } else { Cell::empty() };
        table.row([
            Cell::words(&gate.gate),
            Cell::verdict(gate.a.as_ref()),
            Cell::verdict(gate.b.as_ref()),
            changed,
            Cell::number(gate.score.a),
            Cell::number(gate.score.b),
            Cell::words_or_empty(gate.reason.as_ref()),
        ]);
    }
    table
}

/// Every figure in one table, one row per figure, for CSV.
fn everything(compared: &Comparison) -> Table {
    let mut table = Table::new([
        left("", "part"),
        left("", "name"),
        left("", "figure"),
        right("", "a"),
        right("", "b"),
        right("", "change"),
        right("", "ratio"),
    ]);
    let mut add = |part: &str, name: &str, delta: &FiguresDelta| {
        for figure in figures(delta) {
            let [a, b, change, ratio] = figure.cells;
            table.row([Cell::whole(part), Cell::whole(name), Cell::words(figure.name), a, b, change, ratio]);
        }
    };
    add("total", "", &compared.total);
    compared.stages.iter().for_each(|row| add("stage", &row.name, &row.figures));
    compared.models.iter().for_each(|row| add("model", &row.name, &row.figures));
    for gate in &compared.gates {
        let verdict = |verdict: &Option<tracing_budget::Verdict>| Cell::verdict(verdict.as_ref());
        table.row([
            Cell::whole("gate"),
            Cell::whole(&gate.gate),
            Cell::words("verdict"),
            verdict(&gate.a),
            verdict(&gate.b),
            Cell::empty(),
            Cell::empty(),
        ]);
    }
    table
}

struct Figure {
    name: &'static str,
    cells: [Cell; 4],
}

fn figures(delta: &FiguresDelta) -> Vec<Figure> {
    let money = Money::for_amounts([delta.cost_usd.a, delta.cost_usd.b].into_iter().flatten());
    let figure = |name, cells| Figure { name, cells };
    vec![
        figure("cost", money_cells(money, delta)),
        figure("tokens", count_cells(&delta.tokens_used)),
        figure("input", count_cells(&delta.input_tokens)),
        figure("output", count_cells(&delta.output_tokens)),
        figure("time", time_cells(&delta.duration_seconds)),
        figure("llm calls", count_cells(&delta.llm_calls)),
        figure("unpriced calls", count_cells(&delta.unpriced_calls)),
    ]
}

/// Costs with an unknown part are marked `≥`; the change between two of those is unknown.
fn money_cells(money: Money, delta: &FiguresDelta) -> [Cell; 4] {
    let Delta { a, b, change, ratio: part } = delta.cost_usd;
    let lacking = [&delta.unpriced_calls, &delta.calls_without_usage, &delta.partial_calls];
    let is_above_zero = |calls: Option<u64>| calls.is_some_and(|calls| calls > 0);
    let in_part_a = lacking.iter().any(|calls| is_above_zero(calls.a));
    let in_part_b = lacking.iter().any(|calls| is_above_zero(calls.b));
    let is_known = !in_part_a && !in_part_b;
    [
        Cell::money(money, a, in_part_a),
        Cell::money(money, b, in_part_b),
        Cell::money_change(money, change.filter(|_| is_known)),
        ratio(part.filter(|_| is_known)),
    ]
}

fn count_cells(delta: &Delta<u64, i64>) -> [Cell; 4] {
    [
        Cell::count_or_unknown(delta.a),
        Cell::count_or_unknown(delta.b),
        Cell::count_change(delta.change),
        ratio(delta.ratio),
    ]
}

fn time_cells(delta: &Delta<f64>) -> [Cell; 4] {
    [Cell::seconds(delta.a), Cell::seconds(delta.b), Cell::seconds_change(delta.change), ratio(delta.ratio)]
}

/// Colours changes of 10 % and more.
fn ratio(ratio: Option<f64>) -> Cell {
    let tone = match ratio {
        Some(more) if more >= 0.1 => Tone::Warn,
        Some(less) if less <= -0.1 => Tone::Good,
        _ => Tone::Plain,
    };
    Cell::ratio(ratio).in_tone(tone)
}
