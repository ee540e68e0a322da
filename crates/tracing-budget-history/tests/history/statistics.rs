//! Statistics over many runs equal those of their documents, after any sequence of stores, changes and deletions.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tracing_budget::{RunSummary, Status, Usd, Verdict};
use tracing_budget_history::health::{FindingKind, HealthQuery, Severity};
use tracing_budget_history::series::{Amount, Bucket, By, Measure, SeriesQuery};
use tracing_budget_history::{Put, Scope, Store, StoreError};

use crate::fixtures::{MIDNIGHT, TempHistory, at, costing, gated, run};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A run somewhere in five days, most of them near the borders of hours and days.
fn a_run() -> impl Strategy<Value = RunSummary> {
    let start = (-60..60i64, prop::sample::select(vec![-1, 0, 1, HOUR / 2]));
    let ended = prop::sample::select(vec![
        Status::Running,
        Status::Completed,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
        Status::Interrupted,
    ]);
    (start, ended, 0..2usize, prop::option::of(0..1_000i128), 0..2usize, prop::option::of(0..2u8)).prop_map(
        |((hours, ms), status, project, cost, stage, gate)| {
            let mut made = run("", status, MIDNIGHT + hours * HOUR + ms);
            made.project = ["apprentice", "atlas"][project].into();
            if let Some(cost) = cost {
                made = costing(made, ["discovery", "review"][stage], cost);
                if cost % 2 == 1 {
                    made = in_part(made);
                }
            }
            match gate {
                Some(0) => gated(made, "lint", Verdict::Pass),
                Some(_) => gated(made, "lint", Verdict::Fail),
                None => made,
            }
        },
    )
}

/// The run with a part of the usage missing wherever it was booked.
fn in_part(mut run: RunSummary) -> RunSummary {
    let budget = &mut run.budget_summary;
    budget.total.partial_calls = 1;
    budget.per_agent.values_mut().for_each(|row| row.figures.partial_calls = 1);
    budget.per_model.values_mut().for_each(|row| row.figures.partial_calls = 1);
    budget.by_operation.values_mut().for_each(|row| row.figures.partial_calls = 1);
    budget.settle();
    run
}

fn a_scope() -> impl Strategy<Value = Scope> {
    let end = || prop::option::of((-62..62i64, prop::sample::select(vec![0, 1, HOUR / 2, 17 * 60_000])));
    (prop::option::of(0..2usize), end(), end()).prop_map(|(project, since, until)| {
        let mut scope = Scope::new();
        scope.project = project.map(|project| ["apprentice", "atlas"][project].to_owned());
        scope.since = since.map(|(hours, ms)| at(MIDNIGHT + hours * HOUR + ms));
        scope.until = until.map(|(hours, ms)| at(MIDNIGHT + hours * HOUR + ms));
        scope
    })
}

fn cost(runs: &[&RunSummary]) -> Usd {
    runs.iter().filter_map(|run| run.budget_summary.total.cost_usd).sum()
}

