//! Sums cannot be spoiled: absurd documents are refused, wrong roll-ups are found and rebuilt.
//!
//! The child that is killed is this test program itself.

use std::process::{Command, Stdio};

use tracing_budget::summary::SCHEMA_VERSION;
use tracing_budget::{Kind, RunSummary, Status, Usd};
use tracing_budget_history::{Put, Scope, Sqlite, Store, StoreError};

use crate::fixtures::{MIDNIGHT, TempHistory, costing, run};
use crate::in_flight::wait_for;

const HOUR: i64 = 3_600_000;
const DB: &str = "TRACING_BUDGET_TEST_REPAIR";

fn completed(id: &str) -> RunSummary {
    costing(run(id, Status::Completed, MIDNIGHT), "review", 5)
}

/// A run of these tokens in every row.
fn of_tokens(id: &str, tokens: u64) -> RunSummary {
    let mut run = completed(id);
    let budget = &mut run.budget_summary;
    for figures in [
        &mut budget.total,
        &mut budget.per_agent.entry("review").figures,
        &mut budget.per_model.entry("openai/gpt-5").figures,
        &mut budget.by_operation.entry("chat").figures,
    ] {
        (figures.tokens_used, figures.input_tokens, figures.output_tokens) = (Some(tokens), tokens, 0);
    }
    run
}

/// Runs, tokens and cost of all; the tokens of each stage, and the input tokens of each model.
type Sums = (u64, Option<u64>, Option<Usd>, Vec<Option<u64>>, Vec<u64>);

fn sums(store: &Sqlite) -> Sums {
    let all = Scope::new();
    let overview = store.summary(&all).unwrap();
    let stages = store.stages(&all).unwrap().into_iter().map(|stage| stage.tokens_used).collect();
    let models = store.models(&all).unwrap().into_iter().map(|model| model.input_tokens).collect();
    (overview.runs, overview.tokens_used, overview.cost_usd, stages, models)
}

#[test]
fn an_absurd_document_that_comes_and_goes_leaves_the_sums_right() {
    let temp = TempHistory::new();
    let store = temp.store();
    store.put(&completed("a")).unwrap();
    let before = sums(&store);
    let poison = of_tokens("poison", u64::MAX);
    let refused = store.put_all(&[Put::new(&completed("b")), Put::new(&poison)]);
    store.delete(&["poison", "b"]).unwrap();
    assert_eq!(sums(&store), before);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "run \"poison\" cannot be stored: budget_summary.tokens_used is 18446744073709551615, expected at most 1000000000000"
    );
    let missing = store.replace(&poison, "at other prices").unwrap_err();
    assert!(matches!(missing, StoreError::Refused { .. }), "{missing}");
}

/// A document, spoiled.
type Spoil = fn(&mut RunSummary);

