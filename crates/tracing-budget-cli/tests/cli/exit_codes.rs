//! Exit codes are those of the documents, and messages name the next step.

use crate::program::Place;
use crate::seeded::id;

#[test]
fn success_exits_with_0() {
    let place = Place::seeded();
    for arguments in [
        &["runs", "list"][..],
        &["runs", "show"],
        &["runs", "show", "last"],
        &["runs", "show", "019a0018-0100-7"],
        &["runs", "list", "--project", "no-such-project"],
        &["check", "019a0018-01"],
        &["--help"],
        &["--version"],
        &["completions", "bash"],
        &["man"],
    ] {
        place.run(arguments).ended_with(0);
    }
}

#[test]
fn a_negative_finding_exits_with_1() {
    let place = Place::seeded();
    place.run(&["check", "last-failed"]).ended_with(1);
    place.run(&["check", "last-failed", "--any-status"]).ended_with(0);
    place.run(&["check", &id(1, 18), "--max-cost-usd", "0.001"]).ended_with(1);
    place.run(&["runs", "health", "--recent", "4", "--fail-on", "notice"]).ended_with(1);
    place.run(&["runs", "health", "--recent", "4", "--fail-on", "never"]).ended_with(0);
}

#[test]
fn invalid_arguments_exit_with_2() {
    let place = Place::seeded();
    for (arguments, message) in [
        (&["runs"][..], "Usage"),
        (&["runs", "list", "--since", "someday"], "expected a day (2026-11-01"),
        (&["runs", "list", "--since", "yesterdy"], "did you mean \"yesterday\"?"),
        (&["runs", "list", "--status", "faild"], "did you mean \"failed\"?"),
        (&["runs", "list", "--tz", "Europe/Berln"], "did you mean \"Europe/Berlin\"?"),
        (&["runs", "list", "--status", "broken"], "expected running, completed"),
        (&["runs", "list", "--sort", "name"], "expected started, cost, duration or tokens"),
        (&["runs", "list", "--tag", "tier"], "expected NAME=VALUE"),
        (&["runs", "list", "--min-cost-usd", "much"], "much"),
        (&["runs", "prune"], "--older-than"),
        (&["runs", "prune", "--older-than", "ever"], "--older-than: expected a day, a time or an age"),
        (&["prices", "list", "--at", "ever"], "--at: expected a day, a time or an age"),
        (&["reprice"], "--as-of"),
        (&["reprice", "--model-swap", "gpt-5"], "expected A=B"),
        (&["check", "--max-regression", "5%"], "--baseline"),
        (&["prices", "calc", "gpt-5"], "set --input, --output or --unit"),
        (&["prices", "calc", "gpt-5", "--unit", "web_serches=2"], "did you mean web_searches?"),
        (&["prices", "calc", "gpt-5", "--unit", "cache write (1h)=2.5"], "expected a whole number"),
        (&["prices", "calc", "gpt-5", "--unit", "web_searches"], "expected a unit and its count"),
        (&["prices", "calc", "gpt-5", "--unit", "web_searches=two"], "\"two\" is no number"),
        (&["prices", "calc", "gpt-5", "--unit", "web_searches=-1"], "expected 0 to 1e12"),
        (&["runs", "list", "--cursor", "nonsense"], "is not a cursor of this list"),
    ] {
        let ended = place.run(arguments).ended_with(2);
        assert!(ended.talk.contains(message), "{arguments:?}: {}", ended.talk);
        assert_eq!(ended.data, "", "{arguments:?} has no data");
    }
}

#[test]
fn a_missing_history_exits_with_3_and_the_message_explains_how_to_create_one() {
    let place = Place::empty();
    for arguments in [&["runs", "list"][..], &["stages"], &["runs", "health"], &["export"], &["check"]] {
        let ended = place.run(arguments).ended_with(3);
        assert!(ended.talk.contains("tracing-budget import"), "{arguments:?}: {}", ended.talk);
        assert!(ended.talk.contains("--db"), "{}", ended.talk);
        assert!(!place.db().exists(), "reading creates no file");
    }
}

#[test]
fn a_file_that_is_no_history_exits_with_3_and_is_not_changed() {
    let place = Place::empty();
    let file = place.write("runs.db", "dear diary, today I spent $400");
    let ended = place.run(&["runs", "list"]).ended_with(3);
    assert!(ended.talk.contains("not a run history"), "{}", ended.talk);
    assert_eq!(std::fs::read_to_string(file).ok().as_deref(), Some("dear diary, today I spent $400"));
}

#[test]
fn a_missing_run_model_or_file_exits_with_4() {
    let place = Place::seeded();
    for (arguments, message) in [
        (&["runs", "show", "ffff"][..], "begins or ends with \"ffff\""),
        (&["runs", "show", "019a"], "of several"),
        (&["runs", "compare", "last", "ffff"], "begins or ends with \"ffff\""),
        (&["runs", "delete", "ffff"], "begins or ends with \"ffff\""),
        (&["check", "ffff"], "begins or ends with \"ffff\""),
        (&["prices", "find", "no-such-model-at-all"], "no price is known for model"),
        (&["prices", "calc", "no-such-model-at-all", "--input", "5"], "no price is known for model"),
        (&["prices", "calc", "gpt-5", "--input", "5", "--tier", "turbo"], "the tier \"turbo\" of gpt-5"),
        (
            &["prices", "calc", "gpt-5", "--input", "5", "--unit", "input_image_tokens=9"],
            "image input is 9, but input is only 5",
        ),
    ] {
        let ended = place.run(arguments).ended_with(4);
        assert!(ended.talk.contains(message), "{arguments:?}: {}", ended.talk);
    }
    let empty = Place::empty();
    empty.write("empty/readme.txt", "nothing here");
    empty.run(&["check", "empty"]).ended_with(4);
}

#[test]
fn an_unreadable_or_unwritable_file_exits_with_5() {
    let place = Place::seeded();
    place.write("bad.json", "{\"schema_version\": 1}");
    let ended = place.run(&["check", "bad.json"]).ended_with(5);
    assert!(ended.talk.contains("bad.json: run_id is missing"), "{}", ended.talk);
    place.run(&["export", "--output", "nowhere/out.jsonl"]).ended_with(5);
    place.run(&["check", &id(1, 18), "--junit", "nowhere/out.xml"]).ended_with(5);
    for command in [&["list"][..], &["find", "gpt-5"], &["calc", "gpt-5", "--input", "1"], &["diff"]] {
        let ended = place.run(&[&["prices"], command, &["--with", "nowhere.toml"]].concat()).ended_with(5);
        assert!(ended.talk.contains("nowhere.toml cannot be read"), "{}", ended.talk);
    }
}

#[test]
fn the_codes_are_in_the_help_and_in_the_documents() {
    let place = Place::empty();
    let help = place.run(&["--help"]).ended_with(0).data;
    let reference = place.run(&["reference"]).ended_with(0).data;
    for code in 0..=5 {
        assert!(help.contains(&format!("\n  {code}  ")), "{code} in\n{help}");
        assert!(reference.contains(&format!("\n| {code} | ")), "{code} in the reference");
    }
}

#[test]
fn an_ambiguous_id_lists_its_candidates() {
    let place = Place::seeded();
    let ended = place.run(&["runs", "show", "019a0018"]).ended_with(4);
    for run in [id(1, 18), id(2, 18)] {
        assert!(ended.talk.contains(&run), "{}", ended.talk);
    }
}
