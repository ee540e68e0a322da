//! Pricing: which row a call belongs to, and what it cost. A model is looked up in the price book once for each pair of names.
//!
//! # Invariants
//!
//! - Each book of each layer has a number of its own. A thread's cache has an entry of one book only, so a new number is all that is
//!   needed to renew every cache.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use dashmap::DashMap;
use parking_lot::RwLock;

use super::books::Books;
use super::clock::{Clock, Moment};
use super::price_cache::{NearModel, PriceCache, put_back, with_price_cache};
use super::stats::count;
use super::warn_once::WarnOnce;
use crate::attribution::{Charge, ModelName, PriceTerms};
use crate::ledger::{CellKey, CellTotals, FastHash, Kind, Sources, Symbol, Usage, Usd};
use crate::price::{Compiled, PriceBook, PricedModel, Source};

/// The price book in force, and the models that were called.
pub(crate) struct Pricer {
    /// The number of the book in force.
    number: AtomicU32,
    in_force: RwLock<Arc<NumberedBook>>,
    books: Arc<Books>,
    /// The run that was last warned that usage without a model has no price.
    warned_no_model: WarnOnce,
}

/// Models of a book that are remembered; then they are looked up again. A service calls dozens.
const MOST_KNOWN: usize = 10_000;

/// A book, and the models that were looked up in it.
struct NumberedBook {
    number: u32,
    book: Arc<PriceBook>,
    known: DashMap<(ModelName, PriceTerms), Arc<Model>, FastHash>,
}

/// The run of a price, and the clock.
#[derive(Clone, Copy)]
pub(crate) struct PriceContext<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) run: u64,
    /// Counts the calls that are looked up in the price book itself.
    pub(crate) lookups: &'a AtomicU64,
}

/// What the run's reader should know of a price.
pub(crate) type Warning = Option<Cow<'static, str>>;

/// A model that was called.
pub(crate) struct Model {
    /// The name of its row.
    pub(crate) label: Symbol,
    /// What the run's reader should know of all its calls.
    remark: Option<Remark>,
    priced: PricedModel,
    /// The run that was last warned that the model has no price.
    pub(crate) warned: WarnOnce,
    /// The run that was last warned that another model was requested.
    warned_names: WarnOnce,
    /// The run that was last warned that the cost lacks a unit.
    warned_lacks: WarnOnce,
}

/// What a run's reader should know of all calls of a model. Worked out with the model, so that other calls test one field.
enum Remark {
    /// Why it has no price whatever is used of it.
    NeverPriced(Arc<str>),
    /// Another model was requested.
    OtherModel(Arc<str>),
}

/// A model's price, compiled for a minute, as one thread holds it. The model's own is shared, and behind a lock.
#[derive(Default)]
pub(crate) struct Held {
    /// The moments between which it holds.
    from: Moment,
    until: Moment,
    compiled: Option<Arc<Compiled>>,
}

impl Held {
    /// The cost of a usage at a moment, and the sources of the price; `None` if the price book itself has to be queried.
    // Inlined: on the path of every priced call, two comparisons and the multiplications.
    #[inline(always)]
    fn price(&mut self, model: &Model, usage: &Usage, clock: &Clock, at: Moment) -> Option<(Usd, Sources)> {
        if !(self.from <= at && at < self.until) {
            self.compile(model, clock, at);
        }
        let compiled = self.compiled.as_ref()?;
        Some((compiled.cost(usage)?, sources(&compiled.source)))
    }

    // Not inlined: it runs once a minute, and is large.
    #[inline(never)]
    fn compile(&mut self, model: &Model, clock: &Clock, at: Moment) {
        let compiled = model.priced.compiled(clock.wall(at));
        let (from, until) = match compiled.period() {
            Some((from, until)) => (clock.moment_at(from), clock.moment_at(until)),
            None => (at, at),
        };
        *self = Self { from, until, compiled: Some(compiled) };
    }
}

