//! The tools themselves.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{
    Implementation, ListResourcesResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, tool, tool_handler, tool_router};

use super::answers::{self, Changes, Condition, Cost, Failure, Gate, Run, RunDetail, RunList};
use super::pages;
use super::questions::{CompareRuns, ListRuns, ModelCost, Order, ShowRun, Where, Word};
use tracing_budget::price::PriceBook;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget::{Usage, Usd, Verdict};
use tracing_budget_history::compare::compare;
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::{
    Filter, Page, RunIdError, RunRow, Scope, Sort, SortBy, Store, StoreError, resolve_run_id,
};

const INSTRUCTIONS: &str = "\
The history of this machine's LLM pipeline runs: where tokens, money and time went, stage by stage, and which quality gates \
ran. Begin with explain_last_failure or check_health if something is wrong, with list_runs otherwise. A cost of null is \
unknown, never zero: unpriced_calls says how many calls are missing from a cost.";

/// What a tool says: an answer, or a sentence about why there is none.
type Said<T> = Result<Json<T>, String>;

#[derive(Clone)]
pub(super) struct Tools {
    store: Arc<dyn Store>,
    prices: PriceBook,
    router: ToolRouter<Self>,
}

#[tool_router(router = tool_router)]
impl Tools {
    pub(super) fn new(store: Arc<dyn Store>, prices: PriceBook) -> Self {
        Self { store, prices, router: Self::tool_router() }
    }

    /// Lists runs, newest first: status, cost in USD, tokens, duration, and the reason of those that failed.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn list_runs(&self, Parameters(question): Parameters<ListRuns>) -> Said<RunList> {
        self.ask(move |store| {
            let page = store.list(&question.filter(), question.sort(), &question.page())?;
            let next = page.next.map(|cursor| cursor.as_str().to_owned());
            Ok(RunList { runs: page.runs.into_iter().map(Run::from).collect(), next })
        })
        .await
    }

    /// Shows one run: cost, tokens and time by stage and by model, what the gates said, warnings.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn show_run(&self, Parameters(question): Parameters<ShowRun>) -> Said<RunDetail> {
        self.ask(move |store| {
            let run = pick(store, &question.run)?;
            let row = row_of(store, &run)?;
            Ok(RunDetail::of(&run, row))
        })
        .await
    }

    /// Explains why the last run that failed did: the stage, the error, the gates, what was spent until then, and the last
    /// run of the same pipeline that completed before it.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn explain_last_failure(&self, Parameters(question): Parameters<Where>) -> Said<Failure> {
        self.ask(move |store| explain(store, question.scope())).await
    }

    /// Compares two runs, stage by stage and model by model: what changed in cost, tokens, time and gates.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn compare_runs(&self, Parameters(question): Parameters<CompareRuns>) -> Said<Changes> {
        self.ask(move |store| Ok(compare(&pick(store, &question.a)?, &pick(store, &question.b)?).into()))
            .await
    }

    /// Compares each pipeline's newest runs with those before them: failures, cost, duration, gates, stages that dominate,
    /// calls without a price.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn check_health(&self, Parameters(question): Parameters<Where>) -> Said<Condition> {
        self.ask(move |store| Ok(store.health(&HealthQuery::new(question.scope()))?.into())).await
    }

    /// Says what calls of a model would cost now, at list prices or at the user's own.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn model_cost(&self, Parameters(question): Parameters<ModelCost>) -> Said<Cost> {
        let prices = self.prices.clone();
        self.ask(move |_| Ok(question.cost(&prices))).await
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("tracing-budget", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(pages::list())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let page = pages::read(&request.uri);
        let none = || ErrorData::resource_not_found(format!("there is no resource {:?}", request.uri), None);
        page.map(Into::into).ok_or_else(none)
    }
}

impl Tools {
    /// Asks the store where waiting for a disk holds nobody up.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, Refusal> + Send + 'static,
    ) -> Said<T> {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || question(&*store)).await {
            Ok(answer) => answer.map(Json).map_err(|Refusal(why)| why),
            Err(error) => Err(format!("the question could not be answered: {error}")),
        }
    }
}

/// Why there is no answer, in words for the agent.
struct Refusal(String);

