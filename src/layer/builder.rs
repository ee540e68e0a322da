//! Building a layer: what it is told, and what can be wrong with that.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use tracing_core::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::budget_layer::BudgetLayer;
use super::clock::Clock;
use super::core::{Core, Emitter, Options};
use super::guard::BudgetGuard;
use super::models::Models;
use super::switch;
use crate::ledger::{IntoUsd, Usd, UsdError};
use crate::limit::{Alert, MOST_STAGES, UnpricedCalls};
use crate::price::PriceBook;
use crate::sink::{Callback, Delivery, JsonDir, JsonLines, OpenError, Sink, Worker, print_diagnostic};
use crate::summary::{Limits, RunSummary};

/// Names the project of a builder that was given none.
const PROJECT_VARIABLE: &str = "TRACING_BUDGET_PROJECT";

/// Starts building a layer.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let (budget, guard) = tracing_budget::layer().project("apprentice").build()?;
/// let subscriber = tracing_subscriber::registry().with(budget);
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info_span!("pipeline").in_scope(|| tracing::info!(model = "gpt-5", input_tokens = 100, output_tokens = 10));
/// });
/// guard.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn layer() -> Builder {
    Builder { plan: Plan::default(), filter: PhantomData }
}

/// What a layer is to do. Nothing is checked, opened or started before [`Builder::build`].
///
/// ```
/// # fn main() -> Result<(), tracing_budget::BuildError> {
/// # let directory = std::env::temp_dir().join("tracing-budget-doc-builder");
/// let builder = tracing_budget::layer()
///     .project("apprentice")
///     .stages(["discovery", "implementation", "review"])
///     .expect_gates(["lint", "sign_off"])
///     .tag("tier", "2")
///     .limit_usd("5.00")
///     .json_dir(directory);
/// let (budget, guard) = builder.build::<tracing_subscriber::Registry>()?;
/// # drop((budget, guard));
/// # Ok(())
/// # }
/// ```
///
/// Its parameter says who filters: [`OwnFilter`], or after [`Builder::unfiltered`] the application.
#[must_use = "a builder does nothing until it is built"]
pub struct Builder<F = OwnFilter> {
    pub(super) plan: Plan,
    filter: PhantomData<F>,
}

/// The layer sees INFO and above through a filter of its own.
#[derive(Debug)]
pub enum OwnFilter {}

/// The layer sees what the application lets it see.
#[derive(Debug)]
pub enum Unfiltered {}

/// Opens a sink when the layer is built.
type SinkOpener = Box<dyn FnOnce() -> Result<Box<dyn Sink>, Box<dyn std::error::Error + Send + Sync>> + Send>;

/// What the builder was told.
#[derive(Default)]
pub(super) struct Plan {
    options: Options,
    prices: Option<Arc<PriceBook>>,
    sinks: Vec<Box<dyn Sink>>,
    json_dirs: Vec<PathBuf>,
    json_lines: Vec<PathBuf>,
    callbacks: Vec<Callback>,
    openers: Vec<SinkOpener>,
    delivery: Delivery,
    pub(super) journal: super::journal_plan::JournalPlan,
    is_unwanted: bool,
    wrong: Option<BuildError>,
}

