//! No order in which threads can meet passes a limit, loses room, or tells an alert twice or never.
//!
//! The source of the crate itself, with the checker's lock in place of the standard one. The checker runs each model once for
//! every order of the threads' steps.

mod sync {
    pub(crate) use loom::sync::Mutex;
}

#[allow(dead_code, reason = "the crate needs more of it than the models")]
#[path = "../../src/limit/meters.rs"]
mod meters;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
// What the models share beside the meters is the standard library's, as it is not what is looked at.
use std::sync::{Arc, Mutex};

use loom::thread;
use meters::{Bound, Charge, Meter, Meters, Refusal, Stages, Unit, Why};

/// A place in no stage that has a limit.
const RUN: Stages = Stages::NONE;

fn usd(stage: Option<usize>, limit: i128) -> Bound {
    Bound { stage, unit: Unit::Usd, limit }
}

fn charge(meters: &Meters, around: Stages, used: i128, tell: impl FnMut(meters::Due)) {
    meters.charge(around, &Charge { used, told: 1, ..Charge::default() }, &Charge::default(), tell);
}

fn meter(meters: &Meters, at: usize) -> Meter {
    meters.all()[at].1
}

/// Runs the same on several threads at once, in every order of their steps, and looks at what is left.
fn in_every_order<const THREADS: usize>(
    bounds: impl Fn() -> Box<[Bound]> + Send + Sync + 'static,
    act: fn(usize, &Meters),
    afterwards: fn(&Meters),
) {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    loom::model(move || {
        counted.fetch_add(1, SeqCst);
        let meters = Arc::new(Meters::new(bounds()));
        let threads: [_; THREADS] = std::array::from_fn(|number| {
            let meters = Arc::clone(&meters);
            thread::spawn(move || act(number, &meters))
        });
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        afterwards(&meters);
    });
    let orders = orders.load(SeqCst);
    println!("{orders} orders");
    assert!(orders > THREADS, "{orders} orders are not all");
}

#[test]
fn three_that_want_the_room_of_two_are_granted_two() {
    in_every_order::<3>(
        || [usd(None, 100)].into(),
        |_, meters| {
            if let Err(refusal) = meters.reserve(RUN, Unit::Usd, 40) {
                let Refusal { why, meter, .. } = *refusal;
                assert_eq!((why, meter.reserved), (Why::NoRoom, 80), "refused only where two hold room");
            }
        },
        |meters| assert_eq!((meter(meters, 0).reserved, meters.left(RUN, Unit::Usd)), (80, Some(20))),
    );
}

#[test]
fn what_is_given_back_is_there_again() {
    in_every_order::<2>(
        || [usd(None, 100)].into(),
        |_, meters| {
            if meters.reserve(RUN, Unit::Usd, 60).is_ok() {
                let Meter { reserved, .. } = meter(meters, 0);
                assert_eq!(reserved, 60, "nobody else has room beside it");
                meters.release(RUN, Unit::Usd, 60);
            }
        },
        |meters| assert_eq!((meter(meters, 0).reserved, meters.left(RUN, Unit::Usd)), (0, Some(100))),
    );
}

#[test]
fn whoever_spends_what_he_reserved_never_passes_the_limit() {
    in_every_order::<2>(
        || [usd(None, 100)].into(),
        |_, meters| {
            if meters.reserve(RUN, Unit::Usd, 60).is_ok() {
                charge(meters, RUN, 50, |_| {});
                meters.release(RUN, Unit::Usd, 60);
            }
        },
        |meters| {
            let Meter { reserved, charged, .. } = meter(meters, 0);
            assert_eq!((reserved, charged.used), (0, 50), "the second has no room for 60 beside 50");
        },
    );
}

#[test]
fn room_is_taken_in_both_limits_or_in_none() {
    in_every_order::<2>(
        || [usd(None, 100), usd(Some(0), 50)].into(),
        |number, meters| {
            // One outside of the stage, one inside, where the run has less room than the stage.
            let (around, amount) = if number == 0 { (RUN, 60) } else { (Stages::only(0), 45) };
            let granted = meters.reserve(around, Unit::Usd, amount).is_ok();
            let [run, stage] = [meter(meters, 0).reserved, meter(meters, 1).reserved];
            assert!(run <= 100 && stage <= 50, "{run} in the run, {stage} in the stage");
            if granted {
                meters.release(around, Unit::Usd, amount);
            }
        },
        |meters| assert_eq!([meter(meters, 0).reserved, meter(meters, 1).reserved], [0, 0]),
    );
}

#[test]
fn each_alert_is_told_once_and_in_order() {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    loom::model(move || {
        counted.fetch_add(1, SeqCst);
        let meters = Arc::new(Meters::new([usd(None, 5), usd(Some(0), 4)].into()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let threads = [1, 2, 2].map(|used| {
            let (meters, told) = (Arc::clone(&meters), Arc::clone(&told));
            thread::spawn(move || {
                charge(&meters, Stages::only(0), used, |due| {
                    told.lock().expect("no panic").push((due.bound, due.percent));
                });
            })
        });
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        let told = told.lock().expect("no panic");
        for bound in [0, 1] {
            let percents: Vec<u8> =
                told.iter().filter(|(of, _)| *of == bound).map(|(_, percent)| *percent).collect();
            assert_eq!(percents, [50, 80, 95, 100]);
        }
        assert_eq!(meter(&meters, 0).charged.used, 5);
    });
    let orders = orders.load(SeqCst);
    assert!(orders >= 6, "{orders} orders are not all of three threads");
}

/// That the checker would have found it: looking and taking under two locks lets two threads have the same room.
#[test]
#[should_panic(expected = "120 are reserved")]
fn a_careless_version_is_caught() {
    loom::model(|| {
        let reserved = Arc::new(loom::sync::Mutex::new(0));
        let threads = [0; 2].map(|_| {
            let reserved = Arc::clone(&reserved);
            thread::spawn(move || {
                if *reserved.lock().expect("no panic") + 60 <= 100 {
                    *reserved.lock().expect("no panic") += 60;
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        let reserved = *reserved.lock().expect("no panic");
        assert!(reserved <= 100, "{reserved} are reserved");
    });
}
