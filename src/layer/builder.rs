//! The builder of a layer: its settings, and the errors that they can have.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Once, Weak};

use tracing_core::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::books::Books;
use super::budget_layer::BudgetLayer;
use super::clock::Clock;
use super::core::{Core, Options};
use super::guard::BudgetGuard;
use super::installed;
use super::pricer::Pricer;
use super::switch;
use crate::attribution::ApartEmitter;
use crate::ledger::{IntoUsd, Usd, UsdError};
use crate::limit::{Alert, MOST_STAGES, UnpricedCalls};
use crate::price::{PriceBook, PriceBookError};
use crate::sink::{
    Callback, Delivery, JsonDir, JsonLines, OpenError, Sink, Worker, catch_panic, print_diagnostic,
};
use crate::summary::{Limits, RunSummary};

/// Names the project of a builder that was given none.
const PROJECT_VARIABLE: &str = "TRACING_BUDGET_PROJECT";

/// Starts building a layer.
///
/// `build` returns the layer and a guard. The guard delivers what is left when it is dropped, so keep it until the end of `main`.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let (budget, guard) = tracing_budget::layer().project("apprentice").build()?;
/// let subscriber = tracing_subscriber::registry().with(budget);
/// tracing::subscriber::with_default(subscriber, || {
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     tracing_budget::record_usage(&tracing_budget::Usage::new().input(100).output(10));
/// });
/// guard.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn layer() -> Builder {
    Builder { plan: Plan::default(), filter: PhantomData }
}

/// The settings of a layer. Nothing is checked, opened or started before [`Builder::build`].
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
/// Its parameter is the kind of filter: [`OwnFilter`], or [`Unfiltered`] after [`Builder::unfiltered`].
#[must_use = "a builder does nothing until it is built"]
pub struct Builder<F = OwnFilter> {
    pub(super) plan: Plan,
    filter: PhantomData<F>,
}

/// What an ERROR event does to the span that it happens in.
///
/// Deliberately not `#[non_exhaustive]`: an event either fails its span, or it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorEvents {
    /// It is counted in `error_events` of the run and of its stage.
    #[default]
    Count,
    /// It fails the span as well, and no span around it.
    Fail,
}

/// The layer receives spans and events of level INFO and above, through a filter of its own.
#[derive(Debug)]
pub enum OwnFilter {}

/// The layer receives what the application's filters let through.
#[derive(Debug)]
pub enum Unfiltered {}

/// Opens a sink when the layer is built.
type SinkOpener = Box<dyn FnOnce() -> Result<Box<dyn Sink>, Box<dyn std::error::Error + Send + Sync>> + Send>;

/// The settings so far.
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
    /// More than 32 stages have a limit.
    #[error(
        "stage {stage:?} is given a limit, and {MOST_STAGES} stages have one already, which is as many as may have"
    )]
    TooManyStageLimits {
        /// The first stage that is one too many.
        stage: String,
    },
    /// The limit over all runs is not an amount of money, or below zero.
    #[error("total_limit_usd: {0}")]
    TotalLimit(String),
    /// The rates for calls without a price cannot be used.
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
    /// The directory with journals of dead processes cannot be read.
    #[error(transparent)]
    Recover(crate::journal::RecoverError),
    /// A sink of [`Builder::open_sink`] cannot be opened.
    #[error(transparent)]
    OpenSink(Box<dyn std::error::Error + Send + Sync>),
    /// The price file that the environment variable `TRACING_BUDGET_PRICES` names cannot be used.
    #[error(transparent)]
    Prices(PriceBookError),
    /// The worker thread could not be started.
    #[error("the thread that delivers summaries could not be started: {0}")]
    Worker(std::io::Error),
}

