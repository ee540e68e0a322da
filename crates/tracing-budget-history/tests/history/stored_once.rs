//! A run is there once, however often and in however many parts it arrives.

use std::collections::BTreeMap;

use tracing_budget::summary::CallRecord;
use tracing_budget::{RunSummary, Status, Usd};
use tracing_budget_history::{Filter, Heartbeat, Page, Put, Scope, Sort, Store, Stored};

use crate::fixtures::{MIDNIGHT, TempHistory, at, costing, run};

fn completed(id: &str) -> RunSummary {
    costing(run(id, Status::Completed, MIDNIGHT), "review", 59_805_000_000)
}

#[test]
fn a_run_that_is_delivered_again_changes_nothing() {
    let temp = TempHistory::new();
    let store = temp.store();
    let run = completed("a");
    assert_eq!(store.put(&run).unwrap(), Stored::Inserted);
    let before = store.summary(&Scope::new()).unwrap();
    assert_eq!(store.put(&run).unwrap(), Stored::Unchanged);
    let named = Put::new(&run).part("sink 1");
    assert_eq!(store.put_all(&[named, named]).unwrap(), [Stored::Unchanged; 2]);
    // Another process reads its file, which some tool has written anew.
    let file: serde_json::Value = serde_json::from_str(&run.to_json()).unwrap();
    let imported = RunSummary::from_json(serde_json::to_string_pretty(&file).unwrap()).unwrap();
    assert_eq!(store.put(&imported).unwrap(), Stored::Unchanged);
    assert_eq!(store.summary(&Scope::new()).unwrap(), before);
    assert_eq!((before.runs, before.cost_usd), (1, run.budget_summary.total.cost_usd));
    assert_eq!(store.get("a").unwrap(), Some(run));
}

/// A list of calls, one of them beyond what a JSON number holds exactly, is read back as it was; also merged from two parts.
#[test]
fn the_calls_of_a_run_are_read_back() {
    let temp = TempHistory::new();
    let store = temp.store();
    let mut ended = completed("a");
    let calls = (0..1_000).map(|at| {
        let mut call = CallRecord::new(ended.started_at, "chat");
        call.stage = Some("review".to_owned());
        call.response_id = Some(format!("resp_{at:04}"));
        call.cost_usd = Some(Usd::from_pico(9_000_000_000_000_001 - at));
        call
    });
    let calls: Vec<CallRecord> = calls.collect();
    let budget = &mut ended.budget_summary;
    budget.calls_left_out = 7;
    for figures in [
        &mut budget.total,
        &mut budget.per_agent.entry("review").figures,
        &mut budget.per_model.entry("openai/gpt-5").figures,
        &mut budget.by_operation.entry("chat").figures,
    ] {
        figures.llm_calls = 1_007;
    }
    budget.calls = Some(calls.clone());
    store.put_all(&[Put::new(&ended).part("one")]).unwrap();
    assert_eq!(store.get("a").unwrap().as_ref(), Some(&ended));
    // Another document: the same one again is no second part.
    let mut other = ended.clone();
    other.duration_seconds += 1.0;
    store.put_all(&[Put::new(&other).part("two")]).unwrap();
    let merged = store.get("a").unwrap().unwrap().budget_summary;
    let twice = calls.iter().flat_map(|call| [call, call]).take(1_000).cloned().collect::<Vec<_>>();
    assert!(merged.calls.as_ref() == Some(&twice), "{:#?}", merged.calls);
    assert_eq!(merged.calls_left_out, 1_000 + 2 * ended.budget_summary.calls_left_out);
}

#[test]
fn what_has_ended_is_never_overwritten() {
    let temp = TempHistory::new();
    let store = temp.store();
    let ended = completed("a");
    store.put_all(&[Put::new(&ended).part("p")]).unwrap();
    for status in [Status::Running, Status::Failed, Status::Interrupted] {
        let late = costing(run("a", status, MIDNIGHT), "review", 7);
        let put = Put::new(&late)
            .part("p")
            .heartbeat(Heartbeat { at: at(MIDNIGHT), every: std::time::Duration::from_secs(1) });
        assert_eq!(store.put_all(&[put]).unwrap(), [Stored::Unchanged], "{status}");
    }
    // A delivery of the running run that arrives after its end, without a part name.
    assert_eq!(store.put(&run("a", Status::Running, MIDNIGHT)).unwrap(), Stored::Unchanged);
    assert_eq!(store.get("a").unwrap(), Some(ended));
}

