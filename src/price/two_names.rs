//! Calls of which the request and the reply name different models.

use std::sync::Arc;

use super::book::PriceBook;
use super::model::PricedModel;
use super::model_name;

impl PriceBook {
    /// Whether the reply of a call names another model than its request did. `false` for two names of one model, and for a requested name
    /// that is of no known model: a deployment, a router or a gateway's own name is for another model by design.
    pub(crate) fn is_another_model(&self, provider: Option<&str>, requested: &str, answered: &str) -> bool {
        let names = [requested, answered].map(|name| match self.alias(provider, Some(name)) {
            Some(alias) => &*alias.base_model,
            None => name,
        });
        if model_name::are_of_one_model(names[0], names[1]) {
            return false;
        }
        let [requested, answered] = [requested, answered].map(|name| self.model(provider, Some(name)));
        requested.is_known() && !requested.has_price_of(&answered)
    }
}

impl PricedModel {
    /// Whether a price list has it, or the user gave it a price.
    fn is_known(&self) -> bool {
        self.route().is_some() || !self.own().is_empty()
    }

    /// Whether both are one entry of a price list, or of the user's prices.
    fn has_price_of(&self, other: &Self) -> bool {
        match (self.own().first(), other.own().first()) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (None, None) => match (self.route(), other.route()) {
                (Some(route), Some(others)) => route.is_of_same_entry(others),
                _ => false,
            },
            _ => false,
        }
    }
}
