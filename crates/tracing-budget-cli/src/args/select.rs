//! Which runs a command is about.

use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::when;
use tracing_budget::summary::{Status, Timestamp};
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::{Filter, Scope};

/// Project, pipeline and time.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScopeArgs {
    /// Only runs of this project.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// Only runs of this pipeline (the root span's name).
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,

    /// Only runs that started then or later: 2026-11-01, yesterday, 7d, 12h, 2026-11-01T09:30.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) since: Option<Timestamp>,

    /// Only runs that started before then; a day is itself included.
    #[arg(long, value_name = "WHEN", value_parser = when::until)]
    pub(crate) until: Option<Timestamp>,
}

impl ScopeArgs {
    pub(crate) fn scope(&self) -> Scope {
        let mut scope = Scope::new();
        scope.project.clone_from(&self.project);
        scope.pipeline.clone_from(&self.pipeline);
        scope.since = self.since;
        scope.until = self.until;
        scope
    }
}

/// Project, pipeline and a stretch of time that ends now unless said otherwise.
#[derive(Clone, Debug, Args)]
pub(crate) struct WindowArgs {
    /// Only runs of this project.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// Only runs of this pipeline (the root span's name).
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,

    /// Only runs that started then or later: 2026-11-01, yesterday, 7d, 12h; `ever` for all of them.
    #[arg(long, value_name = "WHEN", value_parser = Window::from_str, default_value = "30d")]
    pub(crate) since: Window,

    /// Only runs that started before then; a day is itself included.
    #[arg(long, value_name = "WHEN", value_parser = when::until)]
    pub(crate) until: Option<Timestamp>,
}

/// The beginning of a stretch of time, if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window(pub(crate) Option<Timestamp>);

impl FromStr for Window {
    type Err = when::WhenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        when::window(text).map(Self)
    }
}

impl WindowArgs {
    pub(crate) fn scope(&self) -> Scope {
        let mut scope = Scope::new();
        scope.project.clone_from(&self.project);
        scope.pipeline.clone_from(&self.pipeline);
        scope.since = self.since.0;
        scope.until = self.until;
        scope
    }
}

/// Everything that a run can be chosen by.
#[derive(Clone, Debug, Args)]
pub(crate) struct FilterArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,

    /// Only runs that stand so; give it again for several.
    #[arg(long, value_name = "STATUS", value_parser = statuses())]
    pub(crate) status: Vec<Status>,

    /// Only runs with this tag; give it again for several, all of which must hold.
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = tag)]
    pub(crate) tags: Vec<(String, String)>,

    /// Only runs that began this stage.
    #[arg(long, value_name = "NAME")]
    pub(crate) stage: Option<String>,

    /// Only runs that called this model: provider/model, or the model alone.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Only runs with a verdict of this gate.
    #[arg(long, value_name = "NAME")]
    pub(crate) gate: Option<String>,

    /// Only runs in which a gate said this; with --gate, that gate.
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    pub(crate) verdict: Option<Verdict>,

    /// Only runs that are known to have cost at least so many USD.
    #[arg(long, value_name = "USD")]
    pub(crate) min_cost: Option<Usd>,
}

impl FilterArgs {
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::from(self.scope.scope());
        filter.status.clone_from(&self.status);
        filter.tags = self.tags.iter().cloned().collect();
        filter.stage.clone_from(&self.stage);
        filter.model.clone_from(&self.model);
        filter.gate.clone_from(&self.gate);
        filter.verdict.clone_from(&self.verdict);
        filter.min_cost_usd = self.min_cost;
        filter
    }
}

const STATUSES: [Status; 6] = [
    Status::Running,
    Status::Completed,
    Status::Failed,
    Status::Cancelled,
    Status::Incomplete,
    Status::Interrupted,
];

fn statuses() -> impl clap::builder::TypedValueParser<Value = Status> {
    PossibleValuesParser::new(STATUSES.map(Status::as_str)).map(|word| {
        let known = STATUSES.into_iter().find(|status| status.as_str() == word);
        known.unwrap_or_default()
    })
}

fn verdict(word: &str) -> Result<Verdict, std::convert::Infallible> {
    Ok(Verdict::from(word))
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, such as tier=2".to_owned()),
    }
}
