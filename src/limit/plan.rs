//! The limits that a builder was told.

use super::alert::LimitScope;
use super::meters::{Bound, Meters, Stages, Unit};
use super::unpriced::UnpricedCalls;
use crate::ledger::Symbol;
use crate::summary::Limits;

/// Stages that may have a limit; a place has one bit for each in the room that it had left.
pub(crate) const MOST_STAGES: usize = 32;

/// What every run of a layer may spend.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) run: Limits,
    stages: Vec<(Symbol, Limits)>,
    pub(crate) unpriced: UnpricedCalls,
}

impl Plan {
    /// The limits of a stage, to be set; `None` if too many stages have some.
    pub(crate) fn stage_mut(&mut self, stage: &str) -> Option<&mut Limits> {
        let stage = Symbol::intern(stage);
        let at = self.stages.iter().position(|(name, _)| *name == stage).unwrap_or(self.stages.len());
        if at == MOST_STAGES {
            return None;
        }
        if at == self.stages.len() {
            self.stages.push((stage, Limits::default()));
        }
        self.stages.get_mut(at).map(|(_, limits)| limits)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.run == Limits::default() && self.stages.is_empty()
    }

    /// The stages with a limit, in the order in which they were named.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (Symbol, Limits)> {
        self.stages.iter().copied()
    }

    /// Whose limit it is, by the stage's number.
    pub(crate) fn scope(&self, stage: Option<usize>) -> LimitScope {
        let name = stage.and_then(|number| self.stages.get(number)).map(|(name, _)| name.as_str());
        name.map_or(LimitScope::Run, LimitScope::Stage)
    }

    /// The stage by its bit, if it has a limit.
    #[inline]
    pub(crate) fn only(&self, stage: Option<Symbol>) -> Stages {
        if self.stages.is_empty() { Stages::NONE } else { self.find(stage) }
    }

    fn find(&self, stage: Option<Symbol>) -> Stages {
        let at = stage.and_then(|stage| self.stages.iter().position(|(name, _)| *name == stage));
        at.map_or(Stages::NONE, Stages::only)
    }

    /// The limits for a run that begins, those of the run itself first; `None` where nothing is limited.
    pub(crate) fn meters(&self) -> Option<Meters> {
        let run = (None, self.run);
        let stages = self.stages.iter().enumerate().map(|(number, (_, limits))| (Some(number), *limits));
        let bounds = std::iter::once(run).chain(stages).flat_map(|(stage, limits)| {
            let usd = limits.usd.map(|usd| Bound { stage, unit: Unit::Usd, limit: usd.pico() });
            let tokens =
                limits.tokens.map(|tokens| Bound { stage, unit: Unit::Tokens, limit: tokens.into() });
            [usd, tokens].into_iter().flatten()
        });
        let bounds: Box<[Bound]> = bounds.collect();
        (!bounds.is_empty()).then(|| Meters::new(bounds))
    }
}
