//! The stream of events of runs in flight.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};

use super::extract::QueryParams;
use super::runs::ended_event;
use crate::app::App;
use crate::find_run::find_run;
use crate::live::{Event as LiveChange, RunsInFlight, Subscription};
use crate::problem::Problem;

/// Filter of the stream.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveQuery {
    /// Only runs of this project.
    project: Option<String>,
    /// Only this run (its id, or the beginning or end of one); the stream ends when the run ends.
    run: Option<String>,
}

impl LiveQuery {
    fn matches(&self, (run_id, project): (&str, &str)) -> bool {
        self.project.as_ref().is_none_or(|only| only == project)
            && self.run.as_ref().is_none_or(|only| only == run_id)
    }

    fn ends_with(&self, event: &LiveChange) -> bool {
        self.run.is_some() && event.is_last() && self.matches(event.run_and_project())
    }

    fn filter(&self, in_flight: &RunsInFlight) -> RunsInFlight {
        let runs = in_flight.runs.iter().filter(|(run_id, run)| self.matches((run_id, &run.project)));
        RunsInFlight { runs: runs.map(|(run_id, run)| (run_id.clone(), run.clone())).collect() }
    }
}

/// One event of the stream.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used, in the OpenAPI document")]
pub(crate) struct LiveEvent {
    /// Name of the event.
    #[schema(inline)]
    event: EventName,
    /// JSON: `RunsInFlight`, `RunState`, `StageChanged`, `CostMoved`, `RunEnded` or `RunGone`, depending on the event.
    #[schema(content_media_type = "application/json")]
    data: String,
    /// Number of the last event that is contained in the data.
    id: String,
    /// Milliseconds to wait before reconnecting.
    retry: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used, in the OpenAPI document")]
enum EventName {
    Snapshot,
    RunStarted,
    StageStarted,
    StageClosed,
    CostMoved,
    RunEnded,
    RunStale,
    RunDeleted,
}

/// Events of runs in flight, of all processes that write to the history, as server-sent events.
///
/// The first event is `snapshot` (`RunsInFlight`); it is repeated if a client read too slowly. Then follow `run_started`
/// (`RunState`), `stage_started` and `stage_closed` (`StageChanged`), `cost_moved` (`CostMoved`), `run_ended` (`RunEnded`),
/// `run_stale` and `run_deleted` (`RunGone`), each with JSON as its data. A comment is sent if nothing happens for a while.
/// With `run`, the stream ends with the run; if the run has ended before, `run_ended` follows the snapshot at once.
#[utoipa::path(
    get,
    path = "/live",
    tag = "live",
    params(LiveQuery),
    responses((status = 200, description = "The stream.", body = LiveEvent, content_type = "text/event-stream"))
)]
pub(crate) async fn live(
    State(app): State<App>,
    QueryParams(mut query): QueryParams<LiveQuery>,
) -> Result<Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>>, Problem> {
    if let Some(text) = query.run.clone() {
        // A run that is not stored yet is waited for under this very id.
        let found = app.read(move |store| find_run(store, &text)).await;
        query.run = found.ok().map(|run| run.run_id).or(query.run);
    }
    let subscription = app.live().subscribe().await?;
    let ended = ended_before(&app, &query, &subscription).await?;
    let (events, stream) = mpsc::channel(QUEUE);
    let heartbeat = KeepAlive::new().interval(app.options().heartbeat);
    tokio::spawn(async move {
        tokio::select! {
            () = app.stopping() => {}
            // The client closed the connection. Without this branch, the subscription would stay until the next event.
            () = events.closed() => {}
            _ = send_events(&app, &events, &query, subscription, ended) => {}
        }
    });
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(heartbeat))
}

/// Events queued for one client. The broadcaster has the large queue; this one only decouples the two tasks.
const QUEUE: usize = 16;

/// Time that a browser waits before it reconnects.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);

/// The end of the requested run, if it is not in flight any more.
async fn ended_before(
    app: &App,
    query: &LiveQuery,
    subscription: &Subscription,
) -> Result<Option<LiveChange>, Problem> {
    let run = query.run.clone().filter(|run_id| !subscription.in_flight.runs.contains_key(run_id));
    let Some(run_id) = run else { return Ok(None) };
    app.read(move |store| ended_event(store, &run_id)).await
}

/// Sends events until the stream ends; returns `None` if the client has left.
async fn send_events(
    app: &App,
    events: &mpsc::Sender<Result<Event, Infallible>>,
    query: &LiveQuery,
    mut subscription: Subscription,
    ended: Option<LiveChange>,
) -> Option<()> {
    let send = async |event| events.send(Ok(event)).await.ok();
    loop {
        let in_flight = query.filter(&subscription.in_flight);
        send(snapshot(&in_flight, subscription.number).retry(RECONNECT_AFTER)).await?;
        if let Some(ended) = ended {
            return send(event(ended.name(), subscription.number, &ended.to_json())).await;
        }
        while let Some(next) = subscription.next().await {
            if !query.matches(next.event.run_and_project()) {
                continue;
            }
            send(event(next.event.name(), next.number, &next.json)).await?;
            if query.ends_with(&next.event) {
                return Some(());
            }
        }
        // The client read too slowly and has missed events: begin again with a snapshot. Drop first, because the old
        // subscription counts towards the maximum.
        drop(subscription);
        subscription = app.live().subscribe().await.ok()?;
    }
}

fn snapshot(in_flight: &RunsInFlight, number: u64) -> Event {
    event("snapshot", number, &serde_json::to_string(in_flight).unwrap_or_default())
}

fn event(name: &str, number: u64, json: &str) -> Event {
    Event::default().event(name).id(number.to_string()).data(json)
}
