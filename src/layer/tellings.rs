//! Log lines that report a call: counted nowhere, and named once if no call of the run is the one that they report (A7).

use crate::ledger::{Kind, Symbol, Usage};

/// Calls that each part of a run remembers. A log line comes right before or after its call.
const RECENT: usize = 16;

/// Log lines that wait for their call. A program that logs more without any call has its warning by then.
const WAITING: usize = 64;

/// Usage as one number: two tellings of one call have the same.
// Inlined: a few instructions, for every call.
#[inline]
pub(crate) fn figure(usage: &Usage) -> u64 {
    let (input, output) = (usage.count(Kind::Input), usage.count(Kind::Output) + usage.count(Kind::Tokens));
    // An odd multiplier spreads the output over the high bits; 0 is "no call".
    (input ^ output.wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1)
}

/// Usage of the calls that one thread booked last.
#[derive(Debug, Default)]
pub(crate) struct RecentCalls {
    figures: [u64; RECENT],
    next: usize,
}

impl RecentCalls {
    // Inlined: two stores, for every call.
    #[inline]
    pub(crate) fn push(&mut self, usage: &Usage) {
        self.figures[self.next % RECENT] = figure(usage);
        self.next = self.next.wrapping_add(1);
    }

    pub(crate) fn has(&self, figure: u64) -> bool {
        self.figures.contains(&figure)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Log lines of a run that wait for the call that they report.
#[derive(Debug, Default)]
pub(crate) struct Tellings {
    waiting: Vec<(Symbol, u64)>,
}

impl Tellings {
    /// Keeps a log line from this target.
    pub(crate) fn wait(&mut self, target: Symbol, figure: u64) {
        if self.waiting.len() < WAITING {
            self.waiting.push((target, figure));
        }
    }

    /// Takes out the log lines that report a call, and returns whether any is left.
    pub(crate) fn met(&mut self, figure: u64) -> bool {
        self.waiting.retain(|(_, waiting)| *waiting != figure);
        !self.waiting.is_empty()
    }

    /// Targets with log lines that report no call of the run.
    pub(crate) fn unmet(&self) -> Vec<Symbol> {
        let mut targets: Vec<Symbol> = self.waiting.iter().map(|(target, _)| *target).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}

/// The warning about such a target.
pub(crate) fn unmet_warning(target: Symbol) -> String {
    let target = target.as_str();
    format!(
        "events of {target} report tokens of a model that no call of this run has, and were not counted: if they are calls, add .usage_events([{target:?}])"
    )
}
