//! The tools, and the resource that explains their fields.

use std::sync::Arc;
use std::time::SystemTime;

use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{
    Implementation, ListResourcesResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, tool, tool_handler, tool_router};

use super::params::{CompareRuns, ListRuns, ModelCost, ScopeParams, ShowRun};
use super::results::{self, Changes, CostResult, FailureResult, Gate, HealthResult, Run, RunDetail, RunList};
use crate::prices::calc::{Call, read_unit};
use tracing_budget::price::PriceBook;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget::{Kind, Usage, Usd, Verdict};
use tracing_budget_history::compare::compare;
use tracing_budget_history::grammar::{WordError, Zone};
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::{
    Filter, Page, RunIdError, RunRow, Scope, Sort, Store, StoreError, resolve_run_id,
};

const INSTRUCTIONS: &str = "\
The history of this machine's LLM pipeline runs: tokens, money and time by stage, and the verdicts of quality gates. Begin \
with explain_last_failure or check_health if something is wrong, with list_runs otherwise. A cost of null is unknown, never \
zero: unpriced_calls, calls_without_usage and partial_calls are the calls that a cost lacks.";

/// A result, or a sentence about why it is missing.
type ToolResult<T> = Result<Json<T>, String>;

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
    async fn list_runs(&self, Parameters(params): Parameters<ListRuns>) -> ToolResult<RunList> {
        self.query(move |store| {
            let ListRuns(query) = params;
            let filter = query.filter(SystemTime::now().into(), &Zone::local());
            let page = store.list(
                &filter,
                query.sort.unwrap_or_default(),
                &query.page(ListRuns::DEFAULT_LIMIT, ListRuns::MAX_LIMIT)?,
            )?;
            let next = page.next.map(|cursor| cursor.as_str().to_owned());
            Ok(RunList { runs: page.runs.into_iter().map(Run::from).collect(), next })
        })
        .await
    }

    /// Shows one run: cost, tokens and time by stage and by model, gate verdicts, warnings.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn show_run(&self, Parameters(params): Parameters<ShowRun>) -> ToolResult<RunDetail> {
        self.query(move |store| {
            let run = load(store, &params.run)?;
            let row = row_of(store, &run)?;
            Ok(RunDetail::of(&run, row))
        })
        .await
    }

    /// Explains the last failed run: the stage, the error, the gates, the cost so far, and the last completed run of the
    /// same pipeline before it.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn explain_last_failure(
        &self,
        Parameters(params): Parameters<ScopeParams>,
    ) -> ToolResult<FailureResult> {
        self.query(move |store| explain(store, params.scope())).await
    }

    /// Compares two runs, stage by stage and model by model: changes in cost, tokens, time and gates.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn compare_runs(&self, Parameters(params): Parameters<CompareRuns>) -> ToolResult<Changes> {
        self.query(move |store| Ok(compare(&load(store, &params.a)?, &load(store, &params.b)?).into())).await
    }

    /// Compares each pipeline's newest runs with those before them: failures, cost, duration, gates, stages that dominate,
    /// calls without a price.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn check_health(&self, Parameters(params): Parameters<ScopeParams>) -> ToolResult<HealthResult> {
        self.query(move |store| Ok(store.health(&HealthQuery::new(params.scope()))?.into())).await
    }

    /// Returns the cost of calls of a model now, at list prices or at the user's own.
    #[tool(annotations(read_only_hint = true, open_world_hint = false))]
    async fn model_cost(&self, Parameters(params): Parameters<ModelCost>) -> ToolResult<CostResult> {
        let prices = self.prices.clone();
        self.query(move |_| Ok(params.cost(&prices))).await
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
        Ok(resources())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let page = resource(&request.uri);
        let none = || ErrorData::resource_not_found(format!("there is no resource {:?}", request.uri), None);
        page.map(Into::into).ok_or_else(none)
    }
}

impl Tools {
    /// Runs a query on a blocking thread: on the runtime's only thread, a slow disk would stop the protocol.
    async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Store) -> Result<T, Failed> + Send + 'static,
    ) -> ToolResult<T> {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || query(&*store)).await {
            Ok(result) => result.map(Json).map_err(|Failed(reason)| reason),
            Err(error) => Err(format!("query failed: {error}")),
        }
    }
}

/// The reason why there is no result, for the agent.
struct Failed(String);

impl From<RunIdError> for Failed {
    fn from(error: RunIdError) -> Self {
        Self(format!("{error}; to list runs: list_runs"))
    }
}

impl From<WordError> for Failed {
    fn from(error: WordError) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl ScopeParams {
    fn scope(self) -> Scope {
        let mut scope = Scope::new();
        scope.project = self.project;
        scope.pipeline = self.pipeline;
        scope
    }
}

impl ModelCost {
    fn cost(&self, prices: &PriceBook) -> CostResult {
        let mut call = Call {
            model: &self.model,
            provider: self.provider.as_deref(),
            tier: self.tier.as_deref(),
            usage: Usage::new().input(self.input_tokens).output(self.output_tokens),
        };
        for (kind, tokens) in [
            (Kind::CacheRead, self.cache_read_tokens),
            (Kind::CacheWrite, self.cache_write_tokens),
            (Kind::CacheWrite1h, self.cache_write_1h_tokens),
        ] {
            if tokens > 0 {
                call.usage.set(kind, tokens);
            }
        }
        for (name, count) in &self.units {
            match read_unit(name, *count) {
                Ok((kind, count)) => call.usage.add(kind, count),
                Err(reason) => return self.without_cost(prices, reason),
            }
        }
        let calls = self.calls.unwrap_or(1);
        match call.calculate(prices, SystemTime::now()) {
            Ok(found) => CostResult {
                model: found.model,
                cost_usd_per_call: Some(found.cost_usd),
                cost_usd: Some(Usd::from_pico(found.cost_usd.pico().saturating_mul(i128::from(calls)))),
                calls,
                charges: found.charges,
                unpriced_units: found.unpriced_units,
                source: Some(found.source),
                why_not: None,
            },
            Err(reason) => self.without_cost(prices, reason.to_string()),
        }
    }