impl From<RunIdError> for Refusal {
    fn from(error: RunIdError) -> Self {
        Self(format!("{error}; list_runs tells which runs there are"))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl ListRuns {
    fn filter(&self) -> Filter {
        let day = Duration::from_secs(24 * 60 * 60);
        let since = self.since_days.and_then(|days| SystemTime::now().checked_sub(day.checked_mul(days)?));
        let mut filter = Filter::new();
        filter.scope.project = self.project.clone();
        filter.scope.pipeline = self.pipeline.clone();
        filter.scope.since = since.map(Into::into);
        filter.status = self.status.iter().map(|word| Status::from(*word)).collect();
        filter
    }

    fn sort(&self) -> Sort {
        let by = match self.sort {
            Order::Newest => SortBy::Started,
            Order::Dearest => SortBy::Cost,
            Order::Longest => SortBy::Duration,
        };
        Sort { by, ..Sort::default() }
    }

    fn page(&self) -> Page {
        let limit = self.limit.unwrap_or(10).clamp(1, 50) as usize;
        // A text that is no cursor is refused by the store.
        let cursor = self.cursor.as_deref().and_then(|text| text.parse().ok());
        cursor.map_or(Page::first(limit), |cursor| Page::after(limit, cursor))
    }
}

impl From<Word> for Status {
    fn from(word: Word) -> Self {
        match word {
            Word::Running => Self::Running,
            Word::Completed => Self::Completed,
            Word::Failed => Self::Failed,
            Word::Cancelled => Self::Cancelled,
            Word::Incomplete => Self::Incomplete,
            Word::Interrupted => Self::Interrupted,
        }
    }
}

impl Where {
    fn scope(self) -> Scope {
        let mut scope = Scope::new();
        scope.project = self.project;
        scope.pipeline = self.pipeline;
        scope
    }
}

impl ModelCost {
    fn cost(&self, prices: &PriceBook) -> Cost {
        let mut usage = Usage::new().input(self.input_tokens).output(self.output_tokens);
        if self.cache_read_tokens > 0 {
            usage = usage.cache_read(self.cache_read_tokens);
        }
        if self.cache_write_tokens > 0 {
            usage = usage.cache_write(self.cache_write_tokens);
        }
        let model = prices.model(self.provider.as_deref(), Some(&self.model));
        let calls = self.calls.unwrap_or(1);
        let (price, why_not) = match model.price(&usage, SystemTime::now()) {
            Ok(price) => (Some(price), None),
            Err(reason) => (None, Some(reason.to_string())),
        };
        let each = price.as_ref().map(|price| price.cost);
        Cost {
            model: model.label().to_owned(),
            cost_usd_per_call: each,
            cost_usd: each.map(|each| Usd::from_pico(each.pico().saturating_mul(i128::from(calls)))),
            calls,
            source: price.map(|price| price.source.to_string()),
            why_not,
        }
    }
}

/// The run that is meant, as a whole.
fn pick(store: &dyn Store, meant: &str) -> Result<RunSummary, Refusal> {
    let run_id = resolve_run_id(store, meant)?;
    store.get(&run_id)?.ok_or_else(|| gone(&run_id))
}

fn gone(run_id: &str) -> Refusal {
    Refusal(format!("run {run_id:?} was deleted a moment ago"))
}

fn row_of(store: &dyn Store, run: &RunSummary) -> Result<RunRow, Refusal> {
    store.row(&run.run_id)?.ok_or_else(|| gone(&run.run_id))
}

fn explain(store: &dyn Store, scope: Scope) -> Result<Failure, Refusal> {
    let mut failed = Filter::new();
    (failed.scope, failed.status) = (scope, vec![Status::Failed]);
    let Some(row) = store.list(&failed, Sort::default(), &Page::first(1))?.runs.into_iter().next() else {
        return Ok(Failure {
            text: "No run has failed.".to_owned(),
            run: None,
            gates_failed: Vec::new(),
            stages: Vec::new(),
            last_completed: None,
        });
    };
    let run = store.get(&row.run_id)?.ok_or_else(|| gone(&row.run_id))?;
    let before = Filter::new()
        .project(&row.project)
        .pipeline(&row.pipeline)
        .status(Status::Completed)
        .until(row.started_at);
    let completed = store.list(&before, Sort::default(), &Page::first(1))?.runs.into_iter().next();
    let is_bad = |verdict: &Verdict| matches!(verdict, Verdict::Fail | Verdict::Error);
    let gates = run.budget_summary.gate_verdicts.iter().filter(|gate| is_bad(&gate.verdict));
    let mut gates_failed: Vec<Gate> = gates.map(Gate::of).collect();
    let mut stages = answers::stages(&run);
    answers::shorten(&mut gates_failed);
    answers::shorten(&mut stages);
    Ok(Failure {
        text: sentence(&row),
        run: Some(row.into()),
        gates_failed,
        stages,
        last_completed: completed.map(Run::from),
    })
}

fn sentence(row: &RunRow) -> String {
    let place = row.failed_stage.as_ref().map(|stage| format!(" in stage {stage}")).unwrap_or_default();
    let why = row.error_summary.as_deref().unwrap_or("it gave no reason");
    let spent = match (row.cost_usd, row.unpriced_calls) {
        (None, _) => "what it had spent is unknown".to_owned(),
        (Some(cost), 0) => format!("it had spent ${cost}"),
        (Some(cost), unpriced) => format!("it had spent ${cost} and {unpriced} calls of unknown cost"),
    };
    format!(
        "{} failed{place} at {}: {why}; {spent}.",
        row.pipeline,
        row.completed_at.unwrap_or(row.started_at)
    )
}
