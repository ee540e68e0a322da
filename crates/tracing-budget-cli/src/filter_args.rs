//! Filter arguments: which runs a command reads.
//!
//! The values are those of the grammar in `tracing_budget_history`, and are resolved with the session's time zone: a
//! filter selects the same runs here, in the HTTP API, on the dashboard and in the agent tools.

use clap::Args;

use crate::session::Session;
use tracing_budget::summary::Status;
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::grammar::{self, RunQuery, When};
use tracing_budget_history::{Filter, Scope};

/// Project, pipeline and period.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScopeArgs {
    /// Project name.
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Pipeline name (the root span).
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,

    /// Earliest start: 2026-11-01, yesterday, 7d, 12h, 2026-11-01T09:30.
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,

    /// Latest start; a date includes its whole day.
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
}

impl ScopeArgs {
    pub(crate) fn scope(&self, session: &Session) -> Scope {
        self.query().scope(session.now(), session.zone())
    }

    /// As [`scope`](Self::scope), for sums: without `--since`, the last 30 days.
    pub(crate) fn window(&self, session: &Session) -> Scope {
        self.query().window(session.now(), session.zone())
    }

    fn query(&self) -> RunQuery {
        let mut query = RunQuery::default();
        query.project.clone_from(&self.project);
        query.pipeline.clone_from(&self.pipeline);
        query.since = self.since;
        query.until = self.until;
        query
    }
}

/// Everything by which runs can be selected.
#[derive(Clone, Debug, Args)]
pub(crate) struct FilterArgs {
    #[command(flatten)]
    scope: ScopeArgs,

    /// Status of the run (repeatable): running, completed, failed, cancelled, incomplete, interrupted.
    #[arg(long, value_name = "STATUS", value_parser = grammar::status)]
    status: Vec<Status>,

    /// Tag of the run (repeatable; all must match).
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = grammar::tag)]
    tags: Vec<(String, String)>,

    /// Stage that the run started.
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,

    /// Model that the run called: provider/model, or the model alone.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,

    /// Gate with a verdict in the run.
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,

    /// Verdict of a gate in the run; with --gate, of that gate.
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    verdict: Option<Verdict>,

    /// Minimum known cost in USD.
    #[arg(long, value_name = "USD")]
    min_cost_usd: Option<Usd>,
}

impl FilterArgs {
    pub(crate) fn filter(&self, session: &Session) -> Filter {
        let mut query = self.scope.query();
        query.status.clone_from(&self.status);
        query.tags = self.tags.iter().cloned().collect();
        query.stage.clone_from(&self.stage);
        query.model.clone_from(&self.model);
        query.gate.clone_from(&self.gate);
        query.verdict.clone_from(&self.verdict);
        query.min_cost_usd = self.min_cost_usd;
        query.filter(session.now(), session.zone())
    }
}

fn verdict(text: &str) -> Result<Verdict, std::convert::Infallible> {
    Ok(Verdict::from(text))
}
