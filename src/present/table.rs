//! The summary as a table in a terminal.

use std::fmt;

use super::columns::{Align, Columns, cut, one_line, width, wrap};
use super::numbers::{Money, UNKNOWN, count, counted, duration, limit, measured, share, times};
use super::stages::{StageNode, tree};
use super::{status, verdict};
use crate::ledger::Usd;
use crate::summary::{
    BudgetSummary, Figures, GateVerdict, ModelRow, RunSummary, StageLimits, StageRow, Status,
};

use Align::{Left, Right};

/// The width of a table with typical names. Reports in CI logs are rarely narrower.
const PAGE: usize = 110;

/// Maximum width of a name, in cells: a name of 100 characters must not push the figures off the page.
const NAME: usize = 28;

/// Indentation stops here, so that a deep nest does not push the figures off the page.
const DEEPEST: usize = 8;

impl fmt::Display for RunSummary {
    /// Writes a table for people: the run, its stages, models and gates, what is left and what to know about
    /// the figures. `—` is unknown, `≥` is at least, an empty cell is where no model was called. The text ends without a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budget = &self.budget_summary;
        let rows = budget.per_agent.iter().map(|(_, row)| &row.figures);
        let amounts = rows.chain([&budget.total]).filter_map(|figures| figures.cost_usd);
        let money = Money::for_amounts(amounts);
        let sections = [
            stages(self, money),
            models(budget, money),
            agents(budget, money),
            operations(budget, money),
            gates(&budget.gate_verdicts),
            notes(self, money),
        ];
        let mut text = head(self);
        for section in sections.iter().filter(|section| !section.is_empty()) {
            text.push('\n');
            text.push_str(section);
        }
        f.write_str(text.trim_end())
    }
}

fn head(run: &RunSummary) -> String {
    let mut head = format!("{} {}", status::glyph(run.status), cut(named(&run.pipeline, "run"), 48));
    if !run.project.is_empty() {
        head += &format!(" · {}", cut(&run.project, NAME));
    }
    let time = duration(run.duration_seconds);
    head += &match run.status {
        Status::Completed => format!(" · completed in {time}\n"),
        Status::Running => format!(" · running for {time}\n"),
        Status::NotRun => " · not run\n".to_owned(),
        status => format!(" · {status} after {time}\n"),
    };
    let started = run.started_at.to_string();
    let started = started.split('.').next().unwrap_or(&started).replace('T', " ");
    head += &format!("  run {} · started {started} UTC\n", cut(&run.run_id, 64));
    let tags = run.tags.iter().map(|(name, value)| format!("{name}={value}"));
    let counts = run.counts.iter().map(|(name, count)| format!("{name}={count}"));
    let labels: Vec<String> = tags.chain(counts).map(|label| one_line(&label)).collect();
    indent(&mut head, "  ", &wrap(&labels.join(" "), PAGE - 2));
    indent(&mut head, "  ", &wrap(&cause(run), PAGE - 2));
    head
}

/// Returns why the run failed, in one sentence; empty if nothing failed.
fn cause(run: &RunSummary) -> String {
    match (&run.failed_stage, &run.error_summary) {
        (Some(stage), Some(error)) => format!("failed in {}: {error}", named(stage, "a stage")),
        (Some(stage), None) => format!("failed in {}", named(stage, "a stage")),
        (None, Some(error)) => format!("cause: {error}"),
        (None, None) if run.status == Status::Failed => "cause: not recorded".to_owned(),
        (None, None) => String::new(),
    }
}

