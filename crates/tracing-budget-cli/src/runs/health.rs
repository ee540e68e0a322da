//! `runs health`: the newest runs against the history before them.

use clap::{Args, ValueEnum};

use crate::cell::{Cell, Tone};
use crate::exit::Exit;
use crate::filter_args::ScopeArgs;
use crate::output::Output;
use crate::session::Session;
use crate::table::{Table, csv_only, left, right};
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget_history::Store;
use tracing_budget_history::health::{Health, HealthQuery, Severity};

/// Arguments of `runs health`.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,

    /// Number of newest runs of each pipeline that are judged.
    #[arg(long, value_name = "RUNS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) recent: u16,

    /// Number of runs before those that define what is usual.
    #[arg(long, value_name = "RUNS", default_value_t = 200)]
    pub(crate) history: u16,

    /// Severity from which the exit code is 1.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    pub(crate) fail_on: FailOn,
}

/// Severity from which the exit code is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Notice or worse.
    Notice,
    /// Warning or worse.
    Warning,
    /// Critical.
    #[default]
    Critical,
    /// No severity.
    Never,
}

impl FailOn {
    pub(crate) fn is_reached_by(self, severity: Severity) -> bool {
        match self {
            Self::Notice => severity >= Severity::Notice,
            Self::Warning => severity >= Severity::Warning,
            Self::Critical => severity >= Severity::Critical,
            Self::Never => false,
        }
    }
}

/// Judges each pipeline by its own history.
pub(crate) fn run(args: &HealthArgs, session: &Session) -> anyhow::Result<Exit> {
    let query =
        HealthQuery::new(args.scope.scope(session)).recent(args.recent.into()).history(args.history.into());
    let health = session.store()?.health(&query)?;
    session.show(&health, || output(&health))?;
    if health.pipelines.is_empty() {
        session.note("no run matches");
    }
    Ok(if args.fail_on.is_reached_by(health.severity) { Exit::Negative } else { Exit::Success })
}

fn output(health: &Health) -> Output {
    if health.pipelines.is_empty() {
        return Output::new().for_csv(findings(health));
    }
    let pipelines = counted(health.pipelines.len() as u64, "pipeline");
    let headline = match health.findings.len() {
        0 => format!("✓ ok: {pipelines}, no findings"),
        found => {
            let cell = severity(health.severity);
            format!("{}: {} in {pipelines}", cell.text(), counted(found as u64, "finding"))
        }
    };
    Output::new().line(headline).table(findings(health)).table(figures(health))
}

fn findings(health: &Health) -> Table {
    let mut table = Table::new([
        left("SEVERITY", "severity"),
        csv_only("kind"),
        left("PROJECT", "project"),
        left("PIPELINE", "pipeline"),
        csv_only("subject"),
        left("WHAT", "text"),
        csv_only("recent"),
        csv_only("usual"),
    ]);
    for finding in &health.findings {
        let kind = serde_json::to_value(finding.kind).ok();
        table.row([
            severity(finding.severity),
            Cell::words_or_empty(kind.as_ref().and_then(|kind| kind.as_str())),
            Cell::words(&finding.project),
            Cell::words(&finding.pipeline),
            Cell::words_or_empty(finding.subject.as_ref()),
            Cell::whole(&finding.text),
            Cell::number(finding.recent),
            Cell::number(finding.usual),
        ]);
    }
    table
}

fn severity(severity: Severity) -> Cell {
    let (mark, tone) = match severity {
        Severity::Ok => ('✓', Tone::Good),
        Severity::Notice => ('·', Tone::Plain),
        Severity::Warning => ('!', Tone::Warn),
        Severity::Critical => ('✗', Tone::Bad),
    };
    let word = severity.as_str();
    let word = if severity == Severity::Critical { word.to_uppercase() } else { word.to_owned() };
    Cell::short(format!("{mark} {word}"), severity.as_str()).in_tone(tone)
}

fn figures(health: &Health) -> Table {
    let mut table = Table::new([
        left("PROJECT", "project"),
        left("PIPELINE", "pipeline"),
        right("RUNS", "recent_runs"),
        right("BEFORE", "history_runs"),
        right("FAILED", "failure_rate"),
        right("USUALLY", "usual_failure_rate"),
        right("COST", "cost_usd"),
        right("USUALLY", "usual_cost_usd"),
        right("TIME", "duration_seconds"),
        right("USUALLY", "usual_duration_seconds"),
        right("UNPRICED", "unpriced_share"),
    ]);
    let costs = health.pipelines.iter().flat_map(|pipeline| [pipeline.cost_usd, pipeline.usual_cost_usd]);
    let money = Money::for_amounts(costs.flatten());
    for pipeline in &health.pipelines {
        table.row([
            Cell::words(&pipeline.project),
            Cell::words(&pipeline.pipeline),
            Cell::count(pipeline.recent_runs),
            Cell::count(pipeline.history_runs),
            Cell::share(pipeline.failure_rate),
            Cell::share(pipeline.usual_failure_rate),
            Cell::money(money, pipeline.cost_usd, false),
            Cell::money(money, pipeline.usual_cost_usd, false),
            Cell::seconds(pipeline.duration_seconds),
            Cell::seconds(pipeline.usual_duration_seconds),
            Cell::share(pipeline.unpriced_share),
        ]);
    }
    table
}
