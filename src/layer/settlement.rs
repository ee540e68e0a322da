//! What a span or event adds to the ledger.

use std::borrow::Cow;

use crate::ledger::{CellKey, CellTotals, Ledger};

/// What one span or event adds to the ledger, beside its own amount, which stays in its reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settlement {
    /// The row that its own amount belongs to, if it has any.
    pub(crate) key: Option<CellKey>,
    pub(crate) is_accountable: bool,
}

/// What few settlements have beside it.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// What the run's reader should know, as long as it is but one thing and its text is at hand: that takes no room.
    first_warning: Option<&'static str>,
    more: Option<Box<More>>,
}

#[derive(Debug, Default)]
struct More {
    /// What a figure for everything inside has beyond the parts that were recorded.
    excess: Vec<(CellKey, CellTotals)>,
    /// What else the run's reader should know.
    warnings: Vec<String>,
}

/// All that is to be booked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts<'a> {
    pub(crate) settlement: Settlement,
    pub(crate) own: &'a CellTotals,
    pub(crate) rest: &'a Rest,
}

impl Rest {
    // Inlined: one test.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first_warning.is_none() && self.more.is_none()
    }

    /// Keeps something that the run's reader should know.
    #[cold]
    pub(crate) fn warn_static(&mut self, warning: &'static str) {
        if self.first_warning.is_some() {
            self.warn(warning.to_owned());
        } else {
            self.first_warning = Some(warning);
        }
    }

    /// The same of a text that was composed.
    #[cold]
    pub(crate) fn warn(&mut self, warning: String) {
        self.more.get_or_insert_default().warnings.push(warning);
    }

    /// Keeps what a figure for everything inside has beyond the parts that were recorded.
    pub(crate) fn exceed(&mut self, key: CellKey, excess: CellTotals) {
        self.more.get_or_insert_default().excess.push((key, excess));
    }

    fn excess(&self) -> &[(CellKey, CellTotals)] {
        self.more.as_ref().map_or(&[], |more| &more.excess)
    }

    /// What the run's reader should know.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = Cow<'static, str>> {
        let composed = self.more.iter().flat_map(|more| &more.warnings);
        self.first_warning.into_iter().map(Cow::from).chain(composed.cloned().map(Cow::from))
    }
}

impl Settlement {
    /// An amount that was recorded together with its row.
    pub(crate) fn in_cell(key: CellKey) -> Self {
        Self { key: Some(key), is_accountable: true }
    }
}

impl<'a> Amounts<'a> {
    // Inlined: one test.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.settlement.key.is_none() && !self.settlement.is_accountable && self.rest.is_empty()
    }

    /// The amounts, one by one.
    pub(crate) fn tallies(self) -> impl Iterator<Item = &'a CellTotals> {
        let own = self.settlement.key.map(|_| self.own);
        own.into_iter().chain(self.rest.excess().iter().map(|(_, tally)| tally))
    }

    /// All together.
    pub(crate) fn sum(self) -> CellTotals {
        let mut sum = *self.own;
        self.rest.excess().iter().for_each(|(_, tally)| sum.merge(tally));
        sum
    }

    pub(crate) fn write(self, ledger: &mut Ledger) {
        if let Some(key) = self.settlement.key {
            ledger.add(key, self.own);
        }
        self.rest.excess().iter().for_each(|(key, tally)| ledger.add(*key, tally));
    }
}
