//! A check has the same outcome on the screen, in JUnit XML and on GitHub's page.

use std::fs;

use serde_json::Value;
use tracing_budget::Verdict;

use crate::program::Place;
use crate::seeded::{id, nightly};

/// Runs as CI has them: files, and no history.
fn place_with_files() -> Place {
    let place = Place::empty();
    for day in [1, 2] {
        place.write(&format!("target/budget/{day}.json"), &nightly(day).to_json());
    }
    place
}

#[test]
fn summaries_are_checked_where_there_is_no_history() {
    let place = place_with_files();
    let checked = place
        .run(&["check", "target/budget", "--max-cost-usd", "1", "--format", "json"])
        .ended_with(0)
        .json();
    assert_eq!(checked["passed"], true);
    assert_eq!(checked["runs"].as_array().map(Vec::len), Some(2));
    place.run(&["check", "target/budget", "--max-cost-usd", "0.01"]).ended_with(1);
    place.run(&["check", "target/budget/1.json", "target/budget/2.json"]).ended_with(0);
    assert!(!place.db().exists());
}

#[test]
fn a_summary_is_taken_from_standard_input() {
    let place = Place::empty();
    let file = place.write("run.json", &nightly(3).to_json());
    let stdin = fs::File::open(file).expect("the file");
    let output = place.command(&["check", "-", "--max-tokens", "1"]).stdin(stdin).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("more than 1 token"));
}

#[test]
fn the_first_run_of_a_pipeline_has_no_baseline_and_passes() {
    let place = place_with_files();
    let arguments = ["check", "target/budget/1.json", "--baseline", "last-passing", "--format", "json"];
    let checked = place.run(&arguments).ended_with(0).json();
    let last = checked["runs"][0]["checks"].as_array().and_then(|checks| checks.last()).cloned();
    assert_eq!(last.as_ref().map(|check| &check["result"]), Some(&Value::from("skipped")), "{last:?}");
}

#[test]
fn the_baseline_is_the_newest_that_passed_before_the_run() {
    let place = Place::seeded();
    // Day 19 failed and day 20 was interrupted: before day 21, day 18 was the last that passed.
    let checked = place
        .run(&["check", &id(1, 21), "--baseline", "last-passing", "--format", "json"])
        .ended_with(1)
        .json();
    assert_eq!(checked["runs"][0]["baseline"], id(1, 18).as_str());
    // Of a run in the middle, what came after it is no baseline.
    let checked = place.run(&["check", &id(1, 5), "--baseline", "last-passing", "--format", "json"]);
    assert_eq!(checked.json()["runs"][0]["baseline"], id(1, 4).as_str());
}

#[test]
fn a_run_of_which_a_gate_failed_is_no_baseline_though_it_completed() {
    let place = Place::seeded();
    let mut tolerated = nightly(22);
    tolerated.budget_summary.gate_verdicts[0].verdict = Verdict::Fail;
    tolerated.budget_summary.gate_verdicts[0].blocking = false;
    place.write("22.json", &tolerated.to_json());
    place.write("23.json", &nightly(23).to_json());
    place.run(&["import", "22.json"]).ended_with(0);
    let checked = place.run(&["check", "23.json", "--baseline", "last-passing", "--format", "json"]).json();
    assert_eq!(checked["runs"][0]["baseline"], id(1, 21).as_str());
}

#[test]
fn growth_beyond_the_bound_fails() {
    let place = Place::seeded();
    let mut dear = nightly(22);
    let total = &mut dear.budget_summary.total;
    total.cost_usd = total.cost_usd.map(|cost| cost + cost);
    place.write("dear.json", &dear.to_json());
    let ended = place.run(&["check", "dear.json", "--baseline", &id(1, 18)]).ended_with(1);
    assert!(ended.data.contains("cost against baseline"), "{}", ended.data);
    place.run(&["check", "dear.json", "--baseline", &id(1, 18), "--max-regression", "200%"]).ended_with(0);
    let tokens = ["check", "dear.json", "--baseline", &id(1, 18), "--regression-of", "tokens"];
    place.run(&tokens).ended_with(0);
}

#[test]
fn junit_has_a_suite_a_run_and_a_case_a_check() {
    let place = Place::seeded();
    place
        .run(&["check", "last-failed", "--max-cost-usd", "1", "--require-gate", "lint", "--junit", "out.xml"])
        .ended_with(1);
    let xml = fs::read_to_string(place.path("out.xml")).expect("written");
    crate::shown::as_kept(&crate::shown::kept("junit.xml"), &xml);
    assert!(xml.contains("tests=\"3\" failures=\"2\""), "{xml}");
}

#[test]
fn a_step_summary_is_added_to_what_other_steps_wrote() {
    let place = Place::seeded();
    place.write("summary.md", "# Other step\n");
    place
        .run(&["check", "last-failed", "--require-gate", "lint", "--step-summary", "summary.md"])
        .ended_with(1);
    let markdown = fs::read_to_string(place.path("summary.md")).expect("written");
    crate::shown::as_kept(&crate::shown::kept("step-summary.md"), &markdown);
    assert!(markdown.starts_with("# Other step\n### ❌ nightly"), "{markdown}");
    // Where GitHub says so, without being asked.
    let output = place.command(&["check", "019a0018-01"]).env("GITHUB_STEP_SUMMARY", "github.md").output();
    assert_eq!(output.expect("it runs").status.code(), Some(0));
    assert!(fs::read_to_string(place.path("github.md")).expect("written").starts_with("### ✅ nightly"));
}
