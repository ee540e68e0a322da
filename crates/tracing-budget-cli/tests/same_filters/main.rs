//! The same filter selects the same runs everywhere: command line, HTTP API, dashboard, and agent tools.
//!
//! One table of cases, four clients. A row is a filter as name and value pairs, and the runs that it selects, in order.

mod clients;
mod history;

use clients::{Client, clients};
use history::{Folder, PROJECT};

type Filter = &'static [(&'static str, &'static str)];

/// The filter, and the names of the runs that it selects. Without `sort`, the newest run comes first.
const CASES: &[(Filter, &str)] = &[
    (&[], "hour three-days ten-days oct-27 oct-26-late oct-26 oct-25"),
    // A date includes its whole day, in the given zone. On 26 October 2025 it has 25 hours in Berlin.
    (&[("since", "2025-10-26"), ("until", "2025-10-26"), ("tz", "UTC")], "oct-27 oct-26-late"),
    (&[("since", "2025-10-26"), ("until", "2025-10-26"), ("tz", "Europe/Berlin")], "oct-26-late oct-26"),
    (&[("until", "2025-10-25"), ("tz", "UTC")], "oct-26 oct-25"),
    (&[("until", "2025-10-25"), ("tz", "Europe/Berlin")], "oct-25"),
    (&[("since", "2025-10-27"), ("until", "2025-10-27"), ("tz", "Europe/Berlin")], "oct-27"),
    (&[("since", "2025-10-27"), ("until", "2025-10-27"), ("tz", "UTC")], ""),
    (&[("since", "2025-10-27"), ("until", "2025-10-26"), ("tz", "UTC")], ""),
    // Local times are times of the zone; an offset decides by itself.
    (
        &[("since", "2025-10-26T00:00"), ("until", "2025-10-27"), ("tz", "Europe/Berlin")],
        "oct-27 oct-26-late oct-26",
    ),
    (
        &[("since", "2025-10-26T00:01"), ("until", "2025-10-27"), ("tz", "Europe/Berlin")],
        "oct-27 oct-26-late",
    ),
    (&[("since", "2025-10-25T22:00:00Z"), ("until", "2025-10-26T22:59:00Z"), ("tz", "Asia/Tokyo")], "oct-26"),
    (&[("since", "2025-10-26T00:00:00+02:00"), ("until", "2025-10-26T23:59:30+01:00")], "oct-26-late oct-26"),
    // Ages and words count from now.
    (&[("since", "12h")], "hour"),
    (&[("since", "90m")], "hour"),
    (&[("since", "7d")], "hour three-days"),
    (&[("since", "2w")], "hour three-days ten-days"),
    (&[("since", "2w"), ("until", "7d")], "ten-days"),
    (&[("since", "2w"), ("until", "now")], "hour three-days ten-days"),
    (&[("since", "yesterday"), ("tz", "UTC")], "hour"),
    (&[("since", "ever")], "hour three-days ten-days oct-27 oct-26-late oct-26 oct-25"),
    (&[("since", "ever"), ("until", "2025-10-26"), ("tz", "UTC")], "oct-27 oct-26-late oct-26 oct-25"),
    // Statuses, tags, names.
    (&[("status", "failed")], "ten-days"),
    (&[("status", "failed"), ("status", "interrupted")], "three-days ten-days"),
    (&[("status", "running")], ""),
    (&[("tag", "tier=2")], "ten-days oct-25"),
    (&[("tag", "tier=2"), ("tag", "branch=main")], "ten-days"),
    (&[("tag", "branch=a=b")], "oct-26"),
    (&[("pipeline", "weekly")], "oct-27"),
    (&[("stage", "review")], "three-days"),
    (&[("model", "openai/gpt-5-mini")], "hour"),
    (&[("model", "gpt-5-mini")], "hour"),
    (&[("gate", "lint")], "three-days ten-days"),
    (&[("verdict", "fail")], "ten-days"),
    (&[("gate", "lint"), ("verdict", "pass")], "three-days"),
    (&[("gate", "tests"), ("verdict", "fail")], ""),
    // Costs: the bound itself is included, and an unknown cost is in no bound.
    (&[("min_cost_usd", "0.10")], "three-days ten-days"),
    (&[("min_cost_usd", "0.100000000001")], "ten-days"),
    (&[("min_cost_usd", "0")], "three-days ten-days oct-27 oct-26-late oct-26 oct-25"),
    // Orders; an unknown cost comes last in both directions.
    (&[("sort", "started:asc")], "oct-25 oct-26 oct-26-late oct-27 ten-days three-days hour"),
    (&[("sort", "cost"), ("since", "2w")], "ten-days three-days hour"),
    (&[("sort", "cost:asc"), ("since", "2w")], "three-days ten-days hour"),
    (&[("sort", "duration"), ("since", "2w")], "hour ten-days three-days"),
    // All at once.
    (
        &[
            ("since", "2w"),
            ("until", "today"),
            ("tz", "UTC"),
            ("status", "failed"),
            ("tag", "tier=2"),
            ("gate", "lint"),
        ],
        "ten-days",
    ),
];

