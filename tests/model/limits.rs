//! In every order of threads, reservations stay below the limit, no room is lost, and each alert fires once.
//!
//! This compiles the source of the crate itself, with the checker's lock in place of the standard one. The checker runs each
//! model once for every order of the threads' steps.

mod sync {
    pub(crate) use loom::sync::Mutex;
}

#[allow(dead_code, reason = "the crate needs more of it than the models")]
#[path = "../../src/limit/limit_set.rs"]
mod limit_set;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
// What the models share beside the limits is the standard library's: its orders are not what is checked.
use std::sync::{Arc, Mutex};

use limit_set::{DueAlert, Limit, LimitSet, LimitState, Refusal, Refused, Stages, Unit, UsedAmount};
use loom::thread;

/// A span in no stage that has a limit.
const RUN: Stages = Stages::NONE;

fn usd(stage: Option<usize>, amount: i128) -> Limit {
    Limit { stage, unit: Unit::Usd, amount }
}

fn add(limits: &LimitSet, stages: Stages, used: i128, on_alert: impl FnMut(DueAlert)) {
    let usd = UsedAmount { used, known_calls: 1, ..UsedAmount::default() };
    limits.add(stages, &usd, &UsedAmount::default(), on_alert);
}

fn state(limits: &LimitSet, position: usize) -> LimitState {
    limits.all()[position].1
}

/// Runs `act` on several threads at once, in every order of their steps, then `afterwards`.
fn in_every_order<const THREADS: usize>(
    configured: impl Fn() -> Box<[Limit]> + Send + Sync + 'static,
    act: fn(usize, &LimitSet),
    afterwards: fn(&LimitSet),
) {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    loom::model(move || {
        counted.fetch_add(1, SeqCst);
        let limits = Arc::new(LimitSet::new(configured()));
        let threads: [_; THREADS] = std::array::from_fn(|number| {
            let limits = Arc::clone(&limits);
            thread::spawn(move || act(number, &limits))
        });
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        afterwards(&limits);
    });
    let orders = orders.load(SeqCst);
    println!("{orders} orders");
    assert!(orders > THREADS, "{orders} orders are not all");
}

#[test]
fn of_three_reservations_with_room_for_two_two_succeed() {
    in_every_order::<3>(
        || [usd(None, 100)].into(),
        |_, limits| {
            if let Err(refusal) = limits.reserve(RUN, Unit::Usd, 40) {
                let Refusal { reason, state, .. } = *refusal;
                assert_eq!(
                    (reason, state.reserved),
                    (Refused::NoRoom, 80),
                    "refused only while two have room"
                );
            }
        },
        |limits| assert_eq!((state(limits, 0).reserved, limits.left(RUN, Unit::Usd)), (80, Some(20))),
    );
}

#[test]
fn of_two_runs_under_a_total_with_room_for_one_one_reserves_in_both() {
    in_every_order::<2>(
        || [usd(None, 100)].into(),
        |_, total| {
            // Each run has room for itself.
            let run = LimitSet::new([usd(None, 60)].into());
            let is_reserved = total.reserve_with(
                (Unit::Usd, 60),
                |_| (),
                || run.reserve(RUN, Unit::Usd, 60).map_err(|_| ()),
            );
            assert_eq!(run.left(RUN, Unit::Usd), Some(if is_reserved.is_ok() { 0 } else { 60 }));
        },
        |total| assert_eq!(total.left(RUN, Unit::Usd), Some(40)),
    );
}

#[test]
fn a_reservation_that_a_run_refuses_holds_nothing_in_the_total() {
    in_every_order::<2>(
        || [usd(None, 100)].into(),
        |number, total| {
            // With the first thread's run refusing, the second one always has room.
            let run = LimitSet::new([usd(None, if number == 0 { 10 } else { 60 })].into());
            let is_reserved = total.reserve_with(
                (Unit::Usd, 60),
                |_| (),
                || run.reserve(RUN, Unit::Usd, 60).map_err(|_| ()),
            );
            assert_eq!(is_reserved.is_ok(), number == 1);
        },
        |total| assert_eq!(total.left(RUN, Unit::Usd), Some(40)),
    );
}

#[test]
fn a_released_reservation_leaves_all_room() {
    in_every_order::<2>(
        || [usd(None, 100)].into(),
        |_, limits| {
            if limits.reserve(RUN, Unit::Usd, 60).is_ok() {
                let LimitState { reserved, .. } = state(limits, 0);
                assert_eq!(reserved, 60, "no other thread has room beside it");
                limits.release(RUN, Unit::Usd, 60);
            }
        },
        |limits| assert_eq!((state(limits, 0).reserved, limits.left(RUN, Unit::Usd)), (0, Some(100))),
    );
}

#[test]
fn spending_a_reservation_never_passes_the_limit() {
    in_every_order::<2>(
        || [usd(None, 100)].into(),
        |_, limits| {
            if limits.reserve(RUN, Unit::Usd, 60).is_ok() {
                add(limits, RUN, 50, |_| {});
                limits.release(RUN, Unit::Usd, 60);
            }
        },
        |limits| {
            let LimitState { reserved, used, .. } = state(limits, 0);
            assert_eq!((reserved, used.used), (0, 50), "the second has no room for 60 beside 50");
        },
    );
}

#[test]
fn a_reservation_takes_room_in_both_limits_or_in_none() {
    in_every_order::<2>(
        || [usd(None, 100), usd(Some(0), 50)].into(),
        |number, limits| {
            // One outside of the stage, one inside, where the run has less room than the stage.
            let (stages, amount) = if number == 0 { (RUN, 60) } else { (Stages::only(0), 45) };
            let granted = limits.reserve(stages, Unit::Usd, amount).is_ok();
            let [run, stage] = [state(limits, 0).reserved, state(limits, 1).reserved];
            assert!(run <= 100 && stage <= 50, "{run} in the run, {stage} in the stage");
            if granted {
                limits.release(stages, Unit::Usd, amount);
            }
        },
        |limits| assert_eq!([state(limits, 0).reserved, state(limits, 1).reserved], [0, 0]),
    );
}

#[test]
fn each_alert_fires_once_and_in_order() {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    loom::model(move || {
        counted.fetch_add(1, SeqCst);
        let limits = Arc::new(LimitSet::new([usd(None, 5), usd(Some(0), 4)].into()));
        let fired = Arc::new(Mutex::new(Vec::new()));
        let threads = [1, 2, 2].map(|used| {
            let (limits, fired) = (Arc::clone(&limits), Arc::clone(&fired));
            thread::spawn(move || {
                add(&limits, Stages::only(0), used, |due| {
                    fired.lock().expect("no panic").push((due.position, due.percent));
                });
            })
        });
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        let fired = fired.lock().expect("no panic");
        for position in [0, 1] {
            let percents: Vec<u8> =
                fired.iter().filter(|(of, _)| *of == position).map(|(_, percent)| *percent).collect();
            // An amount that passes several marks fires the highest alone: the order decides which ones fire.
            assert!(percents.is_sorted_by(|one, next| one < next), "{percents:?}");
            assert_eq!(percents.last(), Some(&100));
        }
        assert_eq!(state(&limits, 0).used.used, 5);
    });
    let orders = orders.load(SeqCst);
    assert!(orders >= 6, "{orders} orders are not all of three threads");
}

/// The checker finds the fault that the models exclude: a check and a change under two locks give the same room twice.
#[test]
#[should_panic(expected = "120 are reserved")]
fn a_version_with_two_locks_fails() {
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