impl Model {
    /// Looks a call up in the price book itself: if its compiled price has no answer, or for the reason why a usage has no price.
    #[cold]
    fn look_up(
        &self,
        totals: &mut CellTotals,
        context: PriceContext<'_>,
        books: &Books,
        at: Moment,
    ) -> Warning {
        count(context.lookups);
        let at = context.clock.wall(at);
        let label = self.label.as_str();
        match self.priced.price(&totals.usage, at) {
            Ok(price) => {
                (totals.cost, totals.sources) = (price.cost, sources(&price.source));
                let keys = self.priced.unknown_price_keys(at);
                if !keys.is_empty() {
                    // What they charge is not known, so neither is the whole cost.
                    totals.partial = 1;
                    books.count_partly_read(context.run, label, &keys);
                }
                if price.lacks.is_empty() {
                    return None;
                }
                totals.partial = 1;
                let is_first = self.warned_lacks.is_first_in(context.run);
                is_first.then(|| format!("{label}: {}", lack(&price.lacks)).into())
            }
            Err(why) => {
                totals.unpriced = 1;
                self.warned.is_first_in(context.run).then(|| format!("{label}: {why}").into())
            }
        }
    }
}

/// What a cost lacks, for the run's reader.
fn lack(kinds: &[Kind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    format!("the cost lacks {}, for which no price is known", kinds.join(" and "))
}

// Inlined: a comparison.
#[inline]
fn sources(source: &Source) -> Sources {
    match source {
        Source::Override => Sources::OVERRIDE,
        Source::Reported => Sources::REPORTED,
        Source::Corrections => Sources::CORRECTIONS,
        Source::Book(_) => Sources::BOOK,
        Source::Multiplied(listed) => match **listed {
            Source::Corrections => Sources::MULTIPLIED_CORRECTIONS,
            _ => Sources::MULTIPLIED_BOOK,
        },
    }
}

impl Pricer {
    pub(crate) fn new(book: Arc<PriceBook>, books: Arc<Books>) -> Self {
        let in_force = NumberedBook::new(book);
        Self {
            number: AtomicU32::new(in_force.number),
            in_force: RwLock::new(Arc::new(in_force)),
            books,
            warned_no_model: WarnOnce::default(),
        }
    }

    /// Has every amount that is priced from now on priced by another book.
    pub(crate) fn set_book(&self, book: Arc<PriceBook>, from: Moment) {
        let next = NumberedBook::new(book);
        let mut in_force = self.in_force.write();
        self.books.begin(&next.book, from);
        // Under the lock, so that two threads which set a book leave the number of the one that is in force. Relaxed: the number
        // publishes nothing, as the book itself is read under the lock.
        self.number.store(next.number, Ordering::Relaxed);
        *in_force = Arc::new(next);
    }

    /// Prices an amount unless its cost was reported, and returns the cell that it belongs to. Only a price that depends on the time
    /// takes the trouble to ask for it.
    // Inlined: the charge is in registers of the caller.
    #[inline(always)]
    pub(crate) fn price(
        &self,
        charge: &Charge,
        totals: &mut CellTotals,
        context: PriceContext<'_>,
        at: impl Fn() -> Moment,
    ) -> (CellKey, Warning) {
        let (provider, name) = charge.model;
        let (mut model, mut warning) = (None, None);
        if charge.is_llm && (name.is_some() || provider.is_some()) {
            let (name, terms) = (charge.model, charge.terms);
            // Relaxed: a thread that knows of the new book by other means sees its number, and any other may price by either.
            let book = self.number.load(Ordering::Relaxed);
            let mut near = with_price_cache(move |cache| self.near(cache, book, name, terms));
            if charge.needs_price {
                warning = near.price(totals, context, &self.books, at);
            }
            model = Some(near.model.label);
            put_back(near);
        } else if charge.needs_price {
            totals.unpriced = 1;
            if self.warned_no_model.is_first_in(context.run) {
                warning = Some("usage without a model cannot be priced".into());
            }
        }
        (CellKey { stage: charge.stage, agent: charge.agent, model, operation: charge.operation }, warning)
    }

    /// The model that an emitter names so, as this thread remembers it; to be put back for the next call.
    // Inlined: the hit is that of `take_model`.
    #[inline(always)]
    fn near(&self, cache: &PriceCache, book: u32, name: ModelName, terms: PriceTerms) -> Box<NearModel> {
        cache.take_model(book, name, terms).unwrap_or_else(|| self.look_up(name, terms))
    }

    #[cold]
    fn look_up(&self, name: ModelName, terms: PriceTerms) -> Box<NearModel> {
        // With the number of this book, which may be newer than the one that the caller found.
        let in_force = Arc::clone(&self.in_force.read());
        let model = in_force.get(name, terms);
        Box::new(NearModel { book: in_force.number, name, terms, model, held: Held::default() })
    }
}

impl NumberedBook {
    fn new(book: Arc<PriceBook>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        // Relaxed: only the uniqueness of the number matters, nothing is published with it.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { number, book, known: DashMap::with_hasher(FastHash) }
    }

    fn get(&self, name @ (provider, model): ModelName, terms: PriceTerms) -> Arc<Model> {
        if let Some(known) = self.known.get(&(name, terms)) {
            return Arc::clone(&known);
        }
        let text = |name: Option<Symbol>| name.map(Symbol::as_str);
        let priced = self.book.model_of_call(text(provider), text(terms.requested), text(model));
        let priced = match terms.tier {
            Some(tier) => priced.with_tier(tier.as_str()),
            None => priced,
        };
        let remark = self.remark(name, terms, &priced);
        let label = Symbol::intern(priced.label());
        let found = Arc::new(Model {
            label,
            remark,
            priced,
            warned: WarnOnce::default(),
            warned_names: WarnOnce::default(),
            warned_lacks: WarnOnce::default(),
        });
        // A cache: names that are made up at every call would fill the memory with models that are never called again.
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        // The lookup above was outside of the map's lock, as it takes long. If another thread was faster, its model is shared.
        Arc::clone(self.known.entry((name, terms)).or_insert(found).value())
    }

    fn remark(
        &self,
        (provider, model): ModelName,
        terms: PriceTerms,
        priced: &PricedModel,
    ) -> Option<Remark> {
        let provider = provider.map(Symbol::as_str);
        let is_another = |requested: Symbol, answered: Symbol| {
            requested != answered
                && self.book.is_another_model(provider, requested.as_str(), answered.as_str())
        };
        let pair =
            terms.requested.zip(model).filter(|(requested, answered)| is_another(*requested, *answered));
        let both = |(requested, answered): (Symbol, Symbol)| {
            format!("{} was requested and {} answered", requested.as_str(), answered.as_str())
        };
        let label = priced.label();
        match (pair.map(both), priced.never_priced()) {
            (None, None) => None,
            (None, Some(why)) => Some(Remark::NeverPriced(format!("{label}: {why}").into())),
            (Some(both), None) => {
                let text = format!("{both}: the call is counted and priced as {label}");
                Some(Remark::OtherModel(text.into()))
            }
            (Some(both), Some(why)) => {
                let text = format!("{both}: the call is counted as {label} and has no price: {why}");
                Some(Remark::NeverPriced(text.into()))
            }
        }
    }
}

impl NearModel {
    // Inlined for the same reason as `Pricer::price`.
    #[inline(always)]
    fn price(
        &mut self,
        totals: &mut CellTotals,
        context: PriceContext<'_>,
        books: &Books,
        at: impl Fn() -> Moment,
    ) -> Warning {
        match &self.model.remark {
            None => self.price_usage(totals, context, books, at),
            Some(Remark::NeverPriced(why)) => {
                totals.unpriced = 1;
                self.model.warned.is_first_in(context.run).then(|| why.to_string().into())
            }
            Some(Remark::OtherModel(text)) => {
                self.price_other_model(&text.clone(), totals, context, books, at)
            }
        }
    }

    /// Prices a call that another model answered than was requested, and remarks on it once a run.
    // Not inlined: few calls name two models.
    #[cold]
    #[inline(never)]
    fn price_other_model(
        &mut self,
        text: &str,
        totals: &mut CellTotals,
        context: PriceContext<'_>,
        books: &Books,
        at: impl Fn() -> Moment,
    ) -> Warning {
        let warning = self.price_usage(totals, context, books, at);
        if !self.model.warned_names.is_first_in(context.run) {
            return warning;
        }
        Some(match warning {
            Some(warning) => format!("{text}; {warning}").into(),
            None => text.to_owned().into(),
        })
    }

    // Inlined for the same reason as `Pricer::price`.
    #[inline(always)]
    fn price_usage(
        &mut self,
        totals: &mut CellTotals,
        context: PriceContext<'_>,
        books: &Books,
        at: impl Fn() -> Moment,
    ) -> Warning {
        let Self { model, held, .. } = self;
        let at = at();
        match held.price(model, &totals.usage, context.clock, at) {
            Some((cost, sources)) => {
                (totals.cost, totals.sources) = (cost, sources);
                None
            }
            None => model.look_up(totals, context, books, at),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::price::Rates;

    /// 2026-11-30, 12:00:30 UTC.
    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_040_030)
    }

    fn priced(pricer: &Pricer, clock: &Clock, seconds: u64, usage: &Usage) -> CellTotals {
        let lookups = AtomicU64::new(0);
        let charge = Charge {
            stage: None,
            agent: None,
            operation: Symbol::intern("chat"),
            model: (None, Some(Symbol::intern("m"))),
            terms: PriceTerms::default(),
            is_llm: true,
            needs_price: true,
            response_id: 0,
            started: None,
        };
        let mut totals = CellTotals { usage: usage.clone(), llm_calls: 1, ..CellTotals::default() };
        let context = PriceContext { clock, run: 1, lookups: &lookups };
        pricer.price(&charge, &mut totals, context, || Moment::at(seconds * 1_000_000_000));
        assert_eq!(lookups.into_inner(), totals.unpriced as u64, "only what has no price is looked up");
        totals
    }

    fn pricer(prices: impl IntoIterator<Item = Rates>) -> Pricer {
        let book = prices.into_iter().fold(PriceBook::builder(), |book, rates| book.price("m", rates));
        Pricer::new(Arc::new(book.build().unwrap()), Arc::default())
    }

    #[test]
    fn a_price_that_changes_while_a_process_runs_is_the_one_of_the_calls_minute() {
        let until = Rates::per_million().input("1").output("1").until("2026-11-30T12:02Z");
        let from = Rates::per_million().input("2").output("1").from("2026-11-30T12:02Z");
        let (pricer, clock) = (pricer([until, from]), Clock::at(noon()));
        let usage = Usage::new().input(1_000_000).output(0);
        for (seconds, cost) in
            [(0, "1"), (29, "1"), (30, "1"), (89, "1"), (90, "2"), (100_000, "2"), (89, "1")]
        {
            assert_eq!(priced(&pricer, &clock, seconds, &usage).cost.to_string(), cost, "after {seconds} s");
        }
    }

    #[test]
    fn two_books_on_one_thread_have_their_own_prices() {
        let [one, two] = ["1", "2"].map(|rate| pricer([Rates::per_million().input(rate).output("1")]));
        let (clock, usage) = (Clock::at(noon()), Usage::new().input(1_000_000));
        for _ in 0..3 {
            assert_eq!(priced(&one, &clock, 0, &usage).cost.to_string(), "1");
            assert_eq!(priced(&two, &clock, 0, &usage).cost.to_string(), "2");
        }
    }

    #[test]
    fn what_has_no_price_is_looked_up_for_its_reason() {
        let (pricer, clock) = (pricer([Rates::per_million().input("1")]), Clock::at(noon()));
        assert_eq!(priced(&pricer, &clock, 0, &Usage::new().input(1).output(1)).unpriced, 1);
        assert_eq!(priced(&pricer, &clock, 0, &Usage::new().input(1)).unpriced, 0);
    }
}
