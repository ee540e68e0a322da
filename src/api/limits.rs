//! Limits from anywhere in a program: they fail closed where no run is open.

use std::sync::Arc;

use super::{Current, Permit};
use crate::layer::{Core, Location, locate};
use crate::ledger::IntoUsd;
use crate::limit::{BudgetExceeded, OutsideOfRun, Remaining, Unit};

/// Takes room for a call that may cost so much, in every limit that applies to the caller, or in none.
///
/// This is the guard to put before every call that costs money: [`Permit::call`] then opens the call. What is used and what is
/// reserved together never pass a limit, however many reserve at once. The answer depends on where the caller is:
///
/// | caller | answer |
/// |---|---|
/// | in a run of a layer with limits | a permit, or an error if a limit has less room than that |
/// | outside of any run, where a layer with limits is installed | [`BudgetExceeded::OutsideOfRun`], with the reason |
/// | under a layer without limits, or one that is switched off on purpose | a permit that holds nothing |
/// | without any layer in the process | a permit that holds nothing |
///
/// A thread without any subscriber counts as outside as long as a layer with limits is installed on another thread: it has
/// lost the subscriber. A subscriber without a budget layer is a choice, and passes.
///
/// ```
/// use tracing_budget::{Usage, record::UsageRecord, reserve};
/// use tracing_subscriber::prelude::*;
///
/// fn ask(question: &str) -> Result<String, Box<dyn std::error::Error>> {
///     let call = reserve("0.10")?.call("gpt-5").provider("openai").start(); // an error if there is not that much left
///     let answer = call.in_scope(|| format!("{question}: 42"));
///     call.finish(UsageRecord::new(Usage::new().input(3_000).output(987)).cost("0.08"));
///     Ok(answer)
/// }
///
/// let (budget, _guard) = tracing_budget::layer().limit_usd("0.15").build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     assert!(ask("before the run").is_err());
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     assert!(ask("in the run").is_ok());
///     assert_eq!(tracing_budget::remaining().map(|left| left.usd), Ok("0.07".parse().ok()));
///     assert!(ask("again").is_err()); // seven cents are left
/// });
/// # Ok::<(), tracing_budget::BuildError>(())
/// ```
///
/// # Errors
///
/// - A limit is used up, has less room than that, or cannot be proven to hold; the widest limit that refuses is named.
/// - Limits are set, and no run encloses the caller, or a filter hides a part of the run.
/// - The run has ended, or `usd` is not an amount.
pub fn reserve(usd: impl IntoUsd) -> Result<Permit, BudgetExceeded> {
    // Fail closed: an estimate that cannot be read must not let money through.
    let usd = usd.into_usd().map_err(BudgetExceeded::NotAnAmount)?;
    permit(Unit::Usd, usd.pico())
}

/// Takes room for a call that may use so many tokens; as [`reserve`] otherwise.
///
/// ```
/// # fn ask() -> Result<(), tracing_budget::limit::BudgetExceeded> {
/// let call = tracing_budget::reserve_tokens(4_000)?.call("gpt-5").start();
/// # drop(call);
/// # Ok(())
/// # }
/// # assert!(ask().is_ok()); // no layer
/// ```
///
/// # Errors
///
/// As [`reserve`].
pub fn reserve_tokens(tokens: u64) -> Result<Permit, BudgetExceeded> {
    permit(Unit::Tokens, tokens.into())
}

/// Whether the caller may spend more: an error if a limit is used up, and where [`reserve`] has one.
///
/// A call counts once its span has closed. Two tasks that both check may both spend: where that matters, [`reserve`].
///
/// ```
/// fn next_step() -> Result<(), tracing_budget::limit::BudgetExceeded> {
///     tracing_budget::check()?;
///     // … one call at a time …
///     Ok(())
/// }
/// assert!(next_step().is_ok()); // no layer
/// ```
///
/// # Errors
///
/// As [`reserve`], without those about the amount.
pub fn check() -> Result<(), BudgetExceeded> {
    match run_of_caller().map_err(refuse)? {
        Some(run) => run.check(),
        None => Ok(()),
    }
}

/// What the caller may still spend, under the limit that leaves least. Without limits both figures are `None`.
///
/// ```
/// use tracing_budget::limit::{OutsideOfRun, Remaining};
/// use tracing_subscriber::prelude::*;
///
/// assert_eq!(tracing_budget::remaining(), Ok(Remaining::default())); // no layer
/// let (budget, _guard) = tracing_budget::layer().limit_tokens(100_000).build()?;
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     assert_eq!(tracing_budget::remaining(), Err(OutsideOfRun::NoSpan));
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     assert_eq!(tracing_budget::remaining().map(|left| left.tokens), Ok(Some(100_000)));
/// });
/// # Ok::<(), tracing_budget::BuildError>(())
/// ```
///
/// # Errors
///
/// [`OutsideOfRun`] where a layer with limits is installed, and no run encloses the caller.
pub fn remaining() -> Result<Remaining, OutsideOfRun> {
    match run_of_caller() {
        Ok(Some(run)) => run.whole().map(|run| run.remaining()),
        Ok(None) => Ok(Remaining::default()),
        Err((_, why)) => Err(why),
    }
}

fn permit(unit: Unit, amount: i128) -> Result<Permit, BudgetExceeded> {
    match run_of_caller().map_err(refuse)? {
        Some(run) => run.permit(unit, amount),
        None => Ok(Permit::unlimited()),
    }
}

/// The run that encloses the caller; `None` where there are no limits.
fn run_of_caller() -> Result<Option<Current>, (Arc<Core>, OutsideOfRun)> {
    match locate() {
        Location::Run(core, position) => Ok(Some(Current::new(core, position))),
        Location::Unlimited => Ok(None),
        Location::Outside(core, why) => Err((core, why)),
    }
}

/// Counts a refusal with its layer, and the guard of that reports it.
fn refuse((core, why): (Arc<Core>, OutsideOfRun)) -> BudgetExceeded {
    core.count_refusal();
    why.into()
}
