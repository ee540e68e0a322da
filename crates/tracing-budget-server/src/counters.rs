//! What the server counts of itself, and what it says of the projects, in the text format of OpenMetrics.
//!
//! Figures of projects are gauges and not counters: pruning makes them fall, and a counter that falls is taken for one
//! that began anew.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use tracing_budget::summary::Status;
use tracing_budget_history::stats::{Overview, ProjectRow};

const PREFIX: &str = "tracing_budget";

/// Answers take from a fraction of a millisecond to the timeout.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// What the server counts of itself.
pub(crate) struct Counters {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    listeners: Gauge,
    looks: Counter,
}

/// What the hub knows of itself.
pub(crate) struct HubFigures {
    pub(crate) listeners: usize,
    pub(crate) looks: u64,
}

impl Counters {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let seconds: Family<Route, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let help = "Time until an answer began";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, seconds.clone());
        let listeners = Gauge::<i64, AtomicI64>::default();
        registry.register("live_listeners", "Live streams that are open", listeners.clone());
        let looks = Counter::default();
        registry.register(
            "live_looks",
            "Looks at the runs in flight, shared by all listeners",
            looks.clone(),
        );
        Self { registry, requests, seconds, listeners, looks }
    }

    /// One request; the route is the pattern and not the path, so that labels stay few.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        self.seconds.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Request { method, route, status }).inc();
    }

    /// All that there is to say, as text.
    pub(crate) fn text(&self, hub: &HubFigures, projects: &[(ProjectRow, Overview)]) -> String {
        self.listeners.set(i64::try_from(hub.listeners).unwrap_or(i64::MAX));
        self.looks.inc_by(hub.looks.saturating_sub(self.looks.get()));
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &of_projects(projects));
        let _ = encode_eof(&mut text);
        text
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Project {
    project: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InStatus {
    project: String,
    status: &'static str,
}

type Amount = Family<Project, Gauge<f64, AtomicU64>>;

const STATUSES: [Status; 6] = [
    Status::Running,
    Status::Completed,
    Status::Failed,
    Status::Cancelled,
    Status::Incomplete,
    Status::Interrupted,
];

/// What is unknown has no sample: it is not 0.
fn of_projects(projects: &[(ProjectRow, Overview)]) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let runs: Family<InStatus, Gauge> = Family::default();
    registry.register("project_runs", "Runs in the history", runs.clone());
    let mut amount =
        |name: &str, help: &str, unit: Option<Unit>, of: fn(&ProjectRow, &Overview) -> Option<f64>| {
            let amounts = Amount::default();
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, amounts.clone()),
                None => registry.register(name, help, amounts.clone()),
            }
            for (project, overview) in projects {
                if let Some(value) = of(project, overview) {
                    amounts.get_or_create(&Project { project: project.project.clone() }).set(value);
                }
            }
        };
    let usd = || Some(Unit::Other("usd".to_owned()));
    amount("project_cost", "Known cost of the runs that ended", usd(), |_, all| Some(all.cost_usd?.to_f64()));
    amount("project_tokens", "Known tokens of the runs that ended", None, |_, all| {
        Some(all.tokens_used? as f64)
    });
    amount("project_llm_calls", "Model calls of the runs that ended", None, |_, all| {
        Some(all.llm_calls as f64)
    });
    let help = "Model calls of the runs that ended whose cost is unknown";
    amount("project_unpriced_calls", help, None, |_, all| Some(all.unpriced_calls as f64));
    let help = "Runs that say that they run, and are not heard of";
    amount("project_stale_runs", help, None, |_, all| Some(all.stale as f64));
    let help = "When the newest run started, in Unix time";
    amount("project_last_run_started_timestamp", help, Some(Unit::Seconds), |project, _| {
        Some(project.last_started_at.unix_ms() as f64 / 1_000.0)
    });
    for (project, overview) in projects {
        for status in STATUSES {
            let labels = InStatus { project: project.project.clone(), status: status.as_str() };
            runs.get_or_create(&labels).set(i64::try_from(overview.by_status.of(status)).unwrap_or(i64::MAX));
        }
    }
    registry
}
