//! The price books of a layer, one after the other, and the warnings of a summary about them.
//!
//! # Invariants
//!
//! - The hot path never comes here: it has the number of the book in force, and what its thread keeps of that book.
//! - The locks here are the innermost: nothing is called while one is held.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::clock::{Clock, Moment};
use crate::ledger::{Ledger, Sources};
use crate::price::{PriceBook, edition};
use crate::summary::BookPeriod;

/// Books that are remembered. A service that renews its prices every hour has them for the runs of two days; a longer run names the
/// newest of them.
const MOST: usize = 48;

/// The books that a layer had, oldest first; the last one is in force.
#[derive(Debug, Default)]
pub(crate) struct Books {
    list: Mutex<Vec<BookInForce>>,
    /// Calls that were priced without a part of their price, by run, model and the keys of that part.
    partly_read: Mutex<HashMap<(u64, PartlyRead), u64>>,
}

/// A model and the keys of its price that this release cannot price.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct PartlyRead {
    model: &'static str,
    keys: String,
}

/// What a summary needs of a book.
#[derive(Clone, Debug)]
struct BookInForce {
    from: Moment,
    name: String,
    /// When its published prices were current, in nanoseconds since the Unix epoch.
    date: Option<i128>,
    fault: Option<String>,
}

impl Books {
    pub(crate) fn new(book: &PriceBook) -> Self {
        let books = Self::default();
        books.begin(book, Moment::default());
        books
    }

    /// Has a book in force from a moment on.
    pub(crate) fn begin(&self, book: &PriceBook, from: Moment) {
        let (name, fault) = (book.name().as_str().to_owned(), book.fault().map(str::to_owned));
        let mut list = self.list.lock();
        if list.last().is_some_and(|last| last.name == name && last.fault == fault) {
            return;
        }
        if list.len() == MOST {
            list.remove(0);
        }
        list.push(BookInForce { from, name, date: book.date(), fault });
    }

    /// The name of the book in force.
    pub(crate) fn name(&self) -> String {
        self.list.lock().last().map(|last| last.name.clone()).unwrap_or_default()
    }

    /// The name of the book in force, if it is not the first one: that is in the journal's header.
    pub(crate) fn renewed(&self) -> Option<String> {
        let list = self.list.lock();
        list.last().filter(|last| last.from > Moment::default()).map(|last| last.name.clone())
    }

    /// The books that were in force in a period, each with the moment from which it was.
    pub(crate) fn between(&self, from: Moment, until: Moment) -> Vec<BookPeriod> {
        let list = self.in_force(from, until);
        list.into_iter().map(|book| BookPeriod { name: book.name, from: book.from.nanos() }).collect()
    }

    fn in_force(&self, from: Moment, until: Moment) -> Vec<BookInForce> {
        let list = self.list.lock();
        let next = |at: usize| list.get(at + 1).map(|next| next.from);
        let is_in = |at: usize, book: &BookInForce| {
            // The last one always is: a run that begins while a book comes into force may have a moment before it.
            (book.from <= until || at == 0) && next(at).is_none_or(|next| next > from)
        };
        list.iter().enumerate().filter(|(at, book)| is_in(*at, book)).map(|(_, book)| book.clone()).collect()
    }

    /// Counts a call that was priced without a part of its price.
    #[cold]
    pub(crate) fn count_partly_read(&self, run: u64, model: &'static str, keys: &[String]) {
        let partly_read = PartlyRead { model, keys: keys.join(", ") };
        *self.partly_read.lock().entry((run, partly_read)).or_default() += 1;
    }

    /// Forgets what was counted for a run.
    pub(crate) fn forget(&self, run: u64) {
        let mut partly_read = self.partly_read.lock();
        // Nearly always empty: only newer files have such keys.
        if !partly_read.is_empty() {
            partly_read.retain(|(of, _), _| *of != run);
        }
    }

    /// The warnings of a run about its prices.
    pub(crate) fn warnings(
        &self,
        run: u64,
        clock: Clock,
        from: Moment,
        until: Moment,
        ledger: &Ledger,
    ) -> Vec<String> {
        let mut warnings = Vec::new();
        let books = self.in_force(from, until);
        let mut faults: Vec<_> = books.iter().filter_map(|book| book.fault.clone()).collect();
        faults.dedup();
        warnings.extend(faults);
        if ledger.cells().any(|(_, totals)| totals.sources.contains(Sources::BOOK)) {
            // At the last call that a book can have priced: when the next one came, or at the end.
            let ends = books.iter().skip(1).map(|next| next.from).chain([until]);
            let old = books
                .iter()
                .zip(ends)
                .find_map(|(book, end)| edition::age_warning(&book.name, book.date?, clock.wall(end)));
            warnings.extend(old);
        }
        let mut partly_read: Vec<_> = self
            .partly_read
            .lock()
            .iter()
            .filter(|((of, _), _)| *of == run)
            .map(|((_, what), calls)| (what.clone(), *calls))
            .collect();
        partly_read.sort();
        warnings.extend(
            partly_read.into_iter().map(|(PartlyRead { model, keys }, calls)| {
                edition::unknown_keys_warning(model, &keys, calls)
            }),
        );
        warnings
    }
}
