//! Other processes see runs in flight, and a run of a dead process is stale.

use std::time::{Duration, Instant, SystemTime};

use tracing_budget::{Status, summary::Timestamp};
use tracing_budget_history::BuilderExt as _;
use tracing_budget_history::{
    Filter, Heartbeat, HistorySink, Page, Prune, Put, RunRow, Scope, Sort, Sqlite, Store,
};
use tracing_subscriber::prelude::*;

use crate::fixtures::{MIDNIGHT, TempHistory, at, run};

fn now() -> i64 {
    Timestamp::from(SystemTime::now()).unix_ms()
}

/// A running row with a heartbeat of this age, and an interval of ten seconds.
fn with_heartbeat(store: &Sqlite, id: &str, ms_ago: i64) -> RunRow {
    let running = run(id, Status::Running, MIDNIGHT);
    let heartbeat = Heartbeat { at: at(now() - ms_ago), every: Duration::from_secs(10) };
    store.put_all(&[Put::new(&running).part("p").heartbeat(heartbeat)]).unwrap();
    store.row(id).unwrap().unwrap()
}

#[test]
fn a_running_row_is_stale_after_three_intervals() {
    let temp = TempHistory::new();
    let store = temp.store();
    // Nothing here depends on how fast the test runs: each is minutes or many seconds away from its border.
    assert!(with_heartbeat(&store, "a", 0).is_live());
    assert!(with_heartbeat(&store, "b", 15_000).is_live(), "one may be late");
    let stale = with_heartbeat(&store, "c", 60_000);
    assert!(stale.stale && stale.status == Status::Running && !stale.is_live());
    assert!(with_heartbeat(&store, "d", -600_000).stale, "a heartbeat from the future: a clock was set back");
    store.put(&run("e", Status::Running, MIDNIGHT)).unwrap();
    assert!(store.row("e").unwrap().unwrap().stale, "a run without a heartbeat");
    let overview = store.summary(&Scope::new()).unwrap();
    assert_eq!((overview.runs, overview.by_status.running, overview.stale), (5, 5, 3));
    assert!(with_heartbeat(&store, "c", 0).is_live(), "it was only late");
}

#[test]
fn a_run_with_several_parts_lives_as_long_as_one_of_them() {
    let temp = TempHistory::new();
    let store = temp.store();
    let beat = |ms_ago| Heartbeat { at: at(now() - ms_ago), every: Duration::from_secs(10) };
    let one = run("a", Status::Running, MIDNIGHT);
    let two = run("a", Status::Running, MIDNIGHT + 5);
    store
        .put_all(&[
            Put::new(&one).part("p").heartbeat(beat(0)),
            Put::new(&two).part("q").heartbeat(beat(600_000)),
        ])
        .unwrap();
    assert!(store.row("a").unwrap().unwrap().is_live());
    // The one that was alive ends: what is left is dead.
    store.put_all(&[Put::new(&run("a", Status::Completed, MIDNIGHT)).part("p")]).unwrap();
    let left = store.row("a").unwrap().unwrap();
    assert!(left.stale && left.status == Status::Running);
}

#[test]
fn pruning_spares_what_is_in_flight() {
    let temp = TempHistory::new();
    let store = temp.store();
    with_heartbeat(&store, "live", 0);
    with_heartbeat(&store, "dead", 600_000);
    for n in 0..5 {
        store.put(&run(&format!("old {n}"), Status::Completed, MIDNIGHT - n)).unwrap();
    }
    let prune = Prune::older_than(at(MIDNIGHT + 1));
    assert_eq!(store.prune(&prune.clone().dry_run()).unwrap(), 6);
    assert_eq!(store.prune(&prune.clone().project("another")).unwrap(), 0);
    assert_eq!(store.prune(&Prune::default()).unwrap(), 0, "without conditions nothing is pruned");
    assert_eq!(store.prune(&Prune::keep_last(4)).unwrap(), 3);
    assert_eq!(store.prune(&prune).unwrap(), 3);
    let left = store.list(&Filter::new(), Sort::default(), &Page::default()).unwrap().runs;
    assert_eq!(left.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["live"]);
    assert_eq!(store.summary(&Scope::new()).unwrap().runs, 1);
}

/// Until this holds, or far too long has passed.
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn others_see_a_run_from_its_first_usage_to_its_end() {
    let temp = TempHistory::new();
    let other = temp.store();
    let sink = HistorySink::open(temp.db()).unwrap().refresh(Duration::from_millis(20));
    let (budget, guard) = tracing_budget::layer()
        .usage_events([module_path!()])
        .project("apprentice")
        .sink(sink)
        .build()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        tracing::info_span!("pipeline").in_scope(|| {
            let row = || other.list(&Filter::new(), Sort::default(), &Page::default()).unwrap().runs.pop();
            tracing::info!(model = "gpt-5", input_tokens = 100, output_tokens = 10);
            wait_for("the run is seen", || row().is_some());
            assert_eq!(row().unwrap().status, Status::Running);
            tracing::info!(model = "gpt-5", input_tokens = 100, output_tokens = 10);
            wait_for("its usage is seen", || row().unwrap().tokens_used == Some(220));
        });
    });
    // Without a flush: a look follows the end.
    let row = || other.list(&Filter::new(), Sort::default(), &Page::default()).unwrap().runs.pop().unwrap();
    wait_for("its end is seen", || row().status == Status::Completed);
    assert_eq!((row().parts, row().tokens_used), (1, Some(220)));
    drop(guard);
    assert_eq!(other.summary(&Scope::new()).unwrap().runs, 1);
}

#[test]
fn a_batch_is_not_lost_when_the_guard_is_dropped() {
    let temp = TempHistory::new();
    let builder = tracing_budget::layer().usage_events([module_path!()]).history(temp.db());
    let (budget, guard) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        for _ in 0..300 {
            tracing::info_span!("pipeline")
                .in_scope(|| tracing::info!(model = "gpt-5", input_tokens = 100, output_tokens = 10));
        }
    });
    drop(guard);
    assert_eq!(temp.store().summary(&Scope::new()).unwrap().by_status.completed, 300);
}