impl<F> Builder<F> {
    /// Sets the project's name, which every summary carries.
    ///
    /// Default: the environment variable `TRACING_BUDGET_PROJECT`, else the name of the executable.
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.plan.options.project = Some(project.into());
        self
    }

    /// Declares the stages by the names of their spans, in the order of the summary.
    ///
    /// Only spans with these names, or with a `stage` field, are stages then. A declared stage that never ran is in the summary
    /// as `not_run`. Default: every direct child of the root that is no call, gate or tool, and every agent (`invoke_agent`).
    pub fn stages(mut self, stages: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for stage in stages {
            let stage = stage.into();
            self.check_name("stage", &stage, self.plan.options.stages.contains(&stage));
            self.plan.options.rules.stages.insert(stage.as_str().into());
            self.plan.options.stages.push(stage);
        }
        self
    }

    /// Lists the gates that must run. A gate that did not is in the summary as `skipped`, with the reason "not reached".
    pub fn expect_gates(mut self, gates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for gate in gates {
            let gate = gate.into();
            self.check_name("gate", &gate, self.plan.options.gates.contains(&gate));
            self.plan.options.gates.push(gate);
        }
        self
    }

    /// Restricts roots to spans with these names, at any depth.
    ///
    /// A span with such a name inside an open run is part of that run. What happens outside of all runs is in no summary; see
    /// [`Stats::outside`](super::Stats::outside). Default: every span without a parent is a root.
    pub fn roots(mut self, roots: impl IntoIterator<Item = impl Into<String>>) -> Self {
        for root in roots {
            let root = root.into();
            self.check_name("root", &root, self.plan.options.rules.roots.contains(root.as_str()));
            self.plan.options.rules.roots.insert(root.into());
        }
        self
    }

    /// Adds a tag to every run. A `tag.*` field with the same name in a run replaces it.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.plan.options.tags.push((name.into(), value.into()));
        self
    }

    /// Sets how many model calls of a run its summary lists one by one: failed ones first, then the most expensive, then the newest.
    ///
    /// Default and maximum: 1,000. 0 lists none. The others are counted in `calls_left_out`. A list of 1,000 takes about 250 KB of
    /// memory while the run is in flight, for each thread that makes as many calls.
    ///
    /// ```
    /// use tracing_budget::Usage;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().keep_calls(1).build()?;
    /// let handle = guard.handle();
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     let _pipeline = tracing::info_span!("pipeline").entered();
    ///     tracing_budget::record_usage(&Usage::new().input(100).output(10));
    ///     tracing_budget::record_usage(&Usage::new().input(200).output(20));
    ///     let run = &handle.snapshot()[0].budget_summary;
    ///     assert_eq!((run.calls.as_ref().map(Vec::len), run.calls_left_out), (Some(1), 1));
    /// });
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    pub fn keep_calls(mut self, most: usize) -> Self {
        self.plan.options.keep_calls = Some(most);
        self
    }

    /// Limits what a run may cost, in USD: a text such as `"5.00"`, a number (`5`, `0.25`), or a [`Usd`].
    ///
    /// The summary has the limit, what remains of it, and whether it was reached. Alerts fire once each at 50, 80, 95 and 100 %:
    /// see [`on_alert`](Self::on_alert). The layer stops nothing by itself: the program calls
    /// [`Current::check`](crate::Current::check) or [`Current::reserve`](crate::Current::reserve) before it spends.
    ///
    /// An amount that is not a number, or is negative, makes [`build`](Self::build) fail.
    pub fn limit_usd(mut self, limit: impl IntoUsd) -> Self {
        match amount(limit) {
            Ok(limit) => self.plan.options.limits.run.usd = Some(limit),
            Err(error) => self.fault(error),
        }
        self
    }

    /// Limits the tokens that a run may use, input plus output. Otherwise like [`limit_usd`](Self::limit_usd).
    pub fn limit_tokens(mut self, limit: u64) -> Self {
        self.plan.options.limits.run.tokens = Some(limit);
        self
    }

    /// Limits what all runs of this layer may cost together, in USD, from its build on. Otherwise like [`limit_usd`](Self::limit_usd).
    ///
    /// A limit of a run does not hold for a program with several: a server with one run a request, or tasks with a root of
    /// their own. This one does. Amounts that come after the end of their run count too. Whatever a call's run is, it must be in
    /// one: [`reserve`](crate::reserve()) refuses outside. The limit is in no summary; [`Handle::total_remaining`] has what is left.
    ///
    /// [`Handle::total_remaining`]: crate::Handle::total_remaining
    ///
    /// ```
    /// use tracing_budget::operation;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().total_limit_usd("0.10").build()?;
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     for _request in 0..2 {
    ///         let _run = tracing::info_span!("request").entered();
    ///         assert!(tracing_budget::check().is_ok());
    ///         operation("search").cost_usd("0.05").record();
    ///     }
    ///     let _run = tracing::info_span!("request").entered();
    ///     let error = tracing_budget::check().expect_err("ten cents are used");
    ///     assert_eq!(error.to_string(), "the total of all runs spent $0.10 of its $0.10 limit");
    /// });
    /// assert_eq!(guard.handle().total_remaining().usd, Some(tracing_budget::Usd::ZERO));
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    pub fn total_limit_usd(mut self, limit: impl IntoUsd) -> Self {
        match amount(limit) {
            Ok(limit) => self.plan.options.limits.total.usd = Some(limit),
            Err(BuildError::Limit(error)) => self.fault(BuildError::TotalLimit(error.to_string())),
            Err(_) => self.fault(BuildError::TotalLimit("it is below zero".to_owned())),
        }
        self
    }

    /// Limits the tokens that all runs of this layer may use together, input plus output. Otherwise like
    /// [`total_limit_usd`](Self::total_limit_usd).
    pub fn total_limit_tokens(mut self, limit: u64) -> Self {
        self.plan.options.limits.total.tokens = Some(limit);
        self
    }

    /// Limits what a stage may cost in one run, in USD.
    ///
    /// All attempts of the stage count together, with the stages inside it. At most 32 stages may have limits. Otherwise like
    /// [`limit_usd`](Self::limit_usd).
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

    /// Limits the tokens that a stage may use in one run, input plus output. Otherwise like
    /// [`stage_limit_usd`](Self::stage_limit_usd).
    pub fn stage_limit_tokens(mut self, stage: impl Into<String>, limit: u64) -> Self {
        self.limit_stage(stage.into(), |limits| limits.tokens = Some(limit));
        self
    }

    /// Sets how limits in USD treat calls without a price.
    ///
    /// Default: from the first such call on, checks and reservations are refused, as the limit cannot be verified any more.
    pub fn unpriced_calls(mut self, policy: UnpricedCalls) -> Self {
        if let UnpricedCalls::AtRate(rates) = &policy
            && let Some(fault) = rates.fault()
        {
            self.fault(BuildError::UnpricedRates(fault));
        }
        self.plan.options.limits.unpriced = policy;
        self
    }

    /// Adds a function that is called when 50, 80, 95 and 100 % of a limit are used: once each for every limit of a run. A booking
    /// that passes several of these marks fires the highest alone.
    ///
    /// It runs on the layer's delivery thread, with no subscriber active. Each call of this method adds a function. The same
    /// alert goes to every sink ([`Sink::alert`]), and to the application's subscriber as an event with the target
    /// `tracing_budget::alert`: level INFO at 50 %, WARN at 80 and 95 %, ERROR at 100 %.
    pub fn on_alert(mut self, call: impl FnMut(&Alert) + Send + 'static) -> Self {
        self.plan.callbacks.push(Box::new(call));
        self
    }

    /// Prices calls with this book instead of [`PriceBook::new`]. [`PriceBook::builder`] makes one with prices of your own;
    /// [`Handle::set_prices`](crate::Handle::set_prices) replaces it later.
    pub fn prices(mut self, book: impl Into<Arc<PriceBook>>) -> Self {
        self.plan.prices = Some(book.into());
        self
    }

    /// Declares that an emitter reports input tokens without the cached ones, as rig-core up to 0.42 does for Anthropic.
    ///
    /// `target` is the beginning of the target of its spans; `provider` restricts this to calls of one provider. The layer then
    /// adds the cached tokens to the input. If cached tokens exceed input tokens, it does so without this declaration.
    pub fn exclusive_cache(mut self, target: impl Into<String>, provider: Option<&str>) -> Self {
        let provider = provider.map(str::to_owned);
        self.plan.options.rules.exclusive_cache.push(ApartEmitter { target: target.into(), provider });
        self
    }

    /// Counts events with token fields from these targets, and from the modules inside them, as model calls.
    ///
    /// Events are log lines: one that repeats what a span has reported would count a call twice. So usage in events counts only from
    /// this crate's own functions, from known libraries, and from the targets that are named here.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().usage_events(["my_client"]).build()?;
    /// let handle = guard.handle();
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     let _pipeline = tracing::info_span!("pipeline").entered();
    ///     tracing::info!(target: "my_client::http", model = "gpt-5", input_tokens = 100, output_tokens = 10);
    ///     assert_eq!(handle.snapshot()[0].budget_summary.total.tokens_used, Some(110));
    /// });
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    pub fn usage_events(mut self, targets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.plan.options.rules.usage_events.extend(targets.into_iter().map(Into::into));
        self
    }

    /// Sets what an ERROR event does to the span that it happens in. Default: it is counted, and fails nothing.
    ///
    /// An `error` that a span's own function returns (`#[instrument(err)]`) fails the span in either case.
    pub fn error_events(mut self, effect: ErrorEvents) -> Self {
        self.plan.options.rules.error_events_fail = effect == ErrorEvents::Fail;
        self
    }

    /// Writes one JSON file per run into a directory, which is created if it is missing. See [`JsonDir`].
    pub fn json_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.plan.json_dirs.push(directory.into());
        self
    }

    /// Appends one line of JSON per run to a file, which is created if it is missing. See [`JsonLines`].
    pub fn json_lines(mut self, file: impl Into<PathBuf>) -> Self {
        self.plan.json_lines.push(file.into());
        self
    }

    /// Adds a sink that [`build`](Self::build) opens. It is not opened if the layer is switched off.
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

    /// Adds a sink for finished runs: a type that implements [`Sink`], or a closure that takes a
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

    /// Adds sinks for finished runs that were chosen at run time.
    pub fn sinks(mut self, sinks: impl IntoIterator<Item = Box<dyn Sink>>) -> Self {
        self.plan.sinks.extend(sinks);
        self
    }

    /// Sets how summaries are delivered: the length of the queue, the retries of a failing sink, the time limits.
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.plan.delivery = delivery;
        self
    }

    /// Switches the layer on or off, for a program with a switch in its own configuration. Default: `true`.
    ///
    /// A layer that is off enables no callsite and does nothing for a span; building it opens no sink, starts no thread and
    /// checks nothing. [`Handle::why_disabled`](crate::Handle::why_disabled) returns the reason. The environment can switch the
    /// layer off too: `TRACING_BUDGET=off` or `ENABLE_COST_TRACKING=false` (also `0` and `no`, in upper or lower case).
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

    /// Restricts the layer to the threads that have its subscriber.
    pub(crate) fn scoped(mut self) -> Self {
        self.plan.options.is_scoped = true;
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
        let book = match prices {
            Some(book) => book,
            None => Arc::new(PriceBook::builder().build().map_err(BuildError::Prices)?),
        };
        if let Some(fault) = book.fault() {
            static ONCE: Once = Once::new();
            ONCE.call_once(|| print_diagnostic(fault));
        }
        options.books = Arc::new(Books::new(&book));
        (options.flush_timeout, options.close_timeout) = (delivery.flush_timeout, delivery.close_timeout);
        let clock = Clock::new();
        let (journal, dead) = journal_plan.open(&options, &clock, !sinks.is_empty())?;
        let read = Arc::clone(&book);
        // Passed once the layer is there: the worker's thread reads the prices before that, and settles what waits for them after.
        let (pass, passed) = sync_channel::<Weak<Core>>(1);
        let worker = Worker::spawn(sinks, delivery, move || {
            // If it panics, nothing may wait for ever: a call that needs a price panics as well.
            let _ = catch_panic(|| read.warm());
            if let Some(core) = passed.recv().ok().and_then(|core| core.upgrade()) {
                core.settle_early();
            }
        })
        .map_err(BuildError::Worker)?;
        worker.call_on_alert(callbacks);
        let books = Arc::clone(&options.books);
        let core =
            Arc::new(Core::new(options, Pricer::new(book, Arc::clone(&books)), worker, clock, journal));
        let _ = pass.send(Arc::downgrade(&core));
        core.recover(dead);
        installed::add(&core);
        let seen = Arc::downgrade(&core);
        core.delivery
            .worker
            .set_run_list(move || seen.upgrade().map_or_else(Vec::new, |core| core.snapshots()));
        Ok((BudgetLayer { core: Arc::clone(&core) }, BudgetGuard::new(core)))
    }

    fn limit_stage(&mut self, stage: String, set: impl FnOnce(&mut Limits)) {
        self.check_name("stage", &stage, false);
        match self.plan.options.limits.stage_mut(&stage) {
            Some(limits) => set(limits),
            None => self.fault(BuildError::TooManyStageLimits { stage }),
        }
    }

    /// Like [`start`](Self::start), but an error is printed to stderr and results in a layer that does nothing.
    fn start_or_disable(mut self) -> (BudgetLayer, BudgetGuard) {
        // The bundled prices, with a warning: a variable with a wrong path must not lift the limits that the program has set.
        self.plan.prices.get_or_insert_with(|| Arc::new(PriceBook::new()));
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

    /// Keeps the first error for `build`.
    fn fault(&mut self, error: BuildError) {
        self.plan.wrong.get_or_insert(error);
    }
}

