//! Metrics of the server and figures of the projects, in the OpenMetrics text format.
//!
//! Figures of projects are gauges, not counters: pruning makes them fall, and Prometheus takes a counter that falls for
//! one that was reset.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;
use tracing_budget_history::grammar::STATUSES;
use tracing_budget_history::stats::ProjectTotals as Totals;

use crate::problem::Problem;

const PREFIX: &str = "tracing_budget";

/// Bucket bounds in seconds: from one read of an index (about 1 ms) to the default timeout (30 s).
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

/// Metrics of the server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    listeners: Gauge,
    polls: Counter,
}

/// Figures of the broadcaster.
pub(crate) struct LiveFigures {
    pub(crate) listeners: usize,
    pub(crate) polls: u64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let seconds: Family<RouteLabel, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let help = "Time until the answer began";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, seconds.clone());
        let listeners = Gauge::<i64, AtomicI64>::default();
        registry.register("live_listeners", "Open live streams", listeners.clone());
        let polls = Counter::default();
        registry.register("live_polls", "Polls of the store for runs in flight", polls.clone());
        Self { registry, requests, seconds, listeners, polls }
    }

    /// Counts one request. `route` is the pattern and not the path, so that the number of label values is bounded.
    pub(crate) fn count_request(&self, method: &str, route: &str, status: u16, duration: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        self.seconds.get_or_create(&RouteLabel { route: route.clone() }).observe(duration.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    /// All metrics as text.
    pub(crate) fn text(&self, live: &LiveFigures, projects: &[Totals]) -> String {
        self.listeners.set(i64::try_from(live.listeners).unwrap_or(i64::MAX));
        self.polls.inc_by(live.polls.saturating_sub(self.polls.get()));
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &project_registry(projects));
        let _ = encode_eof(&mut text);
        text
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProjectLabel {
    project: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProjectStatusLabels {
    project: String,
    status: &'static str,
}

type Amount = Family<ProjectLabel, Gauge<f64, AtomicU64>>;

/// An unknown figure has no sample: a 0 would be read as a known amount.
fn project_registry(projects: &[Totals]) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let runs: Family<ProjectStatusLabels, Gauge> = Family::default();
    registry.register("project_runs", "Runs in the history", runs.clone());
    let mut amount = |name: &str, help: &str, unit: Option<Unit>, of: fn(&Totals) -> Option<f64>| {
        let amounts = Amount::default();
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, amounts.clone()),
            None => registry.register(name, help, amounts.clone()),
        }
        for project in projects {
            if let Some(value) = of(project) {
                amounts.get_or_create(&ProjectLabel { project: project.project.clone() }).set(value);
            }
        }
    };
    let usd = || Some(Unit::Other("usd".to_owned()));
    amount("project_cost", "Known cost of the runs that ended", usd(), |all| Some(all.cost_usd?.to_f64()));
    amount("project_tokens", "Known tokens of the runs that ended", None, |all| {
        Some(all.tokens_used? as f64)
    });
    amount("project_llm_calls", "Model calls of the runs that ended", None, |all| Some(all.llm_calls as f64));
    let help = "Model calls of unknown cost in the runs that ended";
    amount("project_unpriced_calls", help, None, |all| Some(all.unpriced_calls as f64));
    let help = "Runs with status running with an overdue heartbeat";
    amount("project_stale_runs", help, None, |all| Some(all.stale as f64));
    let help = "Start of the newest run, in Unix time";
    amount("project_last_run_started_timestamp", help, Some(Unit::Seconds), |all| {
        Some(all.last_started_at?.unix_ms() as f64 / 1_000.0)
    });
    for project in projects {
        for &status in STATUSES {
            let labels = ProjectStatusLabels { project: project.project.clone(), status: status.as_str() };
            runs.get_or_create(&labels).set(i64::try_from(project.by_status.of(status)).unwrap_or(i64::MAX));
        }
    }
    registry
}

/// Lifetime of cached totals. Prometheus scrapes every 10 s or less often, so each scrape still gets new figures, and a
/// client that requests `/metrics` in a loop cannot load the store.
const MAX_AGE: Duration = Duration::from_secs(10);

/// The projects with their totals.
pub(crate) type ProjectTotals = Arc<Vec<Totals>>;

/// Cache of the projects' totals.
#[derive(Default)]
pub(crate) struct ProjectTotalsCache {
    last: Mutex<Option<(Instant, ProjectTotals)>>,
}

impl ProjectTotalsCache {
    /// Returns the cached totals, or those that `read` returns if the cached ones are older than 10 s.
    ///
    /// # Errors
    ///
    /// If `read` fails.
    pub(crate) async fn get_or_read(
        &self,
        read: impl Future<Output = Result<Vec<Totals>, Problem>>,
    ) -> Result<ProjectTotals, Problem> {
        // Held across the read, so that concurrent requests wait for one read instead of each starting their own.
        let mut last = self.last.lock().await;
        if let Some((_, totals)) = last.as_ref().filter(|(at, _)| at.elapsed() < MAX_AGE) {
            return Ok(Arc::clone(totals));
        }
        let totals = Arc::new(read.await?);
        *last = Some((Instant::now(), Arc::clone(&totals)));
        Ok(totals)
    }
}
