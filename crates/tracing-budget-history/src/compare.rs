//! Comparison of two runs: the change of every figure, by stage, model and gate.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use tracing_budget::summary::{Figures, Rows, RunSummary, StageRow, Status, Timestamp};
use tracing_budget::{Usd, Verdict};

/// The comparison of two runs: every figure of `b` less that of `a`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The baseline, usually the older run.
    pub a: RunHead,
    /// The run that is compared with the baseline.
    pub b: RunHead,
    /// The totals of the runs.
    pub total: FiguresDelta,
    /// The stages of both, those of `b` first, in its order.
    pub stages: Vec<RowDelta>,
    /// The models of both, those of `b` first, in its order.
    pub models: Vec<RowDelta>,
    /// The gates of both, in the order of their verdicts.
    pub gates: Vec<GateChange>,
}

/// Identifies one of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunHead {
    /// Identifies the run.
    pub run_id: String,
    /// The project of the run.
    pub project: String,
    /// The root span's name.
    pub pipeline: String,
    /// The status.
    pub status: Status,
    /// When it started.
    pub started_at: Timestamp,
    /// The stage that failed first.
    pub failed_stage: Option<String>,
}

/// A figure of both runs, and its change.
// Exhaustive: the four figures are destructured together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Delta<T, D = T> {
    /// The figure in `a`; null where unknown.
    pub a: Option<T>,
    /// The figure in `b`; null where unknown.
    pub b: Option<T>,
    /// `b` less `a`; null unless both are known.
    pub change: Option<D>,
    /// The change as a part of `a`: 0.1 is a tenth more. Null unless both are known, and where `a` is nothing.
    pub ratio: Option<f64>,
}

/// The figures of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FiguresDelta {
    /// USD.
    // Both parameters are named, here and below: the schema is generated from these lines, without the default.
    pub cost_usd: Delta<Usd, Usd>,
    /// Tokens.
    pub tokens_used: Delta<u64, i64>,
    /// Seconds.
    pub duration_seconds: Delta<f64, f64>,
    /// Model calls.
    pub llm_calls: Delta<u64, i64>,
    /// Input tokens, cached ones included.
    pub input_tokens: Delta<u64, i64>,
    /// Output tokens.
    pub output_tokens: Delta<u64, i64>,
    /// Calls of known usage and unknown cost.
    pub unpriced_calls: Delta<u64, i64>,
    /// Calls that reported no usage.
    pub calls_without_usage: Delta<u64, i64>,
    /// Calls that reported only a part of their usage.
    pub partial_calls: Delta<u64, i64>,
}

/// A stage or a model of both. In a run that does not have it, it used nothing and took no time. The time of a model that no span
/// measured is unknown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RowDelta {
    /// The stage or the model.
    pub name: String,
    /// Whether `a` has it: a stage, that it was begun.
    pub in_a: bool,
    /// Whether `b` has it: a stage, that it was begun.
    pub in_b: bool,
    /// How the stage ended in `a`; null for a model, and where `a` does not list it.
    pub status_a: Option<Status>,
    /// How the stage ended in `b`; null for a model, and where `b` does not list it.
    pub status_b: Option<Status>,
    /// Its figures.
    #[serde(flatten)]
    pub figures: FiguresDelta,
}

/// A gate of both runs. Its last verdict in a run counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GateChange {
    /// The gate.
    pub gate: String,
    /// Its last verdict in `a`; null without one.
    pub a: Option<Verdict>,
    /// Its last verdict in `b`; null without one.
    pub b: Option<Verdict>,
    /// Whether the two verdicts differ.
    pub changed: bool,
    /// The reason of the verdict in `b`.
    pub reason: Option<String>,
    /// Its score.
    pub score: Delta<f64, f64>,
}

