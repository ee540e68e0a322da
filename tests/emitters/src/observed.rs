//! One piece of work under a budget, and what the budget made of it.

use loopback_llm::Tokens;
use tracing_budget::sink::Memory;
use tracing_budget::{
    RunSummary,
    summary::{Figures, StageRow},
};
use tracing_subscriber::prelude::*;

use crate::Transcript;

/// The runs that a piece of work left behind, with everything that its libraries emitted.
///
/// Its assertions print the transcript: a wrong figure mostly means that a library emits something new.
#[derive(Debug)]
pub struct Observed {
    /// One document a run, in the order in which they ended.
    pub runs: Vec<RunSummary>,
    transcript: Transcript,
}

/// Does the work under a budget of its own, on this thread alone, and returns when all of it is closed.
///
/// # Panics
///
/// When the runtime or the budget cannot be built, or the budget cannot be flushed.
pub fn observe<T>(work: impl AsyncFnOnce() -> T) -> (T, Observed) {
    let memory = Memory::new();
    let transcript = Transcript::default();
    let (budget, guard) = tracing_budget::layer()
        .project("emitters")
        .sink(memory.clone())
        .build()
        .unwrap_or_else(|error| panic!("no budget: {error}"));
    let subscriber = tracing_subscriber::registry().with(budget).with(transcript.clone());
    let done = tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no runtime: {error}"));
        // The runtime is dropped first: a task that is not awaited closes its spans here.
        runtime.block_on(work())
    });
    guard.flush().unwrap_or_else(|error| panic!("not flushed: {error}\n{transcript}"));
    (done, Observed { runs: memory.take(), transcript })
}

impl Observed {
    /// The only run.
    ///
    /// # Panics
    ///
    /// When there is no run, or more than one.
    #[must_use]
    pub fn run(&self) -> &RunSummary {
        match self.runs.as_slice() {
            [run] => run,
            runs => {
                let names: Vec<_> = runs.iter().map(|run| &run.pipeline).collect();
                panic!("expected one run, got {names:?}\n{}", self.transcript)
            }
        }
    }

    /// The row of a stage of the only run.
    ///
    /// # Panics
    ///
    /// When there is not exactly one run, or it has no such stage.
    #[must_use]
    pub fn stage(&self, name: &str) -> &StageRow {
        let stages = &self.run().budget_summary.per_agent;
        stages.get(name).unwrap_or_else(|| panic!("no stage {name} in {stages:?}\n{}", self.transcript))
    }

    /// Asserts that all runs together made so many calls and used so many tokens, and that every run's rows add up
    /// to its totals.
    ///
    /// # Panics
    ///
    /// When they did not.
    pub fn assert_used(&self, calls: u64, tokens: Tokens) {
        let mut sum = (0, Tokens::default());
        for run in &self.runs {
            let figures = &run.budget_summary.total;
            sum = (sum.0 + figures.llm_calls, sum.1 + used(figures));
            run.check().unwrap_or_else(|error| panic!("{error}\n{}", self.transcript));
        }
        assert_eq!(sum, (calls, tokens), "calls and tokens of all runs\n{}", self.transcript);
    }

    /// Asserts that these figures have so many calls and so many tokens.
    ///
    /// # Panics
    ///
    /// When they do not.
    pub fn assert_figures(&self, figures: &Figures, calls: u64, tokens: Tokens) {
        assert_eq!((figures.llm_calls, used(figures)), (calls, tokens), "{figures:?}\n{}", self.transcript);
    }

    /// Asserts that the only run made so many calls of unknown usage, and no other calls. Their tokens must be unknown
    /// rather than zero.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn assert_unknown(&self, calls: u64) {
        let figures = &self.run().budget_summary.total;
        let unknown = (figures.llm_calls, figures.calls_without_usage, figures.tokens_used);
        assert_eq!(unknown, (calls, calls, None), "{figures:?}\n{}", self.transcript);
    }
}

fn used(figures: &Figures) -> Tokens {
    Tokens { input: figures.input_tokens, cached: figures.cache_read_tokens, output: figures.output_tokens }
}