#[test]
fn a_document_is_refused_with_the_field_at_fault() {
    let temp = TempHistory::new();
    let store = temp.store();
    let beyond = u64::MAX;
    assert!(beyond > i64::MAX as u64);
    let spoiled: [(&str, Spoil); 14] = [
        ("schema_version", |run| run.schema_version = SCHEMA_VERSION + 1),
        ("schema_version", |run| run.schema_version = 0),
        ("duration_seconds", |run| run.duration_seconds = f64::NAN),
        ("duration_seconds", |run| run.duration_seconds = -1.0),
        ("duration_seconds", |run| run.duration_seconds = 1e11),
        ("budget_summary.llm_calls", |run| run.budget_summary.total.llm_calls = u64::MAX),
        ("budget_summary.error_events", |run| run.budget_summary.error_events = u64::MAX),
        ("per_agent.review.errors", |run| run.budget_summary.per_agent.entry("review").errors = u64::MAX),
        ("by_operation.chat.calls", |run| run.budget_summary.by_operation.entry("chat").calls = u64::MAX),
        ("budget_summary.cost_usd", |run| {
            run.budget_summary.total.cost_usd = Some(Usd::from_pico(i128::MAX))
        }),
        ("units.web_searches", |run| {
            run.budget_summary.total.units = [(Kind::WebSearches, u64::MAX)].into_iter().collect();
        }),
        ("input_tokens of per_agent sum to 900, expected 901", |run| {
            run.budget_summary.total.input_tokens += 1;
        }),
        ("cost_usd of per_model sums to 0.000000000005 USD", |run| {
            run.budget_summary.per_agent.entry("review").figures.cost_usd = Some(Usd::from_pico(6));
            run.budget_summary.by_operation.entry("chat").figures.cost_usd = Some(Usd::from_pico(6));
            run.budget_summary.total.cost_usd = Some(Usd::from_pico(6));
        }),
        ("run_id", |run| run.run_id = " ".into()),
    ];
    for (field, spoil) in spoiled {
        let mut run = completed("a");
        spoil(&mut run);
        let error = store.put(&run).expect_err(field);
        assert!(matches!(error, StoreError::Refused { .. }), "{field}: {error}");
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    assert_eq!(store.summary(&Scope::new()).unwrap().runs, 0);
}

#[test]
fn runs_at_the_bound_are_summed_exactly() {
    let temp = TempHistory::new();
    let store = temp.store();
    for id in ["a", "b", "c"] {
        store.put(&of_tokens(id, 1_000_000_000_000)).unwrap();
    }
    assert_eq!(sums(&store).1, Some(3_000_000_000_000));
    assert!(store.put(&of_tokens("d", 1_000_000_000_001)).is_err());
    store.delete(&["a"]).unwrap();
    assert_eq!((sums(&store).1, sums(&store).4), (Some(2_000_000_000_000), vec![2_000_000_000_000]));
}

/// Writes a document with absurd figures into a file, with its rows and sums, as the versions that did not check had it.
fn poisoned(temp: &TempHistory) {
    let store = temp.store();
    store.put_all(&[Put::new(&completed("a")), Put::new(&completed("poison"))]).unwrap();
    drop(store);
    let raw = rusqlite::Connection::open(temp.db()).unwrap();
    let document = serde_json::to_string(&of_tokens("poison", u64::MAX)).unwrap();
    raw.execute(
        "UPDATE parts SET document = ?1 WHERE run = (SELECT id FROM runs WHERE run_id = 'poison')",
        [document],
    )
    .unwrap();
    raw.execute_batch(
        "UPDATE runs SET tokens = 9223372036854775807 WHERE run_id = 'poison';
         UPDATE stages SET tokens = 9223372036854775807, input_tokens = tokens WHERE run = 2;
         UPDATE models SET tokens = 9223372036854775807, input_tokens = tokens WHERE run = 2;
         UPDATE rollups SET tokens = 9223372036854775807, input_tokens = 9223372036854775807, output_tokens = 100 WHERE kind <> 'gate';",
    )
    .unwrap();
}

#[test]
fn a_sum_that_does_not_fit_is_unknown_until_its_run_is_deleted() {
    let temp = TempHistory::new();
    poisoned(&temp);
    let store = temp.store();
    let overview = store.summary(&Scope::new()).unwrap();
    assert_eq!((overview.runs, overview.tokens_used), (2, None));
    let error = store.models(&Scope::new()).unwrap_err().to_string();
    assert!(error.starts_with("the sum of input_tokens is unknown, as it is beyond 64 bits"), "{error}");
    let verification = store.verify().unwrap();
    assert_eq!((verification.wrong, verification.unsound.len()), (0, 1), "{verification:?}");
    assert_eq!(verification.unsound[0].run_id, "poison");
    assert!(!verification.is_sound());
    // Later runs are summed; what is unknown stays so.
    store.put(&completed("b")).unwrap();
    assert_eq!(store.summary(&Scope::new()).unwrap().tokens_used, None);
    store.delete(&["poison"]).unwrap();
    assert_eq!(sums(&store), (2, Some(2_000), Some(Usd::from_pico(10)), vec![Some(2_000)], vec![1_800]));
    assert!(store.verify().unwrap().is_sound());
}

/// A history of so many hours, of each of which every sum is wrong.
fn spoil(temp: &TempHistory, hours: i64) {
    let store = temp.store();
    let runs: Vec<_> = (0..hours)
        .map(|hour| costing(run(&format!("r{hour}"), Status::Completed, MIDNIGHT + hour * HOUR), "review", 5))
        .collect();
    store.put_all(&runs.iter().map(Put::new).collect::<Vec<_>>()).unwrap();
    drop(store);
    let raw = rusqlite::Connection::open(temp.db()).unwrap();
    raw.execute_batch("UPDATE rollups SET tokens = tokens + 7, cost_pico = cost_pico + 1").unwrap();
}

#[test]
fn wrong_sums_are_found_and_rebuilt() {
    let temp = TempHistory::new();
    spoil(&temp, 30);
    let raw = rusqlite::Connection::open(temp.db()).unwrap();
    raw.execute_batch("DELETE FROM rollups WHERE step = 'hour' AND kind = 'stage' AND at_ms = 1793491200000")
        .unwrap();
    raw.execute_batch(
        "UPDATE rollups SET name = 'other' WHERE step = 'day' AND kind = 'model' AND at_ms > 1793491200000",
    )
    .unwrap();
    drop(raw);
    let store = temp.store();
    let wrong = store.verify().unwrap();
    // Three kinds of 30 hours and two days. The rows under another name are wrong, and those that lack are too.
    assert_eq!((wrong.runs, wrong.repaired), (30, 0));
    assert!(!wrong.is_sound());
    let first = &wrong.differences[0];
    assert_eq!((first.step, first.kind, first.figure), ("hour", "run", "tokens"));
    assert_eq!((first.stored.as_deref(), first.expected.as_deref()), (Some("1007"), Some("1000")));
    assert!(wrong.differences.iter().any(|one| one.name == "other" && one.expected.is_none()));
    assert!(wrong.differences.iter().any(|one| one.kind == "stage" && one.stored.is_none()));
    assert_eq!(store.verify().unwrap(), wrong, "to verify changes nothing");

    let repaired = store.repair().unwrap();
    assert_eq!(repaired.repaired, repaired.wrong);
    assert!(repaired.is_sound() && repaired.wrong > 0);
    let now = store.verify().unwrap();
    assert_eq!((now.wrong, now.runs), (0, 30));
    assert_eq!(sums(&store).1, Some(30_000));
    assert_eq!(sums(&store).2, Some(Usd::from_pico(150)));
}

/// Not a test by itself: the process that repairs, and is killed.
#[test]
fn child() {
    let Some(db) = std::env::var_os(DB) else { return };
    Sqlite::open(db).unwrap().repair().unwrap();
}

#[test]
fn a_repair_that_is_killed_goes_on_where_it_was_and_readers_see_every_sum_meanwhile() {
    let temp = TempHistory::new();
    const HOURS: i64 = 24 * 40;
    spoil(&temp, HOURS);
    let store = temp.store();
    let raw = rusqlite::Connection::open(temp.db()).unwrap();
    let wrong_hours = || -> i64 {
        let sql = "SELECT count(*) FROM rollups WHERE step = 'hour' AND kind = 'run' AND tokens <> 1000";
        raw.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let rows = || -> i64 { raw.query_row("SELECT count(*) FROM rollups", [], |row| row.get(0)).unwrap() };
    let (mut left, all_rows) = (wrong_hours(), rows());
    assert_eq!(left, HOURS);
    for _ in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sums::child", "--nocapture"])
            .env(DB, temp.db())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let before = left;
        wait_for("some hours are repaired", || {
            assert_eq!(rows(), all_rows, "a sum is missing");
            // Of each day the wrong or the right sum, and never a part of it.
            let overview = store.summary(&Scope::new()).unwrap();
            assert_eq!(overview.runs, HOURS as u64);
            left = wrong_hours();
            left < before || left == 0
        });
        child.kill().unwrap();
        child.wait().unwrap();
        left = wrong_hours();
        // The others may write between two repairs.
        store.put(&completed(&format!("later {left}"))).unwrap();
        store.delete(&[format!("later {left}").as_str()]).unwrap();
    }
    let rest = store.repair().unwrap();
    assert!(rest.is_sound());
    assert!(rest.wrong < all_rows as u64, "what was repaired before the kill is not wrong again");
    assert_eq!((wrong_hours(), store.verify().unwrap().wrong), (0, 0));
    assert_eq!(sums(&store).1, Some(HOURS as u64 * 1_000));
}