/// Compares two runs; changes are `b` less `a`.
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget_history::compare::compare;
///
/// let run = |id, tokens| {
///     let mut run = RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
///     run.budget_summary.total.tokens_used = tokens;
///     run
/// };
/// let before = run("a", Some(4_000));
/// assert_eq!(compare(&before, &run("b", Some(3_000))).total.tokens_used.change, Some(-1_000));
/// assert_eq!(compare(&before, &run("c", None)).total.tokens_used.change, None);
/// ```
#[must_use]
pub fn compare(a: &RunSummary, b: &RunSummary) -> Comparison {
    let (in_a, in_b) = (&a.budget_summary, &b.budget_summary);
    let model = |name: &str| {
        let (one, two) = (in_a.per_model.get(name), in_b.per_model.get(name));
        RowDelta {
            name: name.to_owned(),
            in_a: one.is_some(),
            in_b: two.is_some(),
            status_a: None,
            status_b: None,
            figures: FiguresDelta::of(
                one.map(|row| (&row.figures, row.duration_seconds)),
                two.map(|row| (&row.figures, row.duration_seconds)),
            ),
        }
    };
    let names = |of_b: Vec<&str>, of_a: Vec<&str>, row: &dyn Fn(&str) -> RowDelta| {
        let mut met = BTreeSet::new();
        of_b.into_iter().chain(of_a).filter(|name| met.insert(name.to_string())).map(row).collect::<Vec<_>>()
    };
    Comparison {
        a: RunHead::of(a),
        b: RunHead::of(b),
        total: FiguresDelta::of(
            Some((&in_a.total, Some(a.duration_seconds))),
            Some((&in_b.total, Some(b.duration_seconds))),
        ),
        stages: stages(&in_a.per_agent, &in_b.per_agent),
        models: names(
            in_b.per_model.iter().map(|(name, _)| name).collect(),
            in_a.per_model.iter().map(|(name, _)| name).collect(),
            &model,
        ),
        gates: gates(a, b),
    }
}

/// A row's stage: its name and those of the stages around it, the innermost first.
type Path<'a> = Vec<&'a str>;

fn path<'a>(rows: &'a Rows<StageRow>, key: &'a str, row: &'a StageRow) -> Path<'a> {
    let mut path = vec![row.name.as_deref().unwrap_or(key)];
    let mut parent = row.parent.as_deref();
    // The rows of a foreign document may be around each other.
    while let Some(key) = parent.filter(|_| path.len() <= rows.len()) {
        let around = rows.get(key);
        path.push(around.and_then(|row| row.name.as_deref()).unwrap_or(key));
        parent = around.and_then(|row| row.parent.as_deref());
    }
    path
}

/// Compares a stage with the same stage in the other run. Not by key alone: of two stages of one name, the one that started first
/// has the plain key, which may be another one in each run. A stage that moved below another keeps its key, and is found by it.
fn stages(a: &Rows<StageRow>, b: &Rows<StageRow>) -> Vec<RowDelta> {
    let of_a: Vec<(&str, &StageRow)> = a.iter().collect();
    let mut by_path: HashMap<Path<'_>, usize> =
        of_a.iter().enumerate().map(|(at, (key, row))| (path(a, key, row), at)).collect();
    let mut partners: Vec<Option<usize>> =
        b.iter().map(|(key, row)| by_path.remove(&path(b, key, row))).collect();
    let mut left: HashMap<&str, usize> = by_path.into_values().map(|at| (of_a[at].0, at)).collect();
    for ((key, _), partner) in b.iter().zip(&mut partners).filter(|(_, partner)| partner.is_none()) {
        *partner = left.remove(key);
    }
    let of_b = b
        .iter()
        .zip(&partners)
        .map(|((key, row), partner)| stage(key.to_owned(), partner.map(|at| of_a[at].1), Some(row)));
    let gone = of_a.iter().filter(|(key, _)| left.contains_key(key)).map(|(key, row)| {
        // In `b` the key is that of another stage.
        let name = match b.get(key) {
            Some(_) => path(a, key, row).into_iter().rev().collect::<Vec<_>>().join("/"),
            None => (*key).to_owned(),
        };
        stage(name, Some(row), None)
    });
    of_b.chain(gone).collect()
}

fn stage(name: String, a: Option<&StageRow>, b: Option<&StageRow>) -> RowDelta {
    RowDelta {
        name,
        in_a: a.is_some_and(|row| row.status != Status::NotRun),
        in_b: b.is_some_and(|row| row.status != Status::NotRun),
        status_a: a.map(|row| row.status),
        status_b: b.map(|row| row.status),
        figures: FiguresDelta::of(
            a.map(|row| (&row.figures, Some(row.duration_seconds))),
            b.map(|row| (&row.figures, Some(row.duration_seconds))),
        ),
    }
}

fn gates(a: &RunSummary, b: &RunSummary) -> Vec<GateChange> {
    let all = |run: &'_ RunSummary| run.budget_summary.gate_verdicts.clone();
    let (of_a, of_b) = (all(a), all(b));
    let mut met = BTreeSet::new();
    let names = of_b.iter().chain(&of_a).map(|gate| gate.gate_name.clone());
    names
        .filter(|name| met.insert(name.clone()))
        .map(|name| {
            let one = of_a.iter().rev().find(|gate| gate.gate_name == name);
            let two = of_b.iter().rev().find(|gate| gate.gate_name == name);
            let (verdict_a, verdict_b) =
                (one.map(|gate| gate.verdict.clone()), two.map(|gate| gate.verdict.clone()));
            GateChange {
                changed: verdict_a != verdict_b,
                a: verdict_a,
                b: verdict_b,
                reason: two.and_then(|gate| gate.reason.clone()),
                score: Delta::seconds(one.and_then(|gate| gate.score), two.and_then(|gate| gate.score)),
                gate: name,
            }
        })
        .collect()
}