/// Why a layer could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A limit is not an amount of money.
    #[error("limit_usd: {0}")]
    Limit(UsdError),
    /// A limit is below zero.
    #[error("limit_usd: {0} USD is below zero, and nothing can be spent under such a limit")]
    NegativeLimit(Usd),
    /// The limit of a stage is not an amount of money, or below zero.
    #[error("stage_limit_usd of {stage:?}: {problem}")]
    StageLimit {
        /// The stage.
        stage: String,
        /// What is wrong with its limit.
        problem: String,
    },
    /// More stages have a limit than there may be.
    #[error(
        "stage {stage:?} is given a limit, and {MOST_STAGES} stages have one already, which is as many as may have"
    )]
    TooManyStageLimits {
        /// The first stage that is one too many.
        stage: String,
    },
    /// The rates for calls without a price are none.
    #[error("unpriced_calls: the rates cannot be used: {0}")]
    UnpricedRates(String),
    /// A stage, gate or root was declared without a name, or twice.
    #[error("{what} {name:?} is {problem}")]
    Name {
        /// `stage`, `gate` or `root`.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A sink's file or directory, or that of the journal, cannot be written.
    #[error(transparent)]
    Sink(#[from] OpenError),
    /// The journals of dead processes cannot be looked for.
    #[error(transparent)]
    Recover(crate::journal::RecoverError),
    /// A sink of [`Builder::open_sink`] cannot be opened.
    #[error(transparent)]
    OpenSink(Box<dyn std::error::Error + Send + Sync>),
    /// The worker thread could not be started.
    #[error("the thread that delivers summaries could not be started: {0}")]
    Worker(std::io::Error),
}

impl<F> Builder<F> {
    /// Names the project. Without it, `TRACING_BUDGET_PROJECT` does, or else the root span's crate.
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.plan.options.project = Some(project.into());
        self
    }

    /// Declares the stages, in their order. Then only spans with these names, or with a `stage` field, are stages, and
    /// those that never ran are in the summary as `not_run`. Without it, every direct child of the root is a stage.
    pub fn stages(mut self, stages: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for stage in stages {
            let stage = stage.into();
            self.check_name("stage", &stage, self.plan.options.stages.contains(&stage));
            self.plan.options.named.stages.insert(stage.as_str().into());
            self.plan.options.stages.push(stage);
        }
        self
    }

    /// Lists the gates that must run. Those that did not are in the summary as `skipped`, «not reached».
    pub fn expect_gates(mut self, gates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for gate in gates {
            let gate = gate.into();
            self.check_name("gate", &gate, self.plan.options.gates.contains(&gate));
            self.plan.options.gates.push(gate);
        }
        self
    }

    /// Narrows runs to spans with these names, wherever they stand; one inside the run of another is a part of that run.
    /// Without it, every span without a parent is a root. What happens outside of such a run is in no summary.
    pub fn roots(mut self, roots: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for root in roots {
            let root = root.into();
            self.check_name("root", &root, self.plan.options.named.roots.contains(root.as_str()));
            self.plan.options.named.roots.insert(root.into());
        }
        self
    }

    /// Puts a label on every run. A `tag.*` field of the same name in a run goes before it.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plan.options.tags.push((name.into(), value.into()));
        self
    }

    /// Limits what a run may cost, in USD: a text such as `"5.00"`, a number (`5`, `0.25`), or a [`Usd`].
    ///
    /// The limit is written to the summary, with what remains of it and whether it was reached. At 50, 80, 95 and 100 % of it
    /// somebody is told: see [`on_alert`](Self::on_alert). Nothing is stopped by itself; the program asks before it spends,
    /// by [`Current::check`](crate::Current::check) or [`Current::reserve`](crate::Current::reserve).
    pub fn limit_usd(mut self, limit: impl IntoUsd) -> Self {
        match amount(limit) {
            Ok(limit) => self.plan.options.limits.run.usd = Some(limit),
            Err(error) => self.fault(error),
        }
        self
    }

    /// Limits the tokens that a run may use, input and output together; as [`limit_usd`](Self::limit_usd) otherwise.
    pub fn limit_tokens(mut self, limit: u64) -> Self {
        self.plan.options.limits.run.tokens = Some(limit);
        self
    }

    /// Limits what a stage may cost in one run, in USD, with everything inside it: all of its attempts together, and the
    /// stages in it. As [`limit_usd`](Self::limit_usd) otherwise. At most 32 stages may have limits.
    ///
    /// ```
    /// # fn main() -> Result<(), tracing_budget::BuildError> {
    /// let builder = tracing_budget::layer()
    ///     .limit_usd("5.00")
    ///     .stage_limit_usd("implementation", "2.00")
    ///     .stage_limit_tokens("review", 50_000);
    /// # builder.build::<tracing_subscriber::Registry>()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stage_limit_usd(mut self, stage: impl Into<String>, limit: impl IntoUsd) -> Self {
        let stage = stage.into();
        match amount(limit) {
            Ok(limit) => self.limit_stage(stage, |limits| limits.usd = Some(limit)),
            Err(BuildError::Limit(error)) => {
                self.fault(BuildError::StageLimit { stage, problem: error.to_string() });
            }
            Err(_) => self.fault(BuildError::StageLimit { stage, problem: "it is below zero".to_owned() }),
        }
        self
    }

    /// Limits the tokens that a stage may use in one run, with everything inside it; as
    /// [`stage_limit_usd`](Self::stage_limit_usd) otherwise.
    pub fn stage_limit_tokens(mut self, stage: impl Into<String>, limit: u64) -> Self {
        self.limit_stage(stage.into(), |limits| limits.tokens = Some(limit));
        self
    }

    /// Says what limits in USD make of calls without a price; from the first one on, checks and reservations are refused
    /// unless told otherwise.
    pub fn unpriced_calls(mut self, policy: UnpricedCalls) -> Self {
        if let UnpricedCalls::AtRate(rates) = &policy
            && let Some(fault) = rates.fault()
        {
            self.fault(BuildError::UnpricedRates(fault));
        }
        self.plan.options.limits.unpriced = policy;
        self
    }

    /// Calls a function when 50, 80, 95 or 100 % of a limit are used: once each for every limit of a run, on the layer's
    /// delivery thread, with no subscriber active. May be given several times.
    ///
    /// The same is told to every sink ([`Sink::alert`]), and to the application's subscriber as an event with the target
    /// `tracing_budget::alert`, of level INFO at 50 %, WARN at 80 and 95 %, and ERROR at 100 %.
    pub fn on_alert(mut self, call: impl FnMut(&Alert) + Send + 'static) -> Self {
        self.plan.callbacks.push(Box::new(call));
        self
    }

    /// Prices calls with this book instead of the bundled one; see [`PriceBook::builder`] for prices of your own.
    pub fn prices(mut self, book: impl Into<Arc<PriceBook>>) -> Self {
        self.plan.prices = Some(book.into());
        self
    }

    /// Says that spans whose target begins so count input without what came from the cache, as rig-core up to 0.42 does
    /// with Anthropic. Where the cached tokens exceed the input this is noticed anyway.
    pub fn exclusive_cache(mut self, target: impl Into<String>, provider: Option<&str>) -> Self {
        let provider = provider.map(str::to_owned);
        self.plan.options.exclusive_cache.push(Emitter { target: target.into(), provider });
        self
    }

    /// Writes one JSON file a run into a directory, which is made where it is missing; see [`JsonDir`].
    pub fn json_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.plan.json_dirs.push(directory.into());
        self
    }

    /// Appends one line of JSON a run to a file, which is made where it is missing; see [`JsonLines`].
    pub fn json_lines(mut self, file: impl Into<PathBuf>) -> Self {
        self.plan.json_lines.push(file.into());
        self
    }

    /// Adds a sink that [`build`](Self::build) opens: nothing is opened before, and nothing for a layer that is switched off.
    ///
    /// An error of `open` becomes [`BuildError::OpenSink`].
    ///
    /// ```
    /// use tracing_budget::sink::JsonDir;
    ///
    /// let builder = tracing_budget::layer().open_sink(|| JsonDir::new("")).enabled(false);
    /// assert!(builder.build::<tracing_subscriber::Registry>().is_ok());
    /// ```
    pub fn open_sink<S, E>(mut self, open: impl FnOnce() -> Result<S, E> + Send + 'static) -> Self
    where
        S: Sink,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.plan
            .openers
            .push(Box::new(move || open().map(|sink| Box::new(sink) as Box<dyn Sink>).map_err(Into::into)));
        self
    }

    /// Hands finished runs to a sink of your own: anything that implements [`Sink`], or a closure that takes a
    /// [`RunSummary`](crate::RunSummary).
    pub fn sink(mut self, sink: impl Sink) -> Self {
        self.plan.sinks.push(Box::new(sink));
        self
    }

    /// Calls a function with every finished run, on the layer's delivery thread.
    ///
    /// A closure that [`sink`](Self::sink) takes must name the type of its argument; here the compiler infers it.
    ///
    /// ```
    /// # fn main() -> Result<(), tracing_budget::BuildError> {
    /// let builder = tracing_budget::layer().on_run(|run| println!("{run}"));
    /// # builder.build::<tracing_subscriber::Registry>()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_run(self, call: impl FnMut(&RunSummary) + Send + 'static) -> Self {
        self.sink(call)
    }

    /// Hands finished runs to sinks that were chosen at run time.
    pub fn sinks(mut self, sinks: impl IntoIterator<Item = Box<dyn Sink>>) -> Self {
        self.plan.sinks.extend(sinks);
        self
    }

    /// Says how summaries are delivered: how many may wait, and how often a sink that fails is tried again.
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.plan.delivery = delivery;
        self
    }

    /// Says whether there is to be a layer at all, `true` unless told otherwise: for a switch in a program's own
    /// configuration.
    ///
    /// With `false`, and likewise if the environment has `TRACING_BUDGET=off` or `ENABLE_COST_TRACKING=false` (or `0` or `no`, in
    /// any case), building opens no sink, starts no thread and checks nothing; the layer switches no callsite on and does
    /// nothing for a span. [`Handle::why_disabled`](crate::Handle::why_disabled) says so.
    ///
    /// ```
    /// # fn main() -> Result<(), tracing_budget::BuildError> {
    /// let builder = tracing_budget::layer().json_dir("/nowhere/that/can/be/written").enabled(false);
    /// let (budget, guard) = builder.build::<tracing_subscriber::Registry>()?;
    /// assert!(!guard.handle().is_enabled());
    /// # drop(budget);
    /// # Ok(())
    /// # }
    /// ```
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.plan.is_unwanted = !enabled;
        self
    }

    fn start(self) -> Result<(BudgetLayer, BudgetGuard), BuildError> {
        let unwanted = self.plan.is_unwanted.then(|| "Builder::enabled(false)".to_owned());
        if let Some(why) = unwanted.or_else(switch::off_by_environment) {
            return Ok(switch::disabled(why));
        }
        let Plan {
            mut options,
            prices,
            mut sinks,
            json_dirs,
            json_lines,
            callbacks,
            openers,
            delivery,
            journal: journal_plan,
            is_unwanted: _,
            wrong,
        } = self.plan;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        for directory in json_dirs {
            sinks.push(Box::new(JsonDir::new(directory)?));
        }
        for file in json_lines {
            sinks.push(Box::new(JsonLines::new(file)?));
        }
        for open in openers {
            sinks.push(open().map_err(BuildError::OpenSink)?);
        }
        if options.project.is_none() {
            options.project = std::env::var(PROJECT_VARIABLE).ok().filter(|project| !project.is_empty());
        }
        let book = prices.unwrap_or_default();
        options.book = book.name().as_str().to_owned();
        options.close_timeout = delivery.close_timeout;
        let clock = Clock::new();
        let (journal, dead) = journal_plan.open(&options, &clock, !sinks.is_empty())?;
        let warm = Arc::clone(&book);
        let worker = Worker::spawn(sinks, delivery, move || warm.warm()).map_err(BuildError::Worker)?;
        worker.call_on_alert(callbacks);
        let core = Arc::new(Core::new(options, Models::new(book), worker, clock, journal));
        core.recover(dead);
        let seen = Arc::downgrade(&core);
        core.worker.set_run_list(move || seen.upgrade().map_or_else(Vec::new, |core| core.snapshots()));
        Ok((BudgetLayer { core: Arc::clone(&core) }, BudgetGuard::new(core)))
    }

    fn limit_stage(&mut self, stage: String, set: impl FnOnce(&mut Limits)) {
        self.check_name("stage", &stage, false);
        match self.plan.options.limits.stage_mut(&stage) {
            Some(limits) => set(limits),
            None => self.fault(BuildError::TooManyStageLimits { stage }),
        }
    }

    /// As [`start`](Self::start); what cannot be built is said on stderr, and is no layer.
    fn start_or_disable(self) -> (BudgetLayer, BudgetGuard) {
        self.start().unwrap_or_else(|error| {
            print_diagnostic(&format!("nothing is counted, as the layer could not be built: {error}"));
            switch::disabled(error.to_string())
        })
    }

    fn check_name(&mut self, what: &'static str, name: &str, is_known: bool) {
        let problem = match name {
            "" => "empty",
            _ if is_known => "declared twice",
            _ => return,
        };
        self.fault(BuildError::Name { what, name: name.to_owned(), problem });
    }

    /// Keeps the first fault for `build`.
    fn fault(&mut self, error: BuildError) {
        self.plan.wrong.get_or_insert(error);
    }
}

