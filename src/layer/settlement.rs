//! What a span or event adds to the ledger.

use std::borrow::Cow;

use crate::ledger::{CellKey, Ledger, Tally};

/// What one span or event adds to the ledger, beside the amount of its own: that lies where it was told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settlement {
    /// The row that its own amount belongs to, if it has any.
    pub(crate) key: Option<CellKey>,
    pub(crate) is_accountable: bool,
}

/// What few settlements have beside it.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// What a figure for everything inside has beyond the parts that were told.
    excess: Vec<(CellKey, Tally)>,
    /// What the run's reader should know.
    pub(crate) warnings: Vec<Cow<'static, str>>,
}

/// Where there may be more, once there is some.
pub(crate) type Rest = Option<Box<More>>;

/// All that is to be booked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts<'a> {
    pub(crate) settlement: Settlement,
    pub(crate) own: &'a Tally,
    pub(crate) more: Option<&'a More>,
}

/// Keeps something that the run's reader should know.
#[cold]
pub(crate) fn warn(rest: &mut Rest, warning: impl Into<Cow<'static, str>>) {
    rest.get_or_insert_default().warnings.push(warning.into());
}

/// Keeps what a figure for everything inside has beyond the parts that were told.
pub(crate) fn exceed(rest: &mut Rest, key: CellKey, excess: Tally) {
    rest.get_or_insert_default().excess.push((key, excess));
}

impl Settlement {
    /// An amount that was told together with its row.
    pub(crate) fn told(key: CellKey) -> Self {
        Self { key: Some(key), is_accountable: true }
    }
}

impl<'a> Amounts<'a> {
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.settlement.key.is_none() && !self.settlement.is_accountable && self.more.is_none()
    }

    fn excess(self) -> &'a [(CellKey, Tally)] {
        self.more.map_or(&[], |more| &more.excess)
    }

    /// The amounts, one by one.
    pub(crate) fn tallies(self) -> impl Iterator<Item = &'a Tally> {
        let own = self.settlement.key.map(|_| self.own);
        own.into_iter().chain(self.excess().iter().map(|(_, tally)| tally))
    }

    /// All together.
    pub(crate) fn sum(self) -> Tally {
        let mut sum = *self.own;
        self.excess().iter().for_each(|(_, tally)| sum.merge(tally));
        sum
    }

    pub(crate) fn write(self, ledger: &mut Ledger) {
        if let Some(key) = self.settlement.key {
            ledger.add(key, self.own);
        }
        self.excess().iter().for_each(|(key, tally)| ledger.add(*key, tally));
    }
}
