//! `stages`, `models` and `gates`: figures over a period.

use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::filter_args::ScopeArgs;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, csv_only, left, right};
use tracing_budget::present::numbers::Money;
use tracing_budget_history::Store;
use tracing_budget_history::stats::{GateStats, ModelStats, StageStats};

/// Shows the stages.
pub(crate) fn stages(args: &ScopeArgs, session: &Session) -> anyhow::Result<Exit> {
    let stages = session.store()?.stages(&args.window(session))?;
    session.show(&stages, || Output::new().table(stage_table(&stages)))?;
    finish(stages.is_empty(), "no stage", session)
}

/// Shows the models.
pub(crate) fn models(args: &ScopeArgs, session: &Session) -> anyhow::Result<Exit> {
    let models = session.store()?.models(&args.window(session))?;
    session.show(&models, || Output::new().table(model_table(&models)))?;
    finish(models.is_empty(), "no model", session)
}

/// Shows the gates.
pub(crate) fn gates(args: &ScopeArgs, session: &Session) -> anyhow::Result<Exit> {
    let gates = session.store()?.gates(&args.window(session))?;
    session.show(&gates, || Output::new().table(gate_table(&gates)))?;
    finish(gates.is_empty(), "no gate", session)
}

fn finish(is_empty: bool, what: &str, session: &Session) -> anyhow::Result<Exit> {
    if is_empty {
        session.note(format!("{what} in the runs that ended in this period; for all runs: --since ever"));
    }
    Ok(Exit::Success)
}

fn stage_table(stages: &[StageStats]) -> Table {
    let mut table = Table::new([
        left("STAGE", "stage"),
        right("RUNS", "runs"),
        right("FAILED", "failed"),
        right("SUCCESS", "success_rate"),
        csv_only("errors"),
        right("P50", "p50_duration_seconds"),
        right("P95", "p95_duration_seconds"),
        right("TIME", "duration_seconds"),
        right("LLM", "llm_calls"),
        right("TOKENS", "tokens_used"),
        right("COST", "cost_usd"),
        right("SHARE", "share_of_cost"),
        right("UNPRICED", "unpriced_calls"),
        csv_only("calls_without_usage"),
        csv_only("partial_calls"),
    ]);
    let money = Money::for_amounts(stages.iter().filter_map(|stage| stage.cost_usd));
    for stage in stages {
        let in_part = stage.calls_without_usage > 0 || stage.partial_calls > 0;
        table.row([
            Cell::words(&stage.stage),
            Cell::count(stage.runs),
            Cell::faults(stage.failed, Tone::Bad),
            Cell::share(stage.success_rate),
            Cell::count(stage.errors),
            Cell::seconds(stage.p50_duration_seconds),
            Cell::seconds(stage.p95_duration_seconds),
            Cell::seconds(Some(stage.duration_seconds)),
            Cell::count(stage.llm_calls),
            Cell::tokens(stage.tokens_used, in_part),
            Cell::money(money, stage.cost_usd, in_part || stage.unpriced_calls > 0),
            Cell::share(stage.share_of_cost),
            Cell::faults(stage.unpriced_calls, Tone::Warn),
            Cell::count(stage.calls_without_usage),
            Cell::count(stage.partial_calls),
        ]);
    }
    table
}

fn model_table(models: &[ModelStats]) -> Table {
    let mut table = Table::new([
        left("MODEL", "model"),
        right("RUNS", "runs"),
        right("LLM", "llm_calls"),
        right("P50", "p50_duration_seconds"),
        right("P95", "p95_duration_seconds"),
        csv_only("duration_seconds"),
        csv_only("tokens_used"),
        right("INPUT", "input_tokens"),
        right("OUTPUT", "output_tokens"),
        right("CACHED", "cache_read_tokens"),
        csv_only("cache_write_tokens"),
        right("COST", "cost_usd"),
        right("SHARE", "share_of_cost"),
        right("UNPRICED", "unpriced_calls"),
        csv_only("calls_without_usage"),
        csv_only("partial_calls"),
    ]);
    let money = Money::for_amounts(models.iter().filter_map(|model| model.cost_usd));
    for model in models {
        let in_part = model.calls_without_usage > 0 || model.partial_calls > 0;
        let known = |tokens: u64| Cell::tokens(model.tokens_used.map(|_| tokens), in_part);
        table.row([
            Cell::words(&model.model),
            Cell::count(model.runs),
            Cell::count(model.llm_calls),
            Cell::seconds(model.p50_duration_seconds),
            Cell::seconds(model.p95_duration_seconds),
            Cell::seconds(model.duration_seconds),
            Cell::count_or_unknown(model.tokens_used),
            known(model.input_tokens),
            known(model.output_tokens),
            known(model.cache_read_tokens),
            known(model.cache_write_tokens),
            Cell::money(money, model.cost_usd, in_part || model.unpriced_calls > 0),
            Cell::share(model.share_of_cost),
            Cell::faults(model.unpriced_calls, Tone::Warn),
            Cell::count(model.calls_without_usage),
            Cell::count(model.partial_calls),
        ]);
    }
    table
}

fn gate_table(gates: &[GateStats]) -> Table {
    let mut table = Table::new([
        left("GATE", "gate"),
        right("RUNS", "runs"),
        csv_only("verdicts"),
        right("PASSED", "passed"),
        right("FAILED", "failed"),
        right("ERRORS", "errors"),
        right("WARNED", "warned"),
        right("SKIPPED", "skipped"),
        csv_only("other"),
        right("PASS RATE", "pass_rate"),
        right("P50", "p50_duration_seconds"),
        right("P95", "p95_duration_seconds"),
        right("COST", "cost_usd"),
    ]);
    let money = Money::for_amounts(gates.iter().filter_map(|gate| gate.cost_usd));
    for gate in gates {
        table.row([
            Cell::words(&gate.gate),
            Cell::count(gate.runs),
            Cell::count(gate.verdicts),
            Cell::count(gate.passed),
            Cell::faults(gate.failed, Tone::Bad),
            Cell::faults(gate.errors, Tone::Bad),
            Cell::faults(gate.warned, Tone::Warn),
            Cell::faults(gate.skipped, Tone::Warn),
            Cell::count(gate.other),
            Cell::share(gate.pass_rate),
            Cell::seconds(gate.p50_duration_seconds),
            Cell::seconds(gate.p95_duration_seconds),
            Cell::money(money, gate.cost_usd, false),
        ]);
    }
    table
}
