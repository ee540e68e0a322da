//! Which row and which prices a call belongs to: looked up in the price book once for each pair of names.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use dashmap::DashMap;

use super::here;
use super::said::Said;
use crate::ledger::{FastHash, Name, Usage};
use crate::price::{Price, PriceBook, PricedModel, Unpriced};

/// Provider and model as an emitter names them, to the book's entry.
pub(crate) struct Models {
    book: Arc<PriceBook>,
    known: DashMap<(Option<Name>, Option<Name>), Arc<Model>, FastHash>,
}

/// A model that was called.
pub(crate) struct Model {
    /// The name of its row.
    pub(crate) label: Name,
    priced: PricedModel,
    /// In which run it was said that it has no price.
    pub(crate) said: Said,
}

impl Model {
    /// Why it has no price whatever is used of it.
    pub(crate) fn never_priced(&self) -> Option<Cow<'_, Unpriced>> {
        self.priced.never_priced().map(Cow::Borrowed)
    }

    pub(crate) fn price(&self, usage: &Usage, at: SystemTime) -> Result<Price, Unpriced> {
        self.priced.price(usage, at)
    }
}

impl Models {
    pub(crate) fn new(book: Arc<PriceBook>) -> Self {
        Self { book, known: DashMap::with_hasher(FastHash) }
    }

    /// Runs `act` on the model that an emitter names so.
    pub(crate) fn with<T>(
        &self,
        layer: u32,
        names: (Option<Name>, Option<Name>),
        act: impl FnOnce(&Model) -> T,
    ) -> T {
        here::with_model(layer, names, || self.get(names), act)
    }

    fn get(&self, (provider, model): (Option<Name>, Option<Name>)) -> Arc<Model> {
        if let Some(known) = self.known.get(&(provider, model)) {
            return Arc::clone(&known);
        }
        let priced = self.book.model(provider.map(Name::as_str), model.map(Name::as_str));
        let found = Arc::new(Model { label: Name::of(priced.label()), priced, said: Said::default() });
        Arc::clone(self.known.entry((provider, model)).or_insert(found).value())
    }
}
