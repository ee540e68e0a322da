//! Runs that other processes deliver.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{AtMost, JsonBody, QueryParams, from_text};
use super::runs::path_of_run;
use crate::app::App;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use tracing_budget::summary::RunSummary;
use tracing_budget_history::{Heartbeat, Put, Stored};

/// Which part of the run the body is, and whether it will be delivered again.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    /// Name of the part, if several processes work on one run; each uses its own name. Default: the part that the document
    /// names.
    part: Option<String>,
    /// Maximum number of seconds until the run is delivered again, for a run in flight. Without it, a `running` run is stale.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 3600)]
    again_in_seconds: Option<AtMost<3600>>,
}

/// Result of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivered {
    /// The run.
    run_id: String,
    /// The run's project.
    project: String,
    /// Effect of the delivery.
    #[schema(inline)]
    outcome: Outcome,
    /// Path of the run.
    location: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The run is new.
    Created,
    /// The run existed, and a part was added or updated.
    Merged,
    /// Nothing changed: the same state was stored before, or the part has ended.
    Unchanged,
}

/// Stores a run, or a part of one. Repeated deliveries have no further effect.
///
/// The body is the summary of a run. A part that has ended is not changed by later deliveries.
#[utoipa::path(
    post,
    path = "/runs",
    tag = "runs",
    params(DeliveryQuery),
    request_body(content = schema::RunSummary, content_type = "application/json"),
    responses(
        (status = 200, description = "The run existed: merged or unchanged.", body = Delivered),
        (status = 201, description = "The run is new.", body = Delivered,
         headers(("Location" = String, description = "Path of the run."))),
    )
)]
pub(crate) async fn deliver(
    State(app): State<App>,
    QueryParams(delivery): QueryParams<DeliveryQuery>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let now = app.now();
    // Not inside the write: a large body takes long to read, and every other delivery would wait for it.
    let run = app.read(move |_| {
        RunSummary::from_json(&body).map_err(|error| Problem::new(ProblemKind::NotARun, error.to_string()))
    });
    let run = run.await?;
    let delivered = app.write(move |store| {
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
