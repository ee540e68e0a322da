//! The configured limits of every run of a layer.

use super::alert::LimitScope;
use super::limit_set::{Limit, LimitSet, Stages, Unit};
use super::unpriced::UnpricedCalls;
use crate::ledger::Symbol;
use crate::summary::Limits;

/// Most stages that may have a limit: [`Stages`] is 32 bits, which fit into padding of a span's state. More would make each
/// span of every program larger.
pub(crate) const MOST_STAGES: usize = 32;

/// The configured limits. Each run gets a [`LimitSet`] of its own, and the layer one over all runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) run: Limits,
    /// Over all runs of the layer.
    pub(crate) total: Limits,
    stages: Vec<(Symbol, Limits)>,
    pub(crate) unpriced: UnpricedCalls,
}

impl Plan {
    /// The limits of a stage, for setting them; `None` beyond [`MOST_STAGES`].
    pub(crate) fn stage_mut(&mut self, stage: &str) -> Option<&mut Limits> {
        let stage = Symbol::intern(stage);
        let at = self.stages.iter().position(|(name, _)| *name == stage).unwrap_or(self.stages.len());
        // An error of the builder, not a limit that is silently ignored.
        if at == MOST_STAGES {
            return None;
        }
        if at == self.stages.len() {
            self.stages.push((stage, Limits::default()));
        }
        self.stages.get_mut(at).map(|(_, limits)| limits)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.run == Limits::default() && self.total == Limits::default() && self.stages.is_empty()
    }

    /// The stages with a limit, in the order in which they were configured; a stage's number is its position.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (Symbol, Limits)> {
        self.stages.iter().copied()
    }

    /// The scope of a limit, by the stage's number.
    pub(crate) fn scope(&self, stage: Option<usize>) -> LimitScope {
        let name = stage.and_then(|number| self.stages.get(number)).map(|(name, _)| name.as_str());
        name.map_or(LimitScope::Run, LimitScope::Stage)
    }

    /// The set of this one stage; empty if it has no limit.
    // Inlined: it runs for each new span, and without limits it is one comparison.
    #[inline]
    pub(crate) fn only(&self, stage: Option<Symbol>) -> Stages {
        if self.stages.is_empty() { Stages::NONE } else { self.find(stage) }
    }

    fn find(&self, stage: Option<Symbol>) -> Stages {
        // A scan: there are at most 32, and usually one or two.
        let at = stage.and_then(|stage| self.stages.iter().position(|(name, _)| *name == stage));
        at.map_or(Stages::NONE, Stages::only)
    }

    /// The limits over all runs; `None` without limits.
    pub(crate) fn total_limit_set(&self) -> Option<LimitSet> {
        let limits: Box<[Limit]> = limits_of(None, self.total).collect();
        (!limits.is_empty()).then(|| LimitSet::new(limits))
    }

    /// The limits for a run that starts, those of the run itself first; `None` without limits.
    pub(crate) fn limit_set(&self) -> Option<LimitSet> {
        // The run first: where both refuse, the wider limit is the one to report.
        let run = (None, self.run);
        let stages = self.stages.iter().enumerate().map(|(number, (_, limits))| (Some(number), *limits));
        let limits = std::iter::once(run).chain(stages).flat_map(|(stage, limits)| limits_of(stage, limits));
        let limits: Box<[Limit]> = limits.collect();
        (!limits.is_empty()).then(|| LimitSet::new(limits))
    }
}

/// The limits of one scope.
fn limits_of(stage: Option<usize>, limits: Limits) -> impl Iterator<Item = Limit> {
    let usd = limits.usd.map(|usd| Limit { stage, unit: Unit::Usd, amount: usd.pico() });
    let tokens = limits.tokens.map(|tokens| Limit { stage, unit: Unit::Tokens, amount: tokens.into() });
    [usd, tokens].into_iter().flatten()
}