#[test]
fn a_run_in_flight_becomes_what_it_ends_as() {
    let temp = TempHistory::new();
    let store = temp.store();
    for seconds in [1.0, 2.0] {
        let mut running = costing(run("a", Status::Running, MIDNIGHT), "review", 5);
        running.duration_seconds = seconds;
        store.put_all(&[Put::new(&running).part("p")]).unwrap();
        let seen = store.row("a").unwrap().unwrap();
        assert_eq!((seen.status, seen.duration_seconds, seen.parts), (Status::Running, seconds, 1));
        assert_eq!(store.stages(&Scope::new()).unwrap(), [], "what runs is in no sum");
    }
    let ended = completed("a");
    assert_eq!(store.put_all(&[Put::new(&ended).part("p")]).unwrap(), [Stored::Updated]);
    assert_eq!(store.get("a").unwrap(), Some(ended));
    assert_eq!(store.stages(&Scope::new()).unwrap()[0].cost_usd, Some(Usd::from_pico(59_805_000_000)));
}

#[test]
fn a_document_without_a_name_takes_the_place_of_its_run_in_flight() {
    let temp = TempHistory::new();
    let store = temp.store();
    store.put_all(&[Put::new(&run("a", Status::Running, MIDNIGHT)).part("sink 1")]).unwrap();
    let recovered = costing(run("a", Status::Interrupted, MIDNIGHT), "review", 5);
    assert_eq!(store.put(&recovered).unwrap(), Stored::Updated);
    assert_eq!(store.get("a").unwrap(), Some(recovered));
}

/// An import may be faster than the sink of the process that wrote the file.
#[test]
fn a_run_that_came_from_its_file_first_is_no_second_part_of_its_process() {
    let temp = TempHistory::new();
    let store = temp.store();
    let ended = costing(run("a", Status::Completed, MIDNIGHT), "review", 5);
    let picture = costing(run("a", Status::Running, MIDNIGHT), "review", 5);
    assert_eq!(store.put(&ended).unwrap(), Stored::Inserted);
    for late in [&picture, &ended] {
        assert_eq!(store.put_all(&[Put::new(late).part("sink 1")]).unwrap(), [Stored::Unchanged]);
    }
    // Of a run that was imported in flight, the process has the end.
    assert_eq!(
        store.put(&costing(run("b", Status::Running, MIDNIGHT), "review", 2)).unwrap(),
        Stored::Inserted
    );
    let ended = costing(run("b", Status::Completed, MIDNIGHT), "review", 3);
    assert_eq!(store.put_all(&[Put::new(&ended).part("sink 1")]).unwrap(), [Stored::Updated]);
    let costs = ["a", "b"].map(|id| store.row(id).unwrap().unwrap().cost_usd);
    assert_eq!(costs, [Some(Usd::from_pico(5)), Some(Usd::from_pico(3))]);
}

#[test]
fn parts_of_several_processes_are_merged_and_summed_once() {
    let temp = TempHistory::new();
    let store = temp.store();
    let one = costing(run("a", Status::Completed, MIDNIGHT), "review", 5);
    let two = costing(run("a", Status::Failed, MIDNIGHT + 10), "publish", 7);
    for _ in 0..2 {
        store.put_all(&[Put::new(&one).part("p"), Put::new(&two).part("q")]).unwrap();
    }
    assert_eq!(store.get("a").unwrap(), Some(one.merge(&two)));
    let overview = store.summary(&Scope::new()).unwrap();
    assert_eq!((overview.runs, overview.by_status.failed, overview.by_status.completed), (1, 1, 0));
    assert_eq!(overview.cost_usd, Some(Usd::from_pico(12)));
    let row = store.row("a").unwrap().unwrap();
    assert_eq!((row.parts, row.cost_usd, row.status), (2, Some(Usd::from_pico(12)), Status::Failed));
    let stages = store.stages(&Scope::new()).unwrap();
    assert_eq!(
        stages.iter().map(|stage| (stage.stage.as_str(), stage.runs)).collect::<Vec<_>>(),
        [("publish", 1), ("review", 1)]
    );
}

#[test]
fn two_runs_with_one_id_and_one_start_are_both_kept() {
    let temp = TempHistory::new();
    let store = temp.store();
    let one = costing(run("a", Status::Completed, MIDNIGHT), "review", 5);
    let two = costing(run("a", Status::Completed, MIDNIGHT), "review", 7);
    for _ in 0..2 {
        store.put(&one).unwrap();
        store.put(&two).unwrap();
    }
    assert_eq!(store.row("a").unwrap().unwrap().cost_usd, Some(Usd::from_pico(12)));
}

