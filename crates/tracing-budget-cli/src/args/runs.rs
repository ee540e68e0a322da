//! Arguments of `runs`.

use clap::{Args, Subcommand, ValueEnum};

use super::{FilterArgs, ScopeArgs};
use crate::when;
use tracing_budget::summary::Timestamp;
use tracing_budget_history::Sort;
use tracing_budget_history::health::Severity;

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// The runs that match, newest first.
    List(ListArgs),
    /// One run: its stages, models, gates, limits and warnings.
    Show(ShowArgs),
    /// How it goes: counts by status, the last failed run and why, what is typical.
    Summary(SummaryArgs),
    /// Two runs side by side, stage by stage, model by model, gate by gate.
    Compare(CompareArgs),
    /// The newest runs against the history before them; exits with 1 if that is critical.
    Health(HealthArgs),
    /// Delete these runs.
    Delete(DeleteArgs),
    /// Delete old runs.
    Prune(PruneArgs),
}

/// Arguments of `runs list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// By started, cost, duration or tokens, largest first; `:asc` turns it round. What is unknown comes last.
    #[arg(long, value_name = "ORDER", default_value_t)]
    pub(crate) sort: Sort,

    /// At most so many runs, 1 to 1000.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,

    /// Where to go on: what the page before named as next.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

/// Arguments of `runs show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run: its id, the beginning of its id, `last` or `last-failed`.
    #[arg(value_name = "RUN", default_value = "last")]
    pub(crate) run: String,
}

/// Arguments of `runs summary`.
#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
}

/// Arguments of `runs compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The run to compare with: an id, the beginning of one, `last`, `last-failed`, or a summary file.
    #[arg(value_name = "A")]
    pub(crate) a: String,

    /// The run to look at; changes are what it has more or less than A.
    #[arg(value_name = "B", default_value = "last")]
    pub(crate) b: String,
}

/// Arguments of `runs health`.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,

    /// How many of each pipeline's newest runs are judged.
    #[arg(long, value_name = "RUNS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) recent: u16,

    /// How many runs before them say what is usual.
    #[arg(long, value_name = "RUNS", default_value_t = 200)]
    pub(crate) history: u16,

    /// How bad it must be to exit with 1.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    pub(crate) fail_on: FailOn,
}

/// How bad it must be to exit with 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Worth knowing.
    Notice,
    /// To be looked at today.
    Warning,
    /// To be looked at now.
    #[default]
    Critical,
    /// Nothing is that bad.
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

/// Arguments of `runs delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The runs: ids, or beginnings of ids that are long enough to be clear.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,

    /// Only say what would be deleted.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `runs prune`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["older_than", "keep_last"]))]
pub(crate) struct PruneArgs {
    /// Runs that started before then: 90d, 2026-01-01.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) older_than: Option<Timestamp>,

    /// Not the newest so many of each project.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) keep_last: Option<u64>,

    /// Only runs of this project.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// Only say how many would be deleted.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
