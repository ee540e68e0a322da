//! The catalog of a build without the feature `prices`: it is empty.

use std::sync::Arc;
use std::time::SystemTime;

use super::compiled::Table;
use super::edition::{Edition, Origin};
use super::rates::Rates;
use super::reason::{BookName, Unpriced};
use super::service_tier::ServiceTier;
use crate::ledger::{Kind, Usage, Usd};

#[derive(Default)]
pub(super) struct Catalog(());

/// A model in the published prices. It has no values, because there are no published prices.
#[derive(Clone)]
pub(super) enum Route {}

impl Route {
    pub(super) fn provider(&self) -> &str {
        match *self {}
    }

    pub(super) fn lister(&self) -> &str {
        match *self {}
    }

    pub(super) fn name(&self) -> &str {
        match *self {}
    }

    pub(super) fn is_of_same_entry(&self, _: &Self) -> bool {
        match *self {}
    }

    pub(super) fn has_one_rate(&self) -> bool {
        match *self {}
    }

    pub(super) fn tier(&self) -> Option<&ServiceTier> {
        match *self {}
    }

    pub(super) fn at_tier(&self, _: Option<ServiceTier>) -> Self {
        match *self {}
    }
}

/// Why a provider's list has no price for a name: there are no lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Miss {
    Unlisted,
    #[expect(dead_code, reason = "the lists that have such models are compiled out")]
    Resembles(String),
    #[expect(dead_code, reason = "the lists that have such models are compiled out")]
    Unstated(String),
}

impl Catalog {
    pub(super) fn warm(&self) {}

    pub(super) fn date(&self) -> Option<i128> {
        None
    }

    pub(super) fn edition(&self) -> Edition {
        Edition {
            name: self.name(),
            origin: Origin::Bundled,
            date: None,
            providers: 0,
            models: 0,
            without_price: 0,
            with_tiers: 0,
            unknown_keys: Vec::new(),
        }
    }

    pub(super) fn unknown_keys_of(&self, route: &Route, _: SystemTime) -> Vec<String> {
        match *route {}
    }

    pub(super) fn name(&self) -> BookName {
        BookName::default()
    }

    pub(super) fn provider_id(&self, _: &str) -> Option<String> {
        None
    }

    pub(super) fn is_known(&self, _: &str) -> bool {
        false
    }

    pub(super) fn provider_ids(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    pub(super) fn find(&self, _: &str, _: &str) -> Result<Route, Miss> {
        Err(Miss::Unlisted)
    }

    pub(super) fn corrections(&self, _: &[String], _: &[&str]) -> Vec<Arc<Rates>> {
        Vec::new()
    }

    pub(super) fn infer(&self, _: &str) -> Option<String> {
        None
    }

    pub(super) fn model_ids(&self, _: Option<&str>) -> Vec<&str> {
        Vec::new()
    }

    pub(super) fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        std::iter::empty()
    }

    pub(super) fn price(
        &self,
        route: &Route,
        _: &str,
        _: &Usage,
        _: SystemTime,
    ) -> Result<(Usd, Vec<Kind>), Unpriced> {
        match *route {}
    }

    pub(super) fn table(&self, route: &Route, _: bool, _: SystemTime) -> Option<Table> {
        match *route {}
    }

    pub(super) fn listed_rates(
        &self,
        route: &Route,
        _: i128,
    ) -> Result<Vec<(Kind, Option<u64>, Usd)>, Unpriced> {
        match *route {}
    }

    pub(super) fn listed_tiers(&self, route: &Route) -> Vec<ServiceTier> {
        match *route {}
    }

    pub(super) fn listed_dates(&self, route: &Route) -> Vec<i128> {
        match *route {}
    }

    pub(super) fn listed_hours(&self, route: &Route) -> Vec<i128> {
        match *route {}
    }

    pub(super) fn listed_comments(&self, route: &Route) -> Vec<String> {
        match *route {}
    }
}