fn stages(run: &RunSummary, money: Money) -> String {
    let budget = &run.budget_summary;
    if budget.per_agent.is_empty() && budget.total == Figures::default() {
        let is_nothing =
            budget.gate_verdicts.is_empty() && budget.by_operation.is_empty() && budget.records.is_empty();
        // What was recorded is in a section of its own, below; a table of stages would have no row.
        return if is_nothing {
            "Nothing was recorded: no stage, no model call, no cost, no gate.\n"
        } else {
            ""
        }
        .to_owned();
    }
    let figures = || budget.per_agent.iter().map(|(_, row)| &row.figures).chain([&budget.total]);
    let unsplit = figures().any(|figures| figures.unsplit_tokens() > 0);
    let mut headings = vec![("STAGE", Left), ("STATUS", Left), ("CALLS", Right), ("LLM", Right)];
    headings.extend([("INPUT", Right), ("OUTPUT", Right), ("CACHED", Right)]);
    if unsplit {
        headings.push(("TOKENS", Right));
    }
    headings.extend([("COST", Right), ("SHARE", Right), ("TIME", Right), ("ERRORS", Right)]);
    let mut columns = Columns::new(&headings);
    for node in tree(&budget.per_agent) {
        let (StageNode { depth, row, .. }, name) = (node, node.label());
        let spaces = "  ".repeat(depth.min(DEEPEST));
        let name = format!("{spaces}{}", cut(named(name, "(no name)"), NAME.saturating_sub(spaces.len())));
        if never_ran(row) {
            columns.line([name, status_cell(row.status)]);
            continue;
        }
        // Only the row `unattributed` has figures without an attempt.
        let status = if row.status == Status::NotRun { String::new() } else { status_cell(row.status) };
        let mut cells = vec![name, status, count(row.calls), count(row.figures.llm_calls)];
        cells.extend(spent(&row.figures, unsplit, money));
        cells.push(share_cell(&row.figures, row.share_of_cost));
        cells.extend([measured(row.measured_seconds()), count(row.errors)]);
        columns.line(cells);
    }
    let rows = || budget.per_agent.iter().map(|(_, row)| row);
    let sum = |of: fn(&StageRow) -> u64| count(rows().map(of).fold(0, u64::saturating_add));
    let mut total =
        vec!["total".to_owned(), String::new(), sum(|row| row.calls), count(budget.total.llm_calls)];
    total.extend(spent(&budget.total, unsplit, money));
    total.push(share_cell(&budget.total, budget.total.share_of_cost(&budget.total)));
    total.extend([duration(run.duration_seconds), sum(|row| row.errors)]);
    columns.rule();
    columns.line(total);
    columns.to_string()
}

/// Tokens and cost, as far as they are known. Where no model was called and nothing was spent the cells are
/// empty: that is neither free nor unknown.
fn spent(figures: &Figures, unsplit: bool, money: Money) -> Vec<String> {
    if *figures == Figures::default() {
        return vec![String::new(); if unsplit { 5 } else { 4 }];
    }
    let mut cells = figures.token_cells().to_vec();
    if unsplit {
        cells.push(figures.all_tokens_cell());
    }
    cells.push(figures.cost_cell(money));
    cells
}

fn share_cell(figures: &Figures, part: Option<f64>) -> String {
    match part {
        _ if *figures == Figures::default() => String::new(),
        None => UNKNOWN.to_owned(),
        Some(part) => share(part),
    }
}

fn never_ran(row: &StageRow) -> bool {
    row.status == Status::NotRun && row.calls == 0 && row.figures == Figures::default()
}

fn models(budget: &BudgetSummary, money: Money) -> String {
    if budget.per_model.is_empty() {
        return String::new();
    }
    let unsplit = budget.per_model.iter().any(|(_, row)| row.figures.unsplit_tokens() > 0);
    let mut headings =
        vec![("MODEL", Left), ("LLM", Right), ("INPUT", Right), ("OUTPUT", Right), ("CACHED", Right)];
    if unsplit {
        headings.push(("TOKENS", Right));
    }
    headings.extend([("COST", Right), ("SHARE", Right), ("TIME", Right), ("PRICED BY", Left)]);
    let mut columns = Columns::new(&headings);
    for (name, row) in budget.per_model.iter() {
        let mut cells = vec![cut(named(name, "(no name)"), NAME + 12), count(row.figures.llm_calls)];
        cells.extend(spent(&row.figures, unsplit, money));
        cells.push(share_cell(&row.figures, row.figures.share_of_cost(&budget.total)));
        cells.extend([measured(row.duration_seconds), price_sources(row)]);
        columns.line(cells);
    }
    columns.to_string()
}

fn price_sources(row: &ModelRow) -> String {
    if row.price_sources.is_empty() && row.figures.unpriced_calls > 0 {
        return "no price known".to_owned();
    }
    cut(&row.price_sources.join(", "), NAME)
}

/// Returns the table of agents; empty for a run without agents.
fn agents(budget: &BudgetSummary, money: Money) -> String {
    if budget.by_agent.is_empty() {
        return String::new();
    }
    let unsplit = budget.by_agent.iter().any(|(_, row)| row.figures.unsplit_tokens() > 0);
    let mut headings = vec![("AGENT", Left), ("CALLS", Right), ("LLM", Right)];
    headings.extend([("INPUT", Right), ("OUTPUT", Right), ("CACHED", Right)]);
    if unsplit {
        headings.push(("TOKENS", Right));
    }
    headings.extend([("COST", Right), ("TIME", Right), ("ERRORS", Right), ("CALLED BY", Left)]);
    let mut columns = Columns::new(&headings);
    for (name, row) in budget.by_agent.iter() {
        let name = cut(named(name, "(no name)"), NAME);
        let mut cells = vec![name, count(row.calls), count(row.figures.llm_calls)];
        cells.extend(spent(&row.figures, unsplit, money));
        cells.extend([
            measured(row.duration_seconds),
            count(row.errors),
            cut(&row.called_by.join(", "), NAME),
        ]);
        columns.line(cells);
    }
    columns.to_string()
}