    fn without_cost(&self, prices: &PriceBook, why_not: String) -> CostResult {
        CostResult {
            model: prices.model(self.provider.as_deref(), Some(&self.model)).label().to_owned(),
            cost_usd_per_call: None,
            cost_usd: None,
            calls: self.calls.unwrap_or(1),
            charges: Vec::new(),
            unpriced_units: Vec::new(),
            source: None,
            why_not: Some(why_not),
        }
    }
}

/// Resolves a run reference and reads the run.
fn load(store: &dyn Store, run_ref: &str) -> Result<RunSummary, Failed> {
    let run_id = resolve_run_id(store, run_ref)?;
    store.get(&run_id)?.ok_or_else(|| deleted(&run_id))
}

fn deleted(run_id: &str) -> Failed {
    Failed(format!("run {run_id:?} was deleted a moment ago"))
}

fn row_of(store: &dyn Store, run: &RunSummary) -> Result<RunRow, Failed> {
    store.row(&run.run_id)?.ok_or_else(|| deleted(&run.run_id))
}

fn explain(store: &dyn Store, scope: Scope) -> Result<FailureResult, Failed> {
    let mut failed = Filter::new();
    (failed.scope, failed.status) = (scope, vec![Status::Failed]);
    let Some(row) = store.list(&failed, Sort::default(), &Page::first(1))?.runs.into_iter().next() else {
        return Ok(FailureResult {
            text: "No run failed.".to_owned(),
            run: None,
            gates_failed: Vec::new(),
            stages: Vec::new(),
            last_completed: None,
        });
    };
    let run = store.get(&row.run_id)?.ok_or_else(|| deleted(&row.run_id))?;
    let before = Filter::new()
        .project(&row.project)
        .pipeline(&row.pipeline)
        .status(Status::Completed)
        .until(row.started_at);
    let completed = store.list(&before, Sort::default(), &Page::first(1))?.runs.into_iter().next();
    let is_bad = |verdict: &Verdict| matches!(verdict, Verdict::Fail | Verdict::Error);
    let gates = run.budget_summary.gate_verdicts.iter().filter(|gate| is_bad(&gate.verdict));
    let mut gates_failed: Vec<Gate> = gates.map(Gate::of).collect();
    let mut stages = results::stages(&run);
    results::shorten(&mut gates_failed);
    results::shorten(&mut stages);
    Ok(FailureResult {
        text: cause(&row),
        run: Some(row.into()),
        gates_failed,
        stages,
        last_completed: completed.map(Run::from),
    })
}

fn cause(row: &RunRow) -> String {
    let place = row.failed_stage.as_ref().map(|stage| format!(" in stage {stage}")).unwrap_or_default();
    let why = row.error_summary.as_deref().unwrap_or("no error recorded");
    let lacking = [row.unpriced_calls, row.calls_without_usage, row.partial_calls];
    let spent = match (row.cost_usd, lacking.into_iter().fold(0, u64::saturating_add)) {
        (None, _) => "its cost is unknown".to_owned(),
        (Some(cost), 0) => format!("its cost is ${cost}"),
        (Some(cost), 1) => format!("its cost is ${cost} and 1 call of unknown cost"),
        (Some(cost), unknown) => format!("its cost is ${cost} and {unknown} calls of unknown cost"),
    };
    format!(
        "{} failed{place} at {}: {why}; {spent}.",
        row.pipeline,
        row.completed_at.unwrap_or(row.started_at)
    )
}

/// A text that an agent can read.
struct Document {
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    description: &'static str,
    mime_type: &'static str,
    text: &'static str,
}

const DOCUMENTS: [Document; 1] = [Document {
    uri: "tracing-budget://run-summary.schema.json",
    name: "run-summary-schema",
    title: "Fields of a run",
    description: "The JSON Schema of a run's summary: every field, its unit, and when it is null.",
    mime_type: "application/schema+json",
    text: include_str!("../../schema/run-summary.v1.schema.json"),
}];

fn resources() -> ListResourcesResult {
    let described = |document: &Document| {
        Resource::new(document.uri, document.name)
            .with_title(document.title)
            .with_description(document.description)
            .with_mime_type(document.mime_type)
            .with_size(document.text.len() as u64)
    };
    ListResourcesResult::with_all_items(DOCUMENTS.iter().map(described).collect())
}

fn resource(uri: &str) -> Option<ReadResourceResult> {
    let document = DOCUMENTS.iter().find(|document| document.uri == uri)?;
    let contents = ResourceContents::text(document.text, document.uri).with_mime_type(document.mime_type);
    Some(ReadResourceResult::new(vec![contents]))
}