impl RunHead {
    fn of(run: &RunSummary) -> Self {
        Self {
            run_id: run.run_id.clone(),
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
            status: run.status,
            started_at: run.started_at,
            failed_stage: run.failed_stage.clone(),
        }
    }
}

impl FiguresDelta {
    fn of(a: Option<(&Figures, Option<f64>)>, b: Option<(&Figures, Option<f64>)>) -> Self {
        let nothing = Figures::default();
        let (a, seconds_a) = a.unwrap_or((&nothing, Some(0.0)));
        let (b, seconds_b) = b.unwrap_or((&nothing, Some(0.0)));
        Self {
            cost_usd: Delta::usd(a.cost_usd, b.cost_usd),
            tokens_used: Delta::count(a.tokens_used, b.tokens_used),
            duration_seconds: Delta::seconds(seconds_a, seconds_b),
            llm_calls: Delta::count(Some(a.llm_calls), Some(b.llm_calls)),
            input_tokens: Delta::count(known_split(a, a.input_tokens), known_split(b, b.input_tokens)),
            output_tokens: Delta::count(known_split(a, a.output_tokens), known_split(b, b.output_tokens)),
            unpriced_calls: Delta::count(Some(a.unpriced_calls), Some(b.unpriced_calls)),
            calls_without_usage: Delta::count(Some(a.calls_without_usage), Some(b.calls_without_usage)),
            partial_calls: Delta::count(Some(a.partial_calls), Some(b.partial_calls)),
        }
    }
}

/// Where no usage is known, neither is its split.
fn known_split(figures: &Figures, tokens: u64) -> Option<u64> {
    figures.tokens_used.map(|_| tokens)
}

impl Delta<Usd> {
    fn usd(a: Option<Usd>, b: Option<Usd>) -> Self {
        let change = a.zip(b).map(|(a, b)| b - a);
        Self { a, b, change, ratio: part(change.map(Usd::to_f64), a.map(Usd::to_f64)) }
    }
}

impl Delta<u64, i64> {
    fn count(a: Option<u64>, b: Option<u64>) -> Self {
        let change = a.zip(b).map(|(a, b)| {
            let change = i128::from(b) - i128::from(a);
            i64::try_from(change).unwrap_or(if change < 0 { i64::MIN } else { i64::MAX })
        });
        Self { a, b, change, ratio: part(change.map(|change| change as f64), a.map(|a| a as f64)) }
    }
}

impl Delta<f64> {
    fn seconds(a: Option<f64>, b: Option<f64>) -> Self {
        let change = a.zip(b).map(|(a, b)| b - a);
        Self { a, b, change, ratio: part(change, a) }
    }
}