/// The costs of stages by step, of runs that have ended.
fn by_stage(runs: &[&RunSummary], bucket: i64) -> BTreeMap<(i64, String), Usd> {
    let mut costs = BTreeMap::new();
    for run in runs {
        let step = run.started_at.unix_ms().div_euclid(bucket) * bucket;
        for (stage, row) in run.budget_summary.per_agent.iter() {
            *costs.entry((step, stage.to_owned())).or_insert(Usd::ZERO) +=
                row.figures.cost_usd.unwrap_or_default();
        }
    }
    costs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_equal_those_of_the_documents(
        runs in prop::collection::vec(a_run(), 0..40),
        later in prop::collection::vec((0..40usize, a_run()), 0..10),
        gone in prop::collection::vec(0..40usize, 0..10),
        scopes in prop::collection::vec(a_scope(), 8),
    ) {
        let temp = TempHistory::new();
        let store = temp.store();
        for (n, run) in runs.iter().enumerate() {
            let mut run = run.clone();
            run.run_id = n.to_string();
            store.put(&run).unwrap();
        }
        // Further parts of some, which may end what runs, and merge with what has ended.
        for (part, (n, run)) in later.iter().enumerate() {
            let mut run = run.clone();
            run.run_id = n.to_string();
            store.put_all(&[Put::new(&run).part(&format!("later {part}"))]).unwrap();
        }
        let gone: Vec<String> = gone.iter().map(usize::to_string).collect();
        store.delete(&gone.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();

        let documents: Vec<RunSummary> =
            (0..40).filter_map(|n| store.get(&n.to_string()).unwrap()).collect();
        for scope in scopes {
            let all: Vec<&RunSummary> = documents.iter().filter(|run| scope.matches(run)).collect();
            let ended: Vec<&RunSummary> =
                all.iter().copied().filter(|run| run.status != Status::Running).collect();
            let overview = store.summary(&scope).unwrap();
            prop_assert_eq!(overview.runs, all.len() as u64);
            for status in [Status::Running, Status::Completed, Status::Failed, Status::Interrupted] {
                let expected = all.iter().filter(|run| run.status == status).count() as u64;
                prop_assert_eq!(overview.by_status.of(status), expected);
            }
            prop_assert_eq!(overview.cost_usd, Some(cost(&ended)));
            for run in &ended {
                let row = store.row(&run.run_id).unwrap().map(|row| row.partial_calls);
                prop_assert_eq!(row, Some(run.budget_summary.total.partial_calls));
            }
            let failed = ended.iter().filter(|run| run.status == Status::Failed);
            let last_failed = failed.max_by_key(|run| (run.started_at, &run.run_id));
            let last_failed = last_failed.map(|run| &run.run_id);
            prop_assert_eq!(overview.last_failed.as_ref().map(|run| &run.run_id), last_failed);

            for (bucket, length) in [(Bucket::Hour, HOUR), (Bucket::Day, DAY)] {
                let query = SeriesQuery::new(scope.clone(), Measure::Cost).by(By::Stage).bucket(bucket);
                let series = store.series(&query).unwrap();
                let mut found = BTreeMap::new();
                for line in &series.lines {
                    prop_assert_eq!(line.values.len(), series.at.len());
                    for (at, value) in series.at.iter().zip(&line.values) {
                        if let Some(Amount::Usd(cost)) = value {
                            found.insert((at.unix_ms(), line.name.clone()), *cost);
                        }
                    }
                }
                found.retain(|_, cost| *cost != Usd::ZERO);
                let mut expected = by_stage(&ended, length);
                expected.retain(|_, cost| *cost != Usd::ZERO);
                prop_assert_eq!(found, expected);
            }
            let found: BTreeMap<String, _> = store
                .stages(&scope)
                .unwrap()
                .into_iter()
                .map(|row| {
                    let cost = row.cost_usd.unwrap_or_default();
                    (row.stage, (row.runs, row.failed, row.llm_calls, cost))
                })
                .collect();
            let mut expected = BTreeMap::new();
            for run in &ended {
                for (stage, row) in run.budget_summary.per_agent.iter() {
                    let sum = expected.entry(stage.to_owned()).or_insert((0, 0, 0, Usd::ZERO));
                    sum.0 += 1;
                    sum.1 += u64::from(row.status == Status::Failed);
                    sum.2 += row.figures.llm_calls;
                    sum.3 += row.figures.cost_usd.unwrap_or_default();
                }
            }
            prop_assert_eq!(found, expected);
            let expected: u64 = ended.iter().map(|run| run.budget_summary.total.partial_calls).sum();
            prop_assert_eq!(overview.partial_calls, expected);
            let stages: u64 = store.stages(&scope).unwrap().iter().map(|row| row.partial_calls).sum();
            let models: u64 = store.models(&scope).unwrap().iter().map(|row| row.partial_calls).sum();
            prop_assert_eq!((stages, models), (expected, expected));
            let models: u64 = store.models(&scope).unwrap().iter().map(|row| row.input_tokens).sum();
            let expected: u64 = ended.iter().map(|run| run.budget_summary.total.input_tokens).sum();
            prop_assert_eq!(models, expected);
            let made: u64 = store.gates(&scope).unwrap().iter().map(|gate| gate.passed + gate.failed).sum();
            let expected: usize = ended.iter().map(|run| run.budget_summary.gate_verdicts.len()).sum();
            prop_assert_eq!(made, expected as u64);
        }
    }
}

#[test]
fn what_is_usual_is_the_median_of_what_completed() {
    let temp = TempHistory::new();
    let store = temp.store();
    for (n, pico) in [9, 1, 4, 2].into_iter().enumerate() {
        let mut run = costing(run(&n.to_string(), Status::Completed, MIDNIGHT), "review", pico);
        run.duration_seconds = pico as f64;
        store.put(&run).unwrap();
    }
    store.put(&costing(run("failed", Status::Failed, MIDNIGHT), "review", 1_000)).unwrap();
    let typical = store.summary(&Scope::new()).unwrap().typical;
    assert_eq!((typical.runs, typical.cost_usd), (4, Some(Usd::from_pico(3))));
    assert_eq!((typical.duration_seconds, typical.tokens_used), (Some(3.0), Some(1_000)));
}

#[test]
fn unknown_is_never_nothing() {
    let temp = TempHistory::new();
    let store = temp.store();
    let mut unknown = costing(run("a", Status::Completed, MIDNIGHT), "review", 5);
    let figures = &mut unknown.budget_summary;
    for row in [
        &mut figures.total,
        &mut figures.per_agent.entry("review").figures,
        &mut figures.per_model.entry("openai/gpt-5").figures,
        &mut figures.by_operation.entry("chat").figures,
    ] {
        row.cost_usd = None;
        row.unpriced_calls = 1;
    }
    figures.settle();
    store.put(&unknown).unwrap();
    let overview = store.summary(&Scope::new()).unwrap();
    assert_eq!((overview.cost_usd, overview.runs_without_cost), (None, 1));
    assert_eq!(store.stages(&Scope::new()).unwrap()[0].cost_usd, None);
    assert_eq!(store.stages(&Scope::new()).unwrap()[0].share_of_cost, None);
    let series =
        |measure| store.series(&SeriesQuery::new(Scope::new(), measure)).unwrap().lines.remove(0).values;
    assert_eq!(series(Measure::Cost), [None]);
    assert_eq!(series(Measure::UnpricedShare), [Some(Amount::Ratio(1.0))]);
    assert_eq!(series(Measure::GatePassRate), [None]);
    // One of known cost: the sum is of what is known.
    store.put(&costing(run("b", Status::Completed, MIDNIGHT), "review", 5)).unwrap();
    assert_eq!(store.summary(&Scope::new()).unwrap().cost_usd, Some(Usd::from_pico(5)));
}

/// From roll-ups, which have whole hours, and from rows, which have the rest.
#[test]
fn a_time_that_nothing_measured_is_in_no_statistic() {
    let temp = TempHistory::new();
    let store = temp.store();
    let unmeasured = |id: &str, at| {
        let mut run = costing(run(id, Status::Completed, at), "review", 5);
        run.budget_summary.per_model.entry("openai/gpt-5").duration_seconds = None;
        run
    };
    let whole = Scope::new();
    let edge = Scope::new().since(at(MIDNIGHT + 60_000));
    store.put(&unmeasured("a", MIDNIGHT)).unwrap();
    store.put(&unmeasured("b", MIDNIGHT + 120_000)).unwrap();
    let seen = |scope: &Scope| {
        let model = store.models(scope).unwrap().remove(0);
        (model.runs, model.duration_seconds, model.p50_duration_seconds.is_some())
    };
    assert_eq!((seen(&whole), seen(&edge)), ((2, None, false), (1, None, false)));
    store.put(&costing(run("c", Status::Completed, MIDNIGHT + 180_000), "review", 5)).unwrap();
    assert_eq!((seen(&whole), seen(&edge)), ((3, Some(0.5), true), (2, Some(0.5), true)));
    let p50 = store.models(&whole).unwrap()[0].p50_duration_seconds.unwrap();
    assert!((p50 - 0.5).abs() < 0.01, "a run without a time is no run of no time: {p50}");
    store.delete(&["c"]).unwrap();
    assert_eq!((seen(&whole), seen(&edge)), ((2, None, false), (1, None, false)));
    let comparison = tracing_budget_history::compare::compare(
        &store.get("a").unwrap().unwrap(),
        &costing(run("d", Status::Completed, MIDNIGHT), "review", 5),
    );
    let change = &comparison.models[0].figures.duration_seconds;
    assert_eq!((change.a, change.b, change.change), (None, Some(0.5), None));
}

#[test]
fn a_series_has_every_step() {
    let temp = TempHistory::new();
    let store = temp.store();
    for day in [0, 3] {
        store
            .put(&costing(run(&day.to_string(), Status::Completed, MIDNIGHT + day * DAY), "review", 5))
            .unwrap();
    }
    let scope = Scope::new().since(at(MIDNIGHT - DAY)).until(at(MIDNIGHT + 5 * DAY));
    let runs = store.series(&SeriesQuery::new(scope.clone(), Measure::Runs)).unwrap();
    assert_eq!(runs.at.len(), 6);
    let counts: Vec<_> = runs.lines[0].values.iter().map(|value| value.unwrap().to_f64()).collect();
    assert_eq!(counts, [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    let p95 = store.series(&SeriesQuery::new(scope, Measure::P95Duration)).unwrap();
    assert!(p95.lines[0].values[0].is_none(), "nothing took no time where nothing ran");
    let seconds = p95.lines[0].values[1].unwrap().to_f64();
    assert!((seconds - 1.0).abs() <= 0.01, "{seconds}");
}

#[test]
fn a_series_that_means_nothing_is_refused() {
    let temp = TempHistory::new();
    let query = SeriesQuery::new(Scope::new(), Measure::GatePassRate).by(By::Model);
    let error = temp.store().series(&query).unwrap_err();
    assert!(matches!(error, StoreError::Series { .. }));
    assert!(error.to_string().contains("there is no gate_pass_rate by model"), "{error}");
}

#[test]
fn health_sees_what_is_not_as_usual() {
    let temp = TempHistory::new();
    let store = temp.store();
    for n in 0..40 {
        let cost = 1_000_000_000_000 + i128::from(n % 3) * 10_000_000_000;
        let run = costing(run(&format!("r{n:02}"), Status::Completed, MIDNIGHT + n), "review", cost);
        store.put(&gated(run, "lint", Verdict::Pass)).unwrap();
    }
    let query = HealthQuery::default().recent(5);
    let calm = store.health(&query).unwrap();
    assert_eq!((calm.severity, calm.findings.len()), (Severity::Ok, 0), "{:?}", calm.findings);
    for n in 40..45 {
        let run = costing(run(&format!("r{n}"), Status::Failed, MIDNIGHT + n), "review", 5);
        store.put(&gated(run, "lint", Verdict::Fail)).unwrap();
    }
    let ill = store.health(&query).unwrap();
    assert_eq!(ill.severity, Severity::Critical);
    let kinds: Vec<FindingKind> = ill.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::FailureRate, FindingKind::GateFailing], "{:?}", ill.findings);
    assert_eq!(ill.findings[0].text, "the last 5 runs in a row did not complete; usually 0% of runs do not");
}