impl Builder {
    /// Leaves filtering to the application. By default the layer sees INFO and above through a filter of its own, which
    /// neither switches callsites on that nobody else wants nor off that others want; without it, put a filter around
    /// the layer, or every TRACE callsite is on.
    pub fn unfiltered(self) -> Builder<Unfiltered> {
        Builder { plan: self.plan, filter: PhantomData }
    }

    /// Builds the layer, and the guard that ends and delivers what is left when it is dropped: keep it until the end of
    /// `main`. In `let (budget, _) = …` it is dropped at once, and every run is lost.
    ///
    /// The layer's own filter needs a subscriber that supports per-layer filters: `registry().with(..)`. On
    /// `tracing_subscriber::fmt().finish()` registering it panics, as with every filtered layer; write
    /// `registry().with(fmt::layer()).with(budget)`, or use [`unfiltered`](Self::unfiltered). A filter on the whole subscriber, such as a
    /// global `EnvFilter`, hides spans from this layer too.
    ///
    /// A layer is built for one type of subscriber. Where the program chooses its layers at run time, build in each branch, or
    /// put the budget first and make the others optional:
    ///
    /// ```
    /// # fn main() -> Result<(), tracing_budget::BuildError> {
    /// use tracing_subscriber::{fmt, prelude::*};
    ///
    /// # let json = true;
    /// let builder = tracing_budget::layer();
    /// let guard = if json {
    ///     let (budget, guard) = builder.build()?;
    ///     tracing_subscriber::registry().with(fmt::layer().without_time()).with(budget).init();
    ///     guard
    /// } else {
    ///     let (budget, guard) = builder.build()?;
    ///     let text = fmt::layer().compact();
    ///     tracing_subscriber::registry().with(budget).with(text).init();
    ///     guard
    /// };
    /// # drop(guard);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When a limit is no amount, a declared name is empty or given twice, a directory or file cannot be written, or no
    /// thread can be started.
    pub fn build<S>(self) -> Result<(impl Layer<S> + Send + Sync + 'static + use<S>, BudgetGuard), BuildError>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (layer, guard) = self.start()?;
        Ok((switch::filtered(layer), guard))
    }

