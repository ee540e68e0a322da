//! In every order of threads, what is written to a run is in its summary or refused, never lost, and never in the next run.
//!
//! This compiles the source of the crate itself, with the checker's lock and atomics in place of the standard ones, and two parts
//! a run. `Layer` below has the steps of `src/layer/book.rs` and `src/layer/end.rs`, with numbers for ledgers.

mod sync {
    use std::sync::PoisonError;

    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

    pub(crate) const PARTS: usize = 2;

    /// The checker's lock, as the crate uses its own: without poisoning.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[allow(dead_code, reason = "the crate needs more of it than the models")]
#[path = "../../src/ledger/parts.rs"]
mod parts;
#[path = "../../src/ledger/room.rs"]
mod room;
#[allow(dead_code, reason = "the crate needs more of it than the models")]
#[path = "../../src/ledger/rooms.rs"]
mod rooms;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
// What the models share beside the rooms is the standard library's: its orders are not what is checked.
use std::sync::{Arc, Mutex};

use loom::thread;
use parts::{ACCOUNTABLE, EXPECTING, SEALED};
use room::{Room, RunDetails};
use rooms::Rooms;

/// What one amount of the first run is, and of the second in its room: a sum of both is the sum of none.
const FIRST: u64 = 1;
const SECOND: u64 = 100;

#[derive(Debug, Default)]
struct Details {
    run: u64,
    /// What one amount of this run is.
    unit: u64,
    journal: Option<Arc<Journal>>,
    /// What log lines wait for.
    waiting: Option<u64>,
}

impl RunDetails for Details {
    fn run(&self) -> u64 {
        self.run
    }
}

/// What a journal has of a run: its beginning, and what was booked since.
#[derive(Debug, Default)]
struct Journal(Mutex<Vec<u64>>);

impl Journal {
    fn append(&self, amount: u64) {
        self.0.lock().expect("no panic").push(amount);
    }

    fn sum(&self) -> u64 {
        self.0.lock().expect("no panic").iter().sum()
    }
}

/// A room, and what is held in the limits of its run.
#[derive(Debug)]
struct Run {
    room: Room<Details, u64>,
    held: sync::Mutex<i64>,
}

struct Layer {
    rooms: Rooms<Run>,
    is_journaled: bool,
    started: AtomicU64,
    late: AtomicU64,
    empty: AtomicU64,
    forgotten: AtomicU64,
    /// Unit and sum of each summary.
    delivered: Mutex<Vec<(u64, u64)>>,
}

impl Layer {
    fn new(is_journaled: bool) -> Arc<Self> {
        let count = || AtomicU64::new(0);
        Arc::new(Self {
            rooms: Rooms::new(),
            is_journaled,
            started: count(),
            late: count(),
            empty: count(),
            forgotten: count(),
            delivered: Mutex::default(),
        })
    }

    fn open(&self, unit: u64) -> u64 {
        let new = || Run { room: Room::new(), held: sync::Mutex::new(0) };
        let (number, run) = self.rooms.take(new).expect("a room");
        run.room.open(number, 0, |details| (details.run, details.unit) = (number, unit));
        number
    }

    fn room(&self, number: u64) -> &Run {
        self.rooms.get(number).expect("a room")
    }

    fn is_accountable(&self, number: u64) -> bool {
        self.room(number).room.parts.flags(number).is_some_and(|flags| flags & ACCOUNTABLE != 0)
    }

    /// `Core::book`: the fast path, then the other.
    fn book(&self, number: u64, thread: usize, amount: u64) {
        let run = &self.room(number).room;
        if let Ok((mut part, flags)) = run.parts.write(number, thread)
            && flags & EXPECTING == 0
            && flags & ACCOUNTABLE != 0
            && !self.is_journaled
        {
            *part += amount;
            return;
        }
        self.begin(number);
        match self.write(number, thread, amount) {
            None => {
                self.late.fetch_add(amount, SeqCst);
            }
            Some(flags) if flags & EXPECTING != 0 => run.meet(number, |details| details.met(amount)),
            Some(_) => {}
        }
    }