/// A filter with a typo, and the word that the error must suggest.
const TYPOS: &[(Filter, &str)] = &[
    (&[("since", "yesterdy")], "yesterday"),
    (&[("until", "tody")], "today"),
    (&[("status", "faild")], "failed"),
    (&[("status", "complete")], "completed"),
    (&[("sort", "cots")], "cost"),
    (&[("sort", "cost:acs")], "asc"),
    (&[("tz", "Europe/Berln"), ("since", "2025-10-26")], "Europe/Berlin"),
];

/// A typo in the name of a filter.
const NAME_TYPOS: &[(Filter, &str)] = &[
    (&[("statis", "failed")], "status"),
    (&[("pipline", "nightly")], "pipeline"),
    (&[("min_cost", "1")], "min_cost_usd"),
];

/// A value of the wrong form, and a part of the expected form.
const MALFORMED: &[(Filter, &str)] = &[
    (&[("since", "2025-02-30")], "a day (2026-11-01"),
    (&[("until", "25")], "a day (2026-11-01"),
    (&[("tag", "tier")], "NAME=VALUE"),
    (&[("min_cost_usd", "cheap")], "USD"),
];

/// A reference to a run, and the run; `None` if the reference is unknown or ambiguous.
const REFERENCES: &[(&str, Option<&str>)] = &[
    ("0199f0a1-0000-7000-8000-00000000aa01", Some("oct-25")),
    ("0199f0a1", Some("oct-25")),
    ("0199f0a2-0000", Some("oct-26")),
    ("aa01", Some("oct-25")),
    ("0000aa02", Some("oct-26")),
    ("last", Some("hour")),
    ("last-failed", Some("ten-days")),
    ("0199f0a", None),
    ("0199f", None),
    ("ffff", None),
];

/// Compares the table with every client, and reports all differences at once.
fn check(folder: &Folder, compare: impl Fn(&mut dyn Client) -> Vec<String>) {
    let mut differences = Vec::new();
    for mut client in clients(folder) {
        let found = compare(client.as_mut());
        differences.extend(found.into_iter().map(|line| format!("{}: {line}", client.name())));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn every_client_selects_the_same_runs() {
    let folder = Folder::seeded("same-runs");
    check(&folder, |client| {
        let mut differences = Vec::new();
        for (filter, expected) in CASES {
            let listed = client.list(filter).map(|ids| history::names(&ids).join(" "));
            if listed.as_deref() != Ok(*expected) {
                differences.push(format!("{filter:?}: expected {expected:?}, got {listed:?}"));
            }
        }
        differences
    });
}

#[test]
fn every_client_reports_a_typo_with_the_nearest_word() {
    let folder = Folder::seeded("same-typos");
    check(&folder, |client| {
        let mut differences = Vec::new();
        for (filter, nearest) in TYPOS.iter().chain(NAME_TYPOS) {
            match client.list(filter) {
                Ok(ids) => differences.push(format!("{filter:?}: expected an error, got {} runs", ids.len())),
                // clap writes options with dashes.
                Err(message) if suggests(&message.replace("--", ""), nearest) => {}
                Err(message) => {
                    differences.push(format!("{filter:?}: {nearest:?} is not suggested in {message:?}"))
                }
            }
        }
        for (filter, expected) in MALFORMED {
            match client.list(filter) {
                Ok(ids) => differences.push(format!("{filter:?}: expected an error, got {} runs", ids.len())),
                Err(message) if message.contains(expected) => {}
                Err(message) => differences.push(format!("{filter:?}: {expected:?} is not in {message:?}")),
            }
        }
        differences
    });
}

/// Returns whether a message suggests a word: `did you mean "status"?`, or in clap's words for options.
fn suggests(message: &str, word: &str) -> bool {
    let option = word.replace('_', "-");
    [
        format!("did you mean \"{word}\"?"),
        format!("a similar argument exists: '{option}'"),
        format!("some similar arguments exist: '{option}'"),
    ]
    .iter()
    .any(|text| message.contains(text))
}

#[test]
fn every_client_accepts_the_same_references() {
    let folder = Folder::seeded("same-references");
    check(&folder, |client| {
        let mut differences = Vec::new();
        for (reference, expected) in REFERENCES {
            let shown = client.show(reference);
            let name = shown.as_ref().ok().and_then(|id| history::names(std::slice::from_ref(id)).pop());
            if name != *expected {
                differences.push(format!("{reference:?}: expected {expected:?}, got {shown:?}"));
            }
        }
        differences
    });
}

#[test]
fn an_empty_history_is_an_empty_list_everywhere() {
    let folder = Folder::empty("same-empty");
    check(&folder, |client| match client.list(&[("project", PROJECT)]) {
        Ok(ids) if ids.is_empty() => Vec::new(),
        // The API has no page for a project without runs.
        Err(_) if client.name() == "API" => Vec::new(),
        other => vec![format!("expected no runs, got {other:?}")],
    });
}