    /// As [`build`](Self::build), for programs that must come up whatever becomes of their accounting: where that fails, one
    /// line on stderr says why, the layer does nothing, and [`Handle::why_disabled`](crate::Handle::why_disabled) tells.
    ///
    /// ```
    /// let builder = tracing_budget::layer().limit_usd("five dollars");
    /// let (budget, guard) = builder.build_or_disabled::<tracing_subscriber::Registry>();
    /// assert!(guard.handle().why_disabled().is_some_and(|why| why.contains("five dollars")));
    /// # drop(budget);
    /// ```
    pub fn build_or_disabled<S>(self) -> (impl Layer<S> + Send + Sync + 'static + use<S>, BudgetGuard)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (layer, guard) = self.start_or_disable();
        (switch::filtered(layer), guard)
    }
}

impl Builder<Unfiltered> {
    /// Builds the layer without a filter of its own, and the guard; as [`Builder::build`] otherwise.
    ///
    /// # Errors
    ///
    /// The same as of [`Builder::build`].
    pub fn build<S>(self) -> Result<(impl Layer<S> + Send + Sync + 'static + use<S>, BudgetGuard), BuildError>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (layer, guard) = self.start()?;
        Ok((switch::unfiltered(layer), guard))
    }

    /// Builds the layer without a filter of its own, or one that does nothing; as [`Builder::build_or_disabled`] otherwise.
    pub fn build_or_disabled<S>(self) -> (impl Layer<S> + Send + Sync + 'static + use<S>, BudgetGuard)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (layer, guard) = self.start_or_disable();
        (switch::unfiltered(layer), guard)
    }
}

/// An amount that a limit may have.
fn amount(limit: impl IntoUsd) -> Result<Usd, BuildError> {
    match limit.into_usd() {
        Ok(limit) if limit < Usd::ZERO => Err(BuildError::NegativeLimit(limit)),
        Ok(limit) => Ok(limit),
        Err(error) => Err(BuildError::Limit(error)),
    }
}

impl<F> std::fmt::Debug for Builder<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Plan { options, sinks, json_dirs, json_lines, openers, is_unwanted, .. } = &self.plan;
        f.debug_struct("Builder")
            .field("project", &options.project)
            .field("stages", &options.stages)
            .field("gates", &options.gates)
            .field("limits", &options.limits.run)
            .field("sinks", &(sinks.len() + json_dirs.len() + json_lines.len() + openers.len()))
            .field("enabled", &!is_unwanted)
            .finish_non_exhaustive()
    }
}