    /// `Core::write`, and the second half of `Core::book_watched`: what is added does not make its run accountable.
    fn write(&self, number: u64, thread: usize, amount: u64) -> Option<u64> {
        let run = &self.room(number).room;
        let journal = |details: &Details| details.journal.clone();
        let (mut part, flags, journal) = run.write(number, thread, self.is_journaled, journal).ok()?;
        *part += amount;
        if let Some(journal) = journal {
            journal.append(amount);
        }
        Some(flags)
    }

    /// `Core::begin`.
    fn begin(&self, number: u64) {
        let run = &self.room(number).room;
        let Some(mut details) = run.begin(number) else { return };
        if self.is_journaled {
            let journal = Journal::default();
            run.parts.for_each(|part| journal.append(*part));
            details.journal = Some(Arc::new(journal));
        }
        drop(details);
        self.started.fetch_add(1, SeqCst);
    }

    /// `Core::end`, and the delivery of the summary.
    fn end(&self, number: u64) {
        if self.seal(number) {
            self.deliver(number);
        }
    }

    fn seal(&self, number: u64) -> bool {
        if !self.is_accountable(number) && self.close(number, ACCOUNTABLE | SEALED) {
            self.empty.fetch_add(1, SeqCst);
            return false;
        }
        self.room(number).room.seal(number).is_some()
    }

    fn deliver(&self, number: u64) {
        let summary = self.read(number).expect("the room is this run's until it is closed");
        self.delivered.lock().expect("no panic").push(summary);
        assert!(self.close(number, 0), "only a delivery closes a run that was sealed by an end");
    }

    /// `summary_of`: unit and sum of a run.
    fn read(&self, number: u64) -> Option<(u64, u64)> {
        let mut sum = 0;
        let details = self.room(number).room.read(number, |part| sum += *part)?;
        Some((details.unit, sum))
    }

    /// `RunRegistry::close_unless`.
    fn close(&self, number: u64, unless: u64) -> bool {
        let run = self.room(number);
        let clear = |details: &mut Details| {
            *details = Details::default();
            *run.held.lock() = 0;
        };
        let is_closed = run.room.close(number, unless, |part| *part = 0, clear);
        if is_closed {
            self.rooms.give_back(number);
        }
        is_closed
    }

    /// `Core::reset`, of one run.
    fn forget(&self, number: u64) {
        let Some(details) = self.room(number).room.seal(number) else { return };
        if self.is_accountable(number) {
            self.forgotten.fetch_add(1, SeqCst);
        }
        drop(details);
        self.close(number, 0);
    }

    /// `Core::reserve`, without a limit that refuses. Returns whether room is held.
    fn reserve(&self, number: u64) -> bool {
        let run = self.room(number);
        let Some(_details) = run.room.open_details(number) else { return false };
        *run.held.lock() += 1;
        true
    }

    /// `Hold::drop`.
    fn release(&self, number: u64) {
        let run = self.room(number);
        if let Some(_details) = run.room.details(number) {
            *run.held.lock() -= 1;
        }
    }

    fn late(&self) -> u64 {
        self.late.load(SeqCst)
    }

