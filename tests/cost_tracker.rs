//! A cost tracker counts what one agent spent, exactly, without a subscriber; a team is the sum of its agents.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tracing_budget::{
    CostTracker, Usd,
    tracker::{CostSummary, TeamSummary},
};

fn usd(text: &str) -> Option<Usd> {
    Some(text.parse().expect("an amount"))
}

fn tracker() -> CostTracker {
    CostTracker::new("researcher", "apprentice", "session-42")
}

#[test]
fn a_lead_and_its_specialists_cost_what_they_cost() {
    let lead = CostTracker::new("lead", "apprentice", "session-42");
    lead.operation("analysis").cost_usd(0.005).record();
    let (security, performance) = (lead.specialist("security"), lead.specialist("performance"));
    security.operation("review").cost_usd(0.02).record();
    performance.operation("review").cost_usd(0.015).record();
    lead.operation("synthesis").cost_usd(0.003).record();

    let team = lead.team();
    assert_eq!(team.total_cost_usd, usd("0.043"));
    assert_eq!(serde_json::to_value(&team).expect("JSON")["total_cost_usd"], json!(0.043));
    let agents: Vec<_> = team.by_agent.iter().map(|(agent, row)| (agent, row.cost_usd, row.calls)).collect();
    assert_eq!(
        agents,
        [("lead", usd("0.008"), 2), ("security", usd("0.02"), 1), ("performance", usd("0.015"), 1)]
    );
    assert_eq!((team.by_operation["review"].cost_usd, team.by_operation["review"].calls), (usd("0.035"), 2));
    assert_eq!((team.record_count, team.agents.len()), (4, 3));
    assert_eq!((lead.total_cost(), security.total_cost()), (usd("0.008"), usd("0.02")), "each has its own");
    assert!(
        team.agents.iter().all(|agent| agent.session_id == "session-42" && agent.project == "apprentice")
    );

    // An agent that is listed several times is counted once.
    let again = TeamSummary::of([&lead, &security, &lead.clone(), &performance]);
    assert_eq!((again.total_cost_usd, again.record_count), (usd("0.043"), 4));
}

#[test]
fn the_summary_is_a_dictionary_of_one_ledger() {
    let tracker = tracker();
    tracker
        .operation("iteration")
        .cost_usd("0.02")
        .iteration(1)
        .duration(Duration::from_millis(1_500))
        .record();
    tracker.operation("iteration").cost_usd("0.01").iteration(8).meta("model", "gpt-5").record();
    tracker.operation("verification").cost_usd("0.005").record();
    tracker.operation("thinking").record();
    tracker.add_value_usd(100);

    assert_eq!((tracker.total_cost(), tracker.operation_cost("iteration")), (usd("0.035"), usd("0.03")));
    assert_eq!((tracker.operation_cost("thinking"), tracker.operation_cost("nothing")), (None, None));
    assert_eq!(tracker.efficiency().cost_per_iteration_usd, usd("0.004375"));
    let summary = tracker.summary();
    let json = serde_json::to_value(&summary).expect("JSON");
    for (key, expected) in [
        ("agent_type", json!("researcher")),
        ("project", json!("apprentice")),
        ("session_id", json!("session-42")),
        ("total_cost_usd", json!(0.035)),
        ("record_count", json!(4)),
        ("records_dropped", json!(0)),
        ("value_usd", json!(100.0)),
        ("iterations", json!(8)),
        ("warnings", json!([])),
    ] {
        assert_eq!(json[key], expected, "{key}");
    }
    assert_eq!(
        json["by_operation"]["iteration"],
        json!({"cost_usd": 0.03, "calls": 2, "duration_seconds": 1.5})
    );
    assert_eq!(json["by_operation"]["thinking"]["cost_usd"], Value::Null, "no cost was recorded for it");
    assert_eq!(json["records"][1]["meta"], json!({"model": "gpt-5"}));
    assert_eq!(json["records"][3]["cost_usd"], Value::Null);
    assert_eq!(json["efficiency"]["cost_per_iteration_usd"], json!(0.004375));
    assert_eq!(json["efficiency"]["cost_to_value"], json!(0.00035));
    assert_eq!(json["efficiency"]["tokens_per_minute"], Value::Null, "it knows no tokens");
    assert_eq!(serde_json::from_str::<CostSummary>(&summary.to_json()).expect("it reads back"), summary);
}

#[test]
fn without_records_the_cost_is_zero_and_a_record_without_a_cost_makes_it_unknown() {
    let tracker = tracker();
    assert_eq!((tracker.total_cost(), tracker.record_count()), (Some(Usd::ZERO), 0));
    tracker.operation("thinking").record();
    assert_eq!(tracker.total_cost(), None);
    tracker.operation("search").cost_usd("0").record();
    assert_eq!((tracker.total_cost(), tracker.operation_cost("thinking")), (Some(Usd::ZERO), None));
    tracker.operation("search").cost_usd("a cent").record();
    tracker.operation("search").cost_usd(-1.0).record();
    tracker.operation("search").cost_usd(-1.0).record();
    tracker.add_value_usd(f64::INFINITY);
    let summary = tracker.summary();
    assert_eq!((summary.total_cost_usd, summary.value_usd, summary.record_count), (Some(Usd::ZERO), None, 5));
    assert_eq!(summary.warnings.len(), 3, "each once: {:?}", summary.warnings);
    assert!(summary.warnings[0].contains("\"a cent\""), "{:?}", summary.warnings);
}

#[test]
fn the_list_is_bounded_and_the_sums_are_not() {
    let tracker = tracker();
    tracker.keep_records(3);
    for at in 1..=10 {
        tracker.operation("step").cost_usd(Usd::from_pico(at)).record();
    }
    let summary = tracker.summary();
    let kept: Vec<_> = summary.records.iter().filter_map(|record| record.cost_usd).map(Usd::pico).collect();
    assert_eq!((kept.as_slice(), summary.records_dropped, summary.record_count), (&[8, 9, 10][..], 7, 10));
    assert_eq!(
        (tracker.total_cost(), tracker.operation_cost("step")),
        (Some(Usd::from_pico(55)), Some(Usd::from_pico(55)))
    );
    assert_eq!(summary.by_operation["step"].calls, 10);
    tracker.keep_records(0);
    assert_eq!(
        (tracker.records().len(), tracker.record_count(), tracker.total_cost()),
        (0, 10, Some(Usd::from_pico(55)))
    );
}

#[test]
fn many_threads_lose_nothing() {
    let lead = tracker();
    thread::scope(|threads| {
        for at in 0..8 {
            let (lead, name) = (lead.clone(), format!("specialist {}", at % 2));
            threads.spawn(move || {
                let specialist = lead.specialist(name);
                for _ in 0..1_000 {
                    lead.operation("analysis").cost_usd(Usd::from_pico(7)).record();
                    specialist.operation("review").cost_usd("0.000000000001").record();
                }
            });
        }
    });
    let team = lead.team();
    assert_eq!((lead.total_cost(), lead.record_count()), (Some(Usd::from_pico(56_000)), 8_000));
    assert_eq!(
        (team.total_cost_usd, team.record_count, team.agents.len()),
        (Some(Usd::from_pico(64_000)), 16_000, 9)
    );
    assert_eq!(team.by_agent.len(), 3, "agents of one type share a row");
    assert_eq!(team.agents.iter().map(|agent| agent.record_count).sum::<u64>(), team.record_count);
}