/// Returns the table of operations. A single one would repeat the total, so it is omitted.
fn operations(budget: &BudgetSummary, money: Money) -> String {
    if budget.by_operation.len() < 2 {
        return String::new();
    }
    let headings =
        [("OPERATION", Left), ("CALLS", Right), ("LLM", Right), ("INPUT", Right), ("OUTPUT", Right)];
    let more = [("CACHED", Right), ("COST", Right), ("TIME", Right)];
    let mut columns = Columns::new(&[&headings[..], &more].concat());
    for (name, row) in budget.by_operation.iter() {
        let name = cut(named(name, "(no name)"), NAME);
        let mut cells = vec![name, count(row.calls), count(row.figures.llm_calls)];
        cells.extend(spent(&row.figures, false, money));
        cells.push(measured(row.duration_seconds));
        columns.line(cells);
    }
    columns.to_string()
}

fn gates(gates: &[GateVerdict]) -> String {
    if gates.is_empty() {
        return String::new();
    }
    let mut columns = Columns::new(&[
        ("#", Right),
        ("GATE", Left),
        ("VERDICT", Left),
        ("AFTER", Left),
        ("BLOCKING", Left),
        ("REASON", Left),
    ]);
    let cells = |gate: &GateVerdict| {
        let blocking = if gate.blocking { "blocking" } else { "" };
        let after = gate.after_stage.as_deref().unwrap_or(UNKNOWN);
        let verdict = format!("{} {}", verdict::glyph(&gate.verdict), cut(gate.verdict.as_str(), 16));
        [
            count(gate.seq),
            cut(named(&gate.gate_name, "(no name)"), NAME),
            verdict,
            cut(after, 24),
            blocking.to_owned(),
        ]
    };
    // Reasons get what the widest of the other cells leave of the page.
    let widest = |at: usize, heading: usize| {
        gates.iter().map(|gate| width(&cells(gate)[at])).chain([heading]).max().unwrap_or(heading)
    };
    let taken = widest(0, 1) + widest(1, 4) + widest(2, 7) + widest(3, 5) + "BLOCKING".len() + 5 * 2;
    let room = PAGE.saturating_sub(taken).max(24);
    for gate in gates {
        let score = gate.score.map(|score| format!("score {score}"));
        let notes = [score, gate.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        columns.line(cells(gate).into_iter().chain([cut(&notes, room)]));
    }
    columns.to_string()
}

fn notes(run: &RunSummary, money: Money) -> String {
    let budget = &run.budget_summary;
    let mut text = String::new();
    let mut line = |label: &str, words: &str| {
        for (at, words) in wrap(words, PAGE - 10).iter().enumerate() {
            text += &format!("{:<10}{words}\n", if at == 0 { label } else { "" });
        }
    };
    if let Some(usd) = budget.limits.usd {
        line("limit", &format!("{}: {}", limit(usd), money_left(budget.usd_remaining, &budget.total, money)));
    }
    if let Some(tokens) = budget.limits.tokens {
        line(
            "limit",
            &format!("{}: {}", counted(tokens, "token"), tokens_left(budget.tokens_remaining, &budget.total)),
        );
    }
    if budget.exhausted {
        line("", "A limit is reached: the budget of this run is exhausted.");
    }
    for (name, limits) in budget.per_agent.iter().filter_map(|(name, row)| Some((name, row.limits.as_ref()?)))
    {
        let name = cut(named(name, "(no name)"), NAME);
        for limit in stage_limits(limits, &budget.total, money) {
            line("limit", &format!("{name}, {limit}"));
        }
    }
    for (label, words) in returns(run) {
        line(label, &words);
    }
    let total = &budget.total;
    if !total.units.is_empty() {
        line("units", &total.units_words());
    }
    if total.unpriced_calls > 0 {
        line("unpriced", &format!("{} of unknown price, in no cost", counted(total.unpriced_calls, "call")));
    }
    if total.calls_without_usage > 0 {
        let silent = counted(total.calls_without_usage, "call");
        line("silent", &format!("{silent} without usage, in no token figure"));
    }
    if total.partial_calls > 0 {
        let partial = counted(total.partial_calls, "call");
        line("partial", &format!("{partial} known in part: the rest is in no figure"));
    }
    if budget.error_events > 0 {
        let rows = tree(&budget.per_agent).into_iter().filter(|node| node.row.error_events > 0);
        let rows: Vec<String> =
            rows.map(|node| format!("{} in {}", node.row.error_events, cut(node.name, NAME))).collect();
        let events = counted(budget.error_events, "ERROR event");
        line("events", &format!("{events} that failed nothing: {}", rows.join(", ")));
    }
    for warning in &run.warnings {
        line("warning", warning);
    }
    text
}

/// Returns what is left of each limit of a stage. Unpriced calls of the run may belong to this stage.
fn stage_limits(limits: &StageLimits, total: &Figures, money: Money) -> Vec<String> {
    let usd =
        limits.usd.map(|usd| format!("{}: {}", limit(usd), money_left(limits.usd_remaining, total, money)));
    let tokens = limits.tokens.map(|tokens| {
        format!("{}: {}", counted(tokens, "token"), tokens_left(limits.tokens_remaining, total))
    });
    usd.into_iter().chain(tokens).collect()
}

/// Returns the lines about value, iterations and, while the run is running, burn rates.
fn returns(run: &RunSummary) -> Vec<(&'static str, String)> {
    let (efficiency, total) = (&run.efficiency, &run.budget_summary.total);
    // Calls of unknown cost make the real cost larger and the real return smaller.
    let (least, most) = if total.cost_in_part() { ("at least ", "at most ") } else { ("", "") };
    let mut lines = Vec::new();
    if let Some(value) = run.value_usd {
        let words = match (efficiency.roi, efficiency.cost_to_value.and_then(dollars)) {
            (Some(roi), Some(spent)) => {
                let roi = times(roi);
                format!(
                    "{}: a return of {most}{roi} times the cost, {least}{spent} spent for each $1",
                    limit(value)
                )
            }
            _ => format!("{}; what it cost is unknown", limit(value)),
        };
        lines.push(("value", words));
    }
    if let Some(iterations) = run.iterations {
        let each = match efficiency.cost_per_iteration_usd {
            Some(cost) => format!("{least}{} each", Money::for_amounts([cost].into_iter()).write(cost)),
            None => "what each cost is unknown".to_owned(),
        };
        lines.push(("effort", format!("{}: {each}", counted(iterations, "iteration"))));
    }
    if run.status == Status::Running {
        let usd = efficiency.usd_per_minute.and_then(dollars).map(|usd| format!("{least}{usd}"));
        let tokens = efficiency.tokens_per_minute.map(|tokens| counted(tokens.round() as u64, "token"));
        let rates: Vec<String> = [usd, tokens].into_iter().flatten().collect();
        if !rates.is_empty() {
            lines.push(("pace", format!("{} a minute", rates.join(" and "))));
        }
    }
    lines
}

/// Returns an amount in USD with as many digits as it needs.
fn dollars(usd: f64) -> Option<String> {
    let amount = Usd::from_f64(usd)?;
    Some(Money::for_amounts([amount].into_iter()).write(amount))
}

fn money_left(left: Option<Usd>, total: &Figures, money: Money) -> String {
    match left {
        None => "what is left is unknown".to_owned(),
        Some(left) if left < Usd::ZERO => format!("passed by {}", money.write(-left)),
        // Calls of unknown cost may have used some of what is left.
        Some(left) if total.cost_in_part() => format!("at most {} left", money.write(left)),
        Some(left) => format!("{} left", money.write(left)),
    }
}

fn tokens_left(left: Option<i64>, total: &Figures) -> String {
    match left {
        None => "what is left is unknown".to_owned(),
        Some(left) if left < 0 => format!("passed by {}", count(left.unsigned_abs())),
        Some(left) if total.tokens_in_part() => {
            format!("at most {} left", count(left.unsigned_abs()))
        }
        Some(left) => format!("{} left", count(left.unsigned_abs())),
    }
}

fn indent(text: &mut String, margin: &str, lines: &[String]) {
    for line in lines {
        text.push_str(margin);
        text.push_str(line);
        text.push('\n');
    }
}

fn named<'a>(name: &'a str, otherwise: &'a str) -> &'a str {
    if name.trim().is_empty() { otherwise } else { name }
}

fn status_cell(status: Status) -> String {
    format!("{} {}", status::glyph(status), status::word(status))
}