    /// The only summary; nothing without one.
    fn summary(&self) -> Option<(u64, u64)> {
        let delivered = self.delivered.lock().expect("no panic");
        assert!(delivered.len() <= 1, "{delivered:?}");
        delivered.first().copied()
    }
}

impl Details {
    /// Takes out what was waited for, and returns whether anything is left.
    fn met(&mut self, amount: u64) -> bool {
        self.waiting = self.waiting.filter(|waiting| *waiting != amount);
        self.waiting.is_some()
    }
}

/// Runs a model in every order of its threads' steps. `least` is a number of orders that it must have.
fn in_every_order(least: usize, model: impl Fn() + Send + Sync + 'static) {
    in_orders(least, None, model);
}

/// The same, with at most so many places where a thread is stopped while it could go on: three threads have millions of orders,
/// and most faults need one such place or two.
fn in_orders(least: usize, preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = preemptions;
    checker.check(move || {
        counted.fetch_add(1, SeqCst);
        model();
    });
    let orders = orders.load(SeqCst);
    println!("{orders} orders");
    assert!(orders >= least, "{orders} orders are not all");
}

/// Starts a thread of a model.
fn thread(layer: &Arc<Layer>, act: impl FnOnce(&Layer) + 'static) -> thread::JoinHandle<()> {
    let layer = Arc::clone(layer);
    thread::spawn(move || act(&layer))
}

fn join<const THREADS: usize>(threads: [thread::JoinHandle<()>; THREADS]) {
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// Two threads write to a run that ends: on two parts, or on one.
fn writes_while_a_run_ends(parts: [usize; 2]) {
    in_orders(100, Some(2), move || {
        let layer = Layer::new(false);
        let run = layer.open(FIRST);
        // Before the end, by the order of this thread: it is in every summary.
        layer.book(run, 0, FIRST);
        let writers = parts.map(|part| thread(&layer, move |layer| layer.book(run, part, FIRST)));
        assert!(layer.seal(run));
        // Read by another thread than the one that sealed, as the worker does.
        let worker = thread(&layer, move |layer| layer.deliver(run));
        join([worker]);
        join(writers);
        let (unit, sum) = layer.summary().expect("a summary");
        assert_eq!((unit, sum + layer.late()), (FIRST, 3));
        assert!(sum >= 1, "what was written before the seal");
    });
}

#[test]
fn what_two_parts_get_is_in_the_summary_or_late() {
    writes_while_a_run_ends([0, 1]);
}

#[test]
fn what_one_part_gets_is_in_the_summary_or_late() {
    writes_while_a_run_ends([0, 0]);
}

#[test]
fn what_a_thread_writes_is_in_the_summary_or_late() {
    in_every_order(40, || {
        let layer = Layer::new(false);
        let run = layer.open(FIRST);
        layer.book(run, 0, FIRST);
        let writer = thread(&layer, move |layer| {
            layer.book(run, 0, FIRST);
            layer.book(run, 1, FIRST);
        });
        layer.end(run);
        join([writer]);
        let (_, sum) = layer.summary().expect("a summary");
        assert_eq!(sum + layer.late(), 3);
    });
}

#[test]
fn nothing_reaches_the_next_run_in_the_room() {
    in_orders(40, Some(3), || {
        let layer = Layer::new(false);
        let first = layer.open(FIRST);
        layer.book(first, 0, FIRST);
        let writer = thread(&layer, move |layer| {
            layer.book(first, 0, FIRST);
            layer.book(first, 1, FIRST);
        });
        layer.end(first);
        let second = layer.open(SECOND);
        assert_ne!(first, second, "a number is never used again");
        assert!(std::ptr::eq(layer.room(first), layer.room(second)), "the room is used again");
        layer.book(second, 0, SECOND);
        join([writer]);
        let (_, sum) = layer.summary().expect("a summary");
        assert_eq!((sum + layer.late(), layer.read(second)), (3, Some((SECOND, SECOND))));
        assert_eq!(layer.read(first), None);
    });
}

#[test]
fn of_two_ends_only_one_delivers() {
    in_every_order(40, || {
        let layer = Layer::new(false);
        let run = layer.open(FIRST);
        layer.book(run, 0, FIRST);
        join([(); 2].map(|()| thread(&layer, move |layer| layer.end(run))));
        assert_eq!((layer.summary(), layer.late()), (Some((FIRST, FIRST)), 0));
        // Given back twice, it would be taken twice.
        let next = [layer.open(SECOND), layer.open(SECOND)];
        assert!(!std::ptr::eq(layer.room(next[0]), layer.room(next[1])), "the room was given back once");
    });
}

#[test]
fn a_snapshot_is_of_one_run() {
    in_every_order(40, || {
        let layer = Layer::new(false);
        let first = layer.open(FIRST);
        layer.book(first, 0, FIRST);
        layer.book(first, 1, FIRST);
        let reader = thread(&layer, move |layer| {
            if let Some(found) = layer.read(first) {
                assert_eq!(found, (FIRST, 2 * FIRST), "all of the run, and nothing else");
            }
        });
        layer.end(first);
        let second = layer.open(SECOND);
        layer.book(second, 0, SECOND);
        layer.book(second, 1, SECOND);
        join([reader]);
        assert_eq!(layer.read(second), Some((SECOND, 2 * SECOND)));
    });
}

/// A run becomes accountable while its end finds that nothing accountable has happened in it.
fn an_empty_run_ends(end: fn(&Layer, u64)) {
    in_every_order(10, move || {
        let layer = Layer::new(false);
        let run = layer.open(FIRST);
        let writer = thread(&layer, move |layer| layer.book(run, 0, FIRST));
        end(&layer, run);
        join([writer]);
        let delivered = layer.summary();
        let sum = delivered.map_or(0, |(_, sum)| sum);
        let forgotten = layer.forgotten.load(SeqCst);
        let ended = u64::from(delivered.is_some()) + forgotten;
        assert_eq!(layer.started.load(SeqCst), ended, "what began has ended");
        // What a reset forgets is in no summary, and nothing else.
        assert!(sum + layer.late() == FIRST || forgotten == 1, "{delivered:?}, {} late", layer.late());
        assert_eq!(layer.read(run), None);
    });
}

#[test]
fn a_run_is_accountable_or_empty() {
    an_empty_run_ends(|layer, run| layer.end(run));
}

#[test]
fn a_forgotten_run_never_begins() {
    an_empty_run_ends(|layer, run| layer.forget(run));
}

#[test]
fn a_journal_has_what_the_summary_has() {
    in_every_order(40, || {
        let layer = Layer::new(true);
        let run = layer.open(FIRST);
        // One makes the run accountable. The other writes what does not, such as the end of an agent.
        let booked = thread(&layer, move |layer| layer.book(run, 0, FIRST));
        let noted = thread(&layer, move |layer| assert!(layer.write(run, 1, 10).is_some()));
        join([booked, noted]);
        let (_, sum) = layer.read(run).expect("the run is open");
        let details = layer.room(run).room.details(run).expect("the run is open");
        let journal = details.journal.as_ref().expect("it is accountable").sum();
        assert_eq!((journal, sum), (11, 11));
    });
}

#[test]
fn a_journal_has_what_the_summary_of_a_run_that_ends_has() {
    in_every_order(40, || {
        let layer = Layer::new(true);
        let run = layer.open(FIRST);
        layer.book(run, 0, FIRST);
        let journal = {
            let details = layer.room(run).room.details(run).expect("the run is open");
            details.journal.clone().expect("it is accountable")
        };
        let writer = thread(&layer, move |layer| layer.book(run, 1, FIRST));
        layer.end(run);
        join([writer]);
        let (_, sum) = layer.summary().expect("a summary");
        assert_eq!((journal.sum(), sum + layer.late()), (sum, 2));
    });
}

#[test]
fn a_log_line_finds_its_call_whichever_comes_first() {
    in_every_order(10, || {
        let layer = Layer::new(false);
        let run = layer.open(FIRST);
        layer.begin(run);
        let call = thread(&layer, move |layer| layer.book(run, 1, FIRST));
        let room = &layer.room(run).room;
        let wait = |details: &mut Details| details.waiting = Some(FIRST);
        room.expect(run, wait, |part| *part == FIRST, |details| details.met(FIRST));
        join([call]);
        let details = room.details(run).expect("the run is open");
        let flags = room.parts.flags(run).expect("the run is open");
        assert_eq!((details.waiting, flags), (None, ACCOUNTABLE));
    });
}

#[test]
fn what_is_held_in_a_run_that_ends_is_never_held_in_the_next() {
    in_every_order(40, || {
        let layer = Layer::new(false);
        let first = layer.open(FIRST);
        layer.begin(first);
        let holder = thread(&layer, move |layer| {
            if layer.reserve(first) {
                layer.release(first);
            }
        });
        layer.end(first);
        let second = layer.open(SECOND);
        assert!(layer.reserve(second));
        join([holder]);
        assert_eq!(*layer.room(second).held.lock(), 1);
    });
}

/// The checker finds the fault that the models exclude: a flag that is read before the lock lets a write fall after the summary.
#[test]
#[should_panic(expected = "0 in the summary and 0 late")]
fn a_version_that_looks_before_it_locks_fails() {
    loom::model(|| {
        let is_sealed = Arc::new(sync::AtomicU64::new(0));
        let part = Arc::new(sync::Mutex::new(0));
        let (flag, ledger) = (Arc::clone(&is_sealed), Arc::clone(&part));
        let writer = thread::spawn(move || {
            let is_late = flag.load(sync::Ordering::SeqCst) != 0;
            *ledger.lock() += u64::from(!is_late);
            u64::from(is_late)
        });
        is_sealed.store(1, sync::Ordering::SeqCst);
        let sum = *part.lock();
        let late = writer.join().expect("no panic");
        assert_eq!(sum + late, 1, "{sum} in the summary and {late} late");
    });
}
