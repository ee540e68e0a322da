//! The sums of a history: what cannot spoil them, and the command that checks and rebuilds them.

use crate::program::Place;
use crate::seeded::nightly;

/// Changes the history without this program.
fn sql(place: &Place, statements: &str) {
    let raw = rusqlite::Connection::open(place.db()).expect("a database");
    raw.execute_batch(statements).expect("changed");
}

#[test]
fn an_absurd_document_that_is_imported_and_deleted_leaves_the_sums_right() {
    let place = Place::seeded();
    let sums = || {
        let all = ["--since", "ever", "--format", "json"];
        ["stages", "models"].map(|command| place.run(&[&[command], &all[..]].concat()).ended_with(0).json())
    };
    let before = sums();
    let mut poison = nightly(1);
    poison.run_id = "poison".into();
    let budget = &mut poison.budget_summary;
    budget.total.tokens_used = Some(u64::MAX);
    budget.total.input_tokens = u64::MAX;
    place.write("poison.json", &poison.to_json());
    place.write("good.json", &nightly(1).to_json());
    let ended = place.run(&["import", "poison.json", "good.json"]).ended_with(0);
    assert_eq!(ended.data, "0 new, 0 updated, 1 already there, 1 skipped\n");
    assert!(
        ended
            .talk
            .contains("budget_summary.tokens_used is 18446744073709551615, expected at most 1000000000000"),
        "{}",
        ended.talk
    );
    assert_eq!(place.run(&["runs", "delete", "poison"]).code, 4, "it was not stored");
    assert_eq!(sums(), before);
}

#[test]
fn a_document_with_rows_that_do_not_add_up_is_skipped_by_its_field() {
    let place = Place::empty();
    let mut run = nightly(1);
    run.budget_summary.total.input_tokens += 1;
    place.write("1.json", &run.to_json());
    let ended = place.run(&["import", "1.json"]).ended_with(0);
    assert!(ended.talk.contains("input_tokens of per_agent sum to"), "{}", ended.talk);
}

#[test]
fn wrong_sums_are_found_with_1_and_rebuilt_with_0() {
    let place = Place::seeded();
    let sound = place.run(&["store", "verify"]).ended_with(0);
    assert!(sound.data.starts_with("✓ "), "{}", sound.data);
    sql(&place, "UPDATE rollups SET tokens = tokens + 7 WHERE kind = 'run'");
    let wrong = place.run(&["store", "verify"]).ended_with(1);
    assert!(wrong.data.contains("wrong; to rebuild them: --repair"), "{}", wrong.data);
    let json = place.run(&["store", "verify", "--format", "json"]).ended_with(1).json();
    assert_eq!(json["differences"][0]["figure"], "tokens");
    assert_eq!(json["repaired"], 0);
    let csv = place.run(&["store", "verify", "--format", "csv"]).ended_with(1).data;
    assert!(csv.starts_with("step,at,project,pipeline,kind,name,figure,stored,expected\n"), "{csv}");
    let repaired = place.run(&["store", "verify", "--repair", "--format", "json"]).ended_with(0).json();
    assert_eq!(repaired["repaired"], json["wrong"]);
    place.run(&["store", "verify"]).ended_with(0);
}

#[test]
fn a_stored_run_with_absurd_figures_is_named_with_1() {
    let place = Place::seeded();
    sql(
        &place,
        "UPDATE parts SET document = replace(document, '\"llm_calls\":', '\"llm_calls\":9') WHERE id = 1",
    );
    let ended = place.run(&["store", "verify"]).ended_with(1);
    assert!(ended.data.contains("✗ 1 run with figures that no run can have"), "{}", ended.data);
    assert!(ended.talk.contains("unsound: run "), "{}", ended.talk);
    assert_eq!(place.run(&["--db", "missing.db", "store", "verify"]).code, 3);
}

#[cfg(unix)]
#[test]
fn a_history_that_others_can_read_is_warned_of_once_and_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::seeded();
    assert_eq!(place.run(&["runs", "show", "last"]).ended_with(0).talk, "");
    std::fs::set_permissions(place.db(), std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let ended = place.run(&["runs", "show", "last", "--format", "json"]).ended_with(0);
    assert_eq!(ended.talk.matches("warning: other users can read").count(), 1, "{}", ended.talk);
    assert!(ended.json()["run_id"].is_string());
}

#[cfg(unix)]
#[test]
fn a_history_that_cannot_be_written_is_listed_shown_and_exported() {
    let place = Place::seeded();
    let commands: [&[&str]; 4] =
        [&["runs", "list"], &["runs", "show", "last"], &["export"], &["store", "verify"]];
    let answers = || commands.map(|command| place.run(command).ended_with(0).data);
    let writable = answers();
    // No index of a log can be made: as in a read-only directory, also for root.
    std::fs::create_dir(place.path("runs.db-shm")).expect("a folder");
    assert_eq!(answers(), writable);
    let refused = place.run(&["runs", "delete", "last"]);
    assert_eq!(refused.code, 3);
    assert!(refused.talk.contains("can be read and not written"), "{}", refused.talk);
}

#[test]
fn a_file_without_a_byte_is_no_history_yet() {
    let place = Place::empty();
    place.write("runs.db", "");
    let ended = place.run(&["runs", "list"]).ended_with(3);
    assert!(ended.talk.contains("there is no run history at"), "{}", ended.talk);
    place.write("1.json", &nightly(1).to_json());
    place.run(&["import", "1.json"]).ended_with(0);
    assert!(place.run(&["runs", "list"]).ended_with(0).data.contains("nightly"));
}

#[test]
fn an_unknown_time_zone_names_the_nearest() {
    let place = Place::seeded();
    let ended = place.run(&["runs", "list", "--tz", "Europe/Berln"]).ended_with(2);
    assert!(ended.talk.contains("did you mean \"Europe/Berlin\"?"), "{}", ended.talk);
    let of_variable = place.command(&["runs", "list"]).env("TZ", "Europe/Berln").output().expect("it runs");
    let talk = String::from_utf8_lossy(&of_variable.stderr);
    assert_eq!(of_variable.status.code(), Some(2), "{talk}");
    assert!(
        talk.contains("in the variable TZ") && talk.contains("did you mean \"Europe/Berlin\"?"),
        "{talk}"
    );
}
