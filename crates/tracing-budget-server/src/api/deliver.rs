//! Runs that other processes bring.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asked::{Asked, Json, UpTo, text};
use super::paths::path_of_run;
use super::shape;
use crate::app::App;
use crate::problem::{Kind, Problem};
use tracing_budget::summary::RunSummary;
use tracing_budget_history::{Heartbeat, Put, Stored};

/// Which part of the run it is, and whether another will follow.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Delivery {
    /// The name of the part, where several processes work on one run: each has its own. Without one, the document says
    /// which part it is.
    part: Option<String>,
    /// The run is in flight and will be delivered again within this many seconds. Without it, a `running` run is stale.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 3600)]
    again_in_seconds: Option<UpTo<3600>>,
}

/// What came of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivered {
    /// The run.
    run_id: String,
    /// Whose it is.
    project: String,
    /// What the delivery did.
    #[schema(inline)]
    outcome: Outcome,
    /// Where the run is.
    location: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The run is new.
    Created,
    /// The run was there: a further part of it, or a newer state of one.
    Merged,
    /// It was there already, or its part has ended: nothing changed.
    Unchanged,
}

/// Stores a run, or a part of one; once however often it is delivered.
///
/// The body is the document that a run leaves behind. A part that has ended is never changed by a later delivery.
#[utoipa::path(
    post,
    path = "/runs",
    tag = "runs",
    params(Delivery),
    request_body(content = shape::RunSummary, content_type = "application/json"),
    responses(
        (status = 200, description = "The run was there: merged or unchanged.", body = Delivered),
        (status = 201, description = "The run is new.", body = Delivered,
         headers(("Location" = String, description = "Where the run is."))),
    )
)]
pub(crate) async fn deliver(
    State(app): State<App>,
    Asked(delivery): Asked<Delivery>,
    Json(body): Json,
) -> Result<Response, Problem> {
    let now = app.now();
    let delivered = app.tell(move |store| {
        let run =
            RunSummary::from_json(&body).map_err(|fault| Problem::new(Kind::NotARun, fault.to_string()))?;
        let mut put = Put::new(&run);
        if let Some(part) = &delivery.part {
            put = put.part(part);
        }
        if let Some(seconds) = delivery.again_in_seconds {
            put = put.heartbeat(Heartbeat { at: now, every: Duration::from_secs(seconds.get() as u64) });
        }
        let outcome = match store.put_all(&[put])?.first() {
            Some(Stored::Inserted) => Outcome::Created,
            Some(Stored::Updated) => Outcome::Merged,
            _ => Outcome::Unchanged,
        };
        let location = path_of_run(&run.project, &run.run_id);
        Ok::<_, Problem>(Delivered { run_id: run.run_id, project: run.project, outcome, location })
    });
    let delivered = delivered.await?;
    let status = if delivered.outcome == Outcome::Created { StatusCode::CREATED } else { StatusCode::OK };
    let location = [(header::LOCATION, delivered.location.clone())];
    Ok((status, location, Answer(delivered)).into_response())
}