#[test]
fn replaced_figures_stand_and_the_old_ones_do_not_come_back() {
    let temp = TempHistory::new();
    let store = temp.store();
    let old = completed("a");
    store.put(&old).unwrap();
    let repriced = costing(run("a", Status::Completed, MIDNIGHT), "review", 1);
    store.replace(&repriced, "repriced as of 2026-11-01").unwrap();
    assert_eq!(store.put(&old).unwrap(), Stored::Unchanged);
    assert_eq!(store.get("a").unwrap(), Some(repriced));
    assert_eq!(store.summary(&Scope::new()).unwrap().cost_usd, Some(Usd::from_pico(1)));
    let missing = store.replace(&completed("b"), "why not").unwrap_err();
    assert_eq!(missing.to_string(), r#"there is no run "b" in the history"#);
}

#[test]
fn amounts_that_json_cannot_hold_come_back_to_the_last_digit() {
    let temp = TempHistory::new();
    let store = temp.store();
    for (id, pico) in [("a", 8_192_000_000_000_001), ("b", i128::from(i64::MAX) + 12_345), ("c", 1)] {
        let mut run = costing(run(id, Status::Completed, MIDNIGHT), "review", pico);
        run.budget_summary.by_agent.entry("writer").figures = run.budget_summary.total.clone();
        store.put(&run).unwrap();
        assert_eq!(store.get(id).unwrap(), Some(run));
        assert_eq!(store.row(id).unwrap().unwrap().cost_usd, Some(Usd::from_pico(pico)));
    }
    let whole = 8_192_000_000_000_001 + i128::from(i64::MAX) + 12_345 + 1;
    assert_eq!(store.summary(&Scope::new()).unwrap().cost_usd, Some(Usd::from_pico(whole)));
}

#[test]
fn stages_of_one_name_are_rows_of_their_own_and_none_is_lost() {
    let temp = TempHistory::new();
    let store = temp.store();
    let part = |second: i64, stage: &str, pico: i128| {
        let mut part = costing(run("a", Status::Completed, MIDNIGHT + second * 1_000), "search", pico);
        part.budget_summary.per_agent.entry(stage).status = Status::Completed;
        let search = part.budget_summary.per_agent.entry("search");
        search.parent = Some(stage.to_owned());
        search.started_at = Some(part.started_at);
        search.error_events = 2;
        part.budget_summary.error_events = 2;
        part.budget_summary.by_agent.entry("writer").figures = part.budget_summary.total.clone();
        part.budget_summary.settle();
        part
    };
    let parts = [part(0, "plan", 5), part(1, "write", 7)];
    store.put_all(&[Put::new(&parts[0]).part("one"), Put::new(&parts[1]).part("two")]).unwrap();
    let merged = store.get("a").unwrap().unwrap();
    merged.check().unwrap();
    let budget = &merged.budget_summary;
    let cost = |key: &str| budget.per_agent[key].figures.cost_usd.map(Usd::pico);
    assert_eq!((cost("search"), cost("write/search")), (Some(5), Some(7)));
    assert_eq!(budget.per_agent["write/search"].name.as_deref(), Some("search"));
    assert_eq!((budget.error_events, budget.by_agent["writer"].figures.llm_calls), (4, 2));
    let stages: BTreeMap<String, _> =
        store.stages(&Scope::new()).unwrap().into_iter().map(|row| (row.stage, row.cost_usd)).collect();
    assert_eq!(stages["search"], Some(Usd::from_pico(5)));
    assert_eq!(stages["write/search"], Some(Usd::from_pico(7)));
}

#[test]
fn what_is_no_run_is_refused_by_name_and_nothing_else_is_stored_with_it() {
    let temp = TempHistory::new();
    let store = temp.store();
    let (good, bad) = (completed("a"), run("b", Status::NotRun, MIDNIGHT));
    let refused = store.put_all(&[Put::new(&good), Put::new(&bad)]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        r#"run "b" cannot be stored: its status is not_run, which only a stage can be"#
    );
    assert!(store.list(&Filter::new(), Sort::default(), &Page::default()).unwrap().runs.is_empty());
}

#[test]
fn what_is_deleted_is_in_no_sum() {
    let temp = TempHistory::new();
    let store = temp.store();
    let empty = store.summary(&Scope::new()).unwrap();
    store.put_all(&[Put::new(&completed("a")), Put::new(&completed("b"))]).unwrap();
    assert_eq!(store.delete(&["a", "unknown", "b"]).unwrap(), 2);
    assert_eq!(store.summary(&Scope::new()).unwrap(), empty);
    assert_eq!(store.stages(&Scope::new()).unwrap(), []);
    assert_eq!(store.projects().unwrap(), []);
    assert_eq!(store.put(&completed("a")).unwrap(), Stored::Inserted);
}