impl Builder {
    /// Removes the layer's own filter, and leaves filtering to the application.
    ///
    /// By default the layer receives INFO and above through a filter of its own. That filter enables no callsite of a lower
    /// level, and disables none that other layers want. Without it, put a filter around the layer: otherwise every TRACE callsite
    /// of the program is enabled.
    pub fn unfiltered(self) -> Builder<Unfiltered> {
        Builder { plan: self.plan, filter: PhantomData }
    }

    /// Builds the layer and its guard.
    ///
    /// The guard ends and delivers what is left when it is dropped: keep it until the end of `main`. The pattern
    /// `let (budget, _) = …` drops it at once, and every run is lost.
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
    /// - A limit is not an amount of money, or is negative; more than 32 stages have limits.
    /// - A declared stage, gate or root is empty or declared twice.
    /// - The directory or file of a sink or of the journal cannot be written.
    /// - The delivery thread cannot be started.
    /// - `TRACING_BUDGET_PRICES` names no readable price list, and no book is given.
    pub fn build<S>(self) -> Result<(impl Layer<S> + Send + Sync + 'static + use<S>, BudgetGuard), BuildError>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (layer, guard) = self.start()?;
        Ok((switch::filtered(layer), guard))
    }

    /// Builds the layer and its guard, or a layer that does nothing if that fails.
    ///
    /// For programs that must start even if their accounting cannot. The error is printed to stderr in one line, and
    /// [`Handle::why_disabled`](crate::Handle::why_disabled) returns it.
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
    /// Builds the layer without a filter of its own, and its guard. Otherwise like [`Builder::build`].
    ///
    /// # Errors
    ///
    /// Those of [`Builder::build`].
    pub fn build<S>(self) -> Result<(impl Layer<S> + Send + Sync + 'static + use<S>, BudgetGuard), BuildError>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (layer, guard) = self.start()?;
        Ok((switch::unfiltered(layer), guard))
    }

    /// Builds the layer without a filter of its own, or one that does nothing. Otherwise like [`Builder::build_or_disabled`].
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
