//! The stream of what happens to runs in flight.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};

use super::asked::Asked;
use super::runs::ended;
use crate::app::App;
use crate::live::{Flight, Listening, News};
use crate::problem::Problem;

/// Which runs are told of.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listened {
    /// Only runs of this project.
    project: Option<String>,
    /// Only this run; the stream ends with it.
    run: Option<String>,
}

impl Listened {
    fn is_wanted(&self, (run_id, project): (&str, &str)) -> bool {
        self.project.as_ref().is_none_or(|wanted| wanted == project)
            && self.run.as_ref().is_none_or(|wanted| wanted == run_id)
    }

    fn ends_with(&self, news: &News) -> bool {
        self.run.is_some() && news.is_last() && self.is_wanted(news.whose())
    }

    fn of_flight(&self, flight: &Flight) -> Flight {
        let runs = flight.runs.iter().filter(|(run_id, run)| self.is_wanted((run_id, &run.project)));
        Flight { runs: runs.map(|(run_id, run)| (run_id.clone(), run.clone())).collect() }
    }
}

/// One event of the stream.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its shape is of use, in the OpenAPI document")]
pub(crate) struct LiveEvent {
    /// What has happened.
    #[schema(inline)]
    event: EventName,
    /// JSON: `Flight`, `RunState`, `StageChanged`, `Changed`, `Ended` or `Gone`, as the event has it.
    #[schema(content_media_type = "application/json")]
    data: String,
    /// The number of the last news that is in it.
    id: String,
    /// After how many milliseconds to come again, should the stream break.
    retry: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its shape is of use, in the OpenAPI document")]
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

/// What happens to runs in flight, of all processes that write into the history, as server-sent events.
///
/// First comes `snapshot` (`Flight`), also whenever a listener was too slow to read; then `run_started` (`RunState`),
/// `stage_started` and `stage_closed` (`StageChanged`), `cost_moved` (`Changed`), `run_ended` (`Ended`), `run_stale` and
/// `run_deleted` (`Gone`), each with JSON as its data. A comment comes when nothing has happened for a while. With `run`,
/// the stream ends after that run's `run_ended`, which comes at once if it has ended before.
#[utoipa::path(
    get,
    path = "/live",
    tag = "live",
    params(Listened),
    responses((status = 200, description = "The stream.", body = LiveEvent, content_type = "text/event-stream"))
)]
pub(crate) async fn live(
    State(app): State<App>,
    Asked(listened): Asked<Listened>,
) -> Result<Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>>, Problem> {
    let listening = app.live().listen().await?;
    let over = over_already(&app, &listened, &listening).await?;
    let (events, stream) = mpsc::channel(QUEUE);
    let heartbeat = KeepAlive::new().interval(app.options().heartbeat);
    tokio::spawn(async move {
        tokio::select! {
            () = app.stopping() => {}
            // Whoever has left is waited for no longer.
            () = events.closed() => {}
            _ = tell(&app, &events, &listened, listening, over) => {}
        }
    });
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(heartbeat))
}

/// Events on their way to one listener.
const QUEUE: usize = 16;

/// How long a browser waits before it comes again.
const AGAIN: Duration = Duration::from_secs(2);

/// The end of the one run that is listened to, if it is not in flight any more.
async fn over_already(
    app: &App,
    listened: &Listened,
    listening: &Listening,
) -> Result<Option<News>, Problem> {
    let Some(run_id) = listened.run.clone().filter(|run_id| !listening.flight.runs.contains_key(run_id))
    else {
        return Ok(None);
    };
    app.ask(move |store| ended(store, &run_id)).await
}

/// Tells until there is nothing more to tell; none if nobody listens any more.
async fn tell(
    app: &App,
    events: &mpsc::Sender<Result<Event, Infallible>>,
    listened: &Listened,
    mut listening: Listening,
    over: Option<News>,
) -> Option<()> {
    let send = async |event| events.send(Ok(event)).await.ok();
    loop {
        send(snapshot(&listened.of_flight(&listening.flight), listening.number).retry(AGAIN)).await?;
        if let Some(over) = over {
            return send(event(over.name(), listening.number, &over.to_json())).await;
        }
        while let Some(told) = listening.next().await {
            if !listened.is_wanted(told.news.whose()) {
                continue;
            }
            send(event(told.news.name(), told.number, &told.json)).await?;
            if listened.ends_with(&told.news) {
                return Some(());
            }
        }
        // Too slow for the news: what is in flight now says as much.
        drop(listening);
        listening = app.live().listen().await.ok()?;
    }
}

fn snapshot(flight: &Flight, number: u64) -> Event {
    event("snapshot", number, &serde_json::to_string(flight).unwrap_or_default())
}

fn event(name: &str, number: u64, json: &str) -> Event {
    Event::default().event(name).id(number.to_string()).data(json)
}
