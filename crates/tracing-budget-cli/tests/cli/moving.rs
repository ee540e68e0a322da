//! Imported runs are stored once, unreadable files are listed, and exports can be imported.

use std::fs;
use std::process::Stdio;

use crate::program::Place;
use crate::seeded::{id, nightly};

#[test]
fn bad_files_are_skipped_with_a_count_and_a_reason_each() {
    let place = Place::empty();
    place.write("budget/1.json", &nightly(1).to_json());
    place.write("budget/deeper/2.json", &nightly(2).to_json());
    place.write("budget/broken.json", "{\"schema_version\": 1, \"run_id\": 5}");
    place.write("budget/newer.json", "{\"schema_version\": 99}");
    place.write("budget/.hidden.json", "not looked at");
    place.write("budget/notes.txt", "not looked at");
    let lines = format!("{}\nrubbish\n\n{}\n", line(3), line(4));
    place.write("budget/runs.jsonl", &lines);
    let ended = place.run(&["import", "budget", "missing.json"]).ended_with(0);
    assert_eq!(ended.data, "4 new, 0 updated, 0 already there, 4 skipped\n");
    for reason in [
        "broken.json: run_id is 5, expected",
        "newer.json: schema_version is 99, expected at most 1",
        "runs.jsonl:2: not JSON",
        "missing.json: cannot be read: No such file",
    ] {
        assert!(ended.talk.contains(reason), "{reason} in\n{}", ended.talk);
    }
    let json = place.run(&["import", "budget", "--format", "json"]).ended_with(0).json();
    assert_eq!((&json["new"], &json["unchanged"]), (&0.into(), &4.into()), "stored once");
    assert_eq!(json["skipped"].as_array().map(Vec::len), Some(3));
}

fn line(day: u32) -> String {
    serde_json::to_string(&nightly(day)).expect("JSON")
}

#[test]
fn a_dry_run_stores_nothing() {
    let place = Place::empty();
    place.write("1.json", &nightly(1).to_json());
    let ended = place.run(&["import", "1.json", "--dry-run"]).ended_with(0);
    assert_eq!(ended.data, "1 summary found, nothing stored\n");
    assert!(!place.db().exists());
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let place = Place::seeded();
    for written_as in ["json", "jsonl"] {
        let file = format!("all.{written_as}");
        place.run(&["export", "--as", written_as, "--output", &file]).ended_with(0);
        let other = Place::empty();
        fs::copy(place.path(&file), other.path(&file)).expect("copied");
        assert_eq!(other.run(&["import", &file]).ended_with(0).data, "23 new, 0 updated, 0 already there\n");
        for run in crate::seeded::runs() {
            let shown = other.run(&["runs", "show", &run.run_id, "--format", "json"]).ended_with(0).data;
            assert_eq!(shown, run.to_json());
        }
    }
}

#[test]
fn an_export_is_filtered_and_goes_down_a_pipe() {
    let place = Place::seeded();
    let ended = place.run(&["export", "--project", "support"]).ended_with(0);
    assert_eq!(ended.data.lines().count(), 2);
    assert_eq!(ended.talk, "2 runs exported\n");
    let csv = place.run(&["export", "--as", "csv", "--status", "failed"]).ended_with(0).data;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let named = place.run(&["export", &id(1, 2), "last-failed", "--as", "json"]).ended_with(0).json();
    assert_eq!(named.as_array().map(Vec::len), Some(2));
    // Straight into another history.
    let other = Place::empty();
    let mut from =
        place.command(&["export"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let pipe = from.stdout.take().expect("a pipe");
    let output = other.command(&["import", "-"]).stdin(pipe).output().expect("it runs");
    assert!(from.wait().expect("it ends").success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "23 new, 0 updated, 0 already there\n");
}

#[test]
fn an_export_that_fails_leaves_the_file_that_was_there() {
    let place = Place::seeded();
    let file = place.write("out.jsonl", "yesterday's\n");
    place.run(&["export", "ffff", "--output", "out.jsonl"]).ended_with(4);
    assert_eq!(fs::read_to_string(file).ok().as_deref(), Some("yesterday's\n"));
    assert_eq!(
        fs::read_dir(place.path("."))
            .expect("a folder")
            .filter(|entry| {
                entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".tmp"))
            })
            .count(),
        0,
        "nothing is left behind"
    );
}