fn part(change: Option<f64>, of: Option<f64>) -> Option<f64> {
    let (change, of) = change.zip(of)?;
    (of != 0.0).then(|| change / of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_budget::summary::{GateVerdict, ModelRow};

    fn usd(text: &str) -> Usd {
        text.parse().expect("an amount")
    }

    fn figures(cost: Option<&str>, tokens: Option<u64>) -> Figures {
        Figures { cost_usd: cost.map(usd), tokens_used: tokens, llm_calls: 1, ..Figures::default() }
    }

    fn run(id: &str, stages: &[(&str, Figures, f64)]) -> RunSummary {
        let mut run = RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
        for (name, figures, seconds) in stages {
            let mut row = StageRow::default();
            (row.figures, row.duration_seconds) = (figures.clone(), *seconds);
            (row.status, row.calls) = (Status::Completed, 1);
            run.budget_summary.per_agent.insert(*name, row);
        }
        run.budget_summary.total = run.budget_summary.per_agent.iter().map(|(_, row)| &row.figures).sum();
        run
    }

    #[test]
    fn differences_have_signs() {
        let a = run("a", &[("review", figures(Some("0.50"), Some(1_000)), 10.0)]);
        let b = run("b", &[("review", figures(Some("0.45"), Some(1_500)), 12.5)]);
        let review = &compare(&a, &b).stages[0].figures;
        assert_eq!((review.cost_usd.change, review.cost_usd.ratio), (Some(usd("-0.05")), Some(-0.1)));
        assert_eq!((review.tokens_used.change, review.tokens_used.ratio), (Some(500), Some(0.5)));
        assert_eq!(review.duration_seconds.change, Some(2.5));
        let back = compare(&b, &a).total.cost_usd;
        assert_eq!(back.change, Some(usd("0.05")));
    }

    #[test]
    fn what_is_unknown_in_one_has_no_difference() {
        let a = run("a", &[("review", figures(None, None), 10.0)]);
        let b = run("b", &[("review", figures(Some("0.45"), Some(1_500)), 10.0)]);
        let review = &compare(&a, &b).stages[0].figures;
        assert_eq!((review.cost_usd.a, review.cost_usd.b), (None, Some(usd("0.45"))));
        assert_eq!((review.cost_usd.change, review.cost_usd.ratio), (None, None));
        assert_eq!((review.tokens_used.change, review.input_tokens.a), (None, None));
    }

    #[test]
    fn a_stage_that_one_does_not_have_used_nothing_there() {
        let a = run("a", &[("discovery", figures(Some("0.50"), Some(1_000)), 10.0)]);
        let b = run("b", &[("review", figures(Some("0.45"), Some(1_500)), 10.0)]);
        let stages = compare(&a, &b).stages;
        assert_eq!(stages.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["review", "discovery"]);
        assert_eq!((stages[0].in_a, stages[0].in_b), (false, true));
        assert_eq!(stages[0].figures.cost_usd.change, Some(usd("0.45")));
        assert_eq!(stages[0].figures.cost_usd.ratio, None, "nothing has no multiple");
        assert_eq!(stages[1].figures.cost_usd.change, Some(usd("-0.50")));
    }

    #[test]
    fn stages_of_one_name_are_kept_apart_by_the_stages_around_them() {
        let nested = |id, rows: [(&str, Option<&str>, Option<&str>, &str); 4]| {
            let mut run = RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
            for (key, name, parent, cost) in rows {
                let row = run.budget_summary.per_agent.entry(key);
                (row.name, row.parent) = (name.map(str::to_owned), parent.map(str::to_owned));
                (row.status, row.calls, row.figures) = (Status::Completed, 1, figures(Some(cost), Some(1)));
            }
            run
        };
        let one = nested(
            "a",
            [
                ("plan", None, None, "0"),
                ("search", None, Some("plan"), "1"),
                ("write", None, None, "0"),
                ("write/search", Some("search"), Some("write"), "5"),
            ],
        );
        let two = nested(
            "b",
            [
                ("write", None, None, "0"),
                ("search", None, Some("write"), "6"),
                ("plan", None, None, "0"),
                ("plan/search", Some("search"), Some("plan"), "1"),
            ],
        );
        let compared = compare(&one, &two).stages;
        let changes: Vec<_> =
            compared.iter().map(|row| (row.name.as_str(), row.figures.cost_usd.change)).collect();
        let none = Some(usd("0"));
        assert_eq!(
            changes,
            [("write", none), ("search", Some(usd("1"))), ("plan", none), ("plan/search", none)]
        );
        let gone = run("c", &[("search", figures(Some("2"), Some(1)), 1.0)]);
        let names: Vec<_> = compare(&one, &gone).stages.into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["search", "plan", "write", "write/search"]);
    }

    #[test]
    fn models_and_gates_stand_side_by_side() {
        let (mut a, mut b) = (run("a", &[]), run("b", &[]));
        a.budget_summary.per_model.insert("openai/gpt-5", ModelRow::default());
        b.budget_summary.per_model.insert("openai/gpt-5.1", ModelRow::default());
        let gate = |seq, name: &str, verdict| GateVerdict::new(seq, name, verdict);
        a.budget_summary.gate_verdicts = vec![gate(1, "lint", Verdict::Fail), gate(2, "lint", Verdict::Pass)];
        b.budget_summary.gate_verdicts =
            vec![gate(1, "lint", Verdict::Fail), gate(2, "tests", Verdict::Pass)];
        let compared = compare(&a, &b);
        let models: Vec<_> =
            compared.models.iter().map(|row| (row.name.as_str(), row.in_a, row.in_b)).collect();
        assert_eq!(models, [("openai/gpt-5.1", false, true), ("openai/gpt-5", true, false)]);
        let gates: Vec<_> =
            compared.gates.iter().map(|gate| (gate.gate.as_str(), &gate.a, &gate.b)).collect();
        assert_eq!(
            gates,
            [("lint", &Some(Verdict::Pass), &Some(Verdict::Fail)), ("tests", &None, &Some(Verdict::Pass))]
        );
        assert!(compared.gates.iter().all(|gate| gate.changed));
    }
}
