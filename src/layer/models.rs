//! Which row and which prices a call belongs to: looked up in the price book once for each pair of names.

use std::sync::Arc;

use dashmap::DashMap;

use super::clock::{Clock, Moment};
use super::desk::{Desk, NearModel};
use super::settlement::Rest;
use super::warn_once::WarnOnce;
use crate::ledger::{FastHash, Sources, Symbol, Usage, Usd};
use crate::price::{PriceBook, PricedModel, Source, Unpriced};

/// Provider and model as an emitter names them.
pub(crate) type ModelName = (Option<Symbol>, Option<Symbol>);

/// From what an emitter calls a model to the price book's entry.
pub(crate) struct Models {
    book: Arc<PriceBook>,
    known: DashMap<ModelName, Arc<Model>, FastHash>,
}

/// A model that was called.
pub(crate) struct Model {
    /// The name of its row.
    pub(crate) label: Symbol,
    /// Why it has no price whatever is used of it, for the run's reader.
    pub(crate) why_never_priced: Option<Symbol>,
    priced: PricedModel,
    /// The run that was last warned that the model has no price.
    pub(crate) warned: WarnOnce,
}

/// What one thread remembers of a model's prices: the last. The model's own memory is shared, and threads that ask it for
/// the same usage write the same cache line.
#[derive(Default)]
pub(crate) struct Recent {
    usage: Usage,
    /// The moments between which it holds.
    from: Moment,
    until: Moment,
    cost: Usd,
    sources: Sources,
}

impl Model {
    /// Adds a warning to the run: why a call of this model has no price.
    #[cold]
    pub(crate) fn warn(&self, why: &Unpriced, rest: &mut Rest) {
        rest.warn(format!("{}: {why}", self.label.as_str()));
    }
}

impl Recent {
    /// The cost of a usage at a moment, and the sources of the price.
    // Inlined: on a hit, three comparisons and a copy.
    #[inline(always)]
    pub(crate) fn price(
        &mut self,
        model: &Model,
        usage: &Usage,
        clock: &Clock,
        at: Moment,
    ) -> Result<(Usd, Sources), Unpriced> {
        if !(self.from <= at && at < self.until && self.usage.is_same(usage)) {
            self.look_up(model, usage, clock, at)?;
        }
        Ok((self.cost, self.sources))
    }

    // Not inlined: it runs once per distinct usage and minute, and is large.
    #[inline(never)]
    fn look_up(&mut self, model: &Model, usage: &Usage, clock: &Clock, at: Moment) -> Result<(), Unpriced> {
        let (price, holds_all_minute) = model.priced.price_and_hold(usage, clock.wall(at))?;
        let sources = match price.source {
            Source::Override => Sources::OVERRIDE,
            Source::Reported => Sources::REPORTED,
            _ => Sources::BOOK,
        };
        let (from, until) = if holds_all_minute { clock.minute(at) } else { (at, at) };
        *self = Self { usage: *usage, from, until, cost: price.cost, sources };
        Ok(())
    }
}

impl Models {
    pub(crate) fn new(book: Arc<PriceBook>) -> Self {
        Self { book, known: DashMap::with_hasher(FastHash) }
    }

    /// The model that an emitter names so, as this thread remembers it; to be put down on the desk for the next call.
    // Inlined: the hit is that of `take_model`.
    #[inline(always)]
    pub(crate) fn near(&self, desk: &Desk, layer: u32, name: ModelName) -> Box<NearModel> {
        desk.take_model(layer, name).unwrap_or_else(|| self.look_up(layer, name))
    }

    #[cold]
    fn look_up(&self, layer: u32, name: ModelName) -> Box<NearModel> {
        Box::new(NearModel { layer, name, model: self.get(name), recent: Recent::default() })
    }

    fn get(&self, name @ (provider, model): ModelName) -> Arc<Model> {
        if let Some(known) = self.known.get(&name) {
            return Arc::clone(&known);
        }
        let priced = self.book.model(provider.map(Symbol::as_str), model.map(Symbol::as_str));
        let why_never_priced =
            priced.never_priced().map(|why| Symbol::intern(&format!("{}: {why}", priced.label())));
        let label = Symbol::intern(priced.label());
        let found = Arc::new(Model { label, why_never_priced, priced, warned: WarnOnce::default() });
        // The lookup above was outside of the map's lock, as it takes long. If another thread was faster, its model is shared.
        Arc::clone(self.known.entry(name).or_insert(found).value())
    }
}
