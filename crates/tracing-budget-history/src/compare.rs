//! Comparison of two runs: the change of every figure, by stage, model and gate.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use tracing_budget::summary::{
    Figures, GateVerdict, ModelRow, Rows, RunSummary, StageRow, Status, Timestamp,
};
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
    /// Stages that the last row of `stages`, `(other)`, sums up; 0 where every stage has its row.
    pub stages_left_out: u64,
    /// Models that the last row of `models`, `(other)`, sums up; 0 where every model has its row.
    pub models_left_out: u64,
    /// Gates that are not listed; 0 where all are.
    pub gates_left_out: u64,
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
    Comparison {
        a: RunHead::of(a),
        b: RunHead::of(b),
        total: FiguresDelta::of(
            Some((&in_a.total, Some(a.duration_seconds))),
            Some((&in_b.total, Some(b.duration_seconds))),
        ),
        stages: stages(&in_a.per_agent, &in_b.per_agent),
        models: models(&in_a.per_model, &in_b.per_model),
        gates: gates(a, b),
        stages_left_out: 0,
        models_left_out: 0,
        gates_left_out: 0,
    }
}

impl Comparison {
    /// Keeps at most this many stages, models and gates: of stages and models those with the largest changes of cost, then of
    /// tokens; of gates those that changed. They keep their order. The others are summed up in one row `(other)`, behind them;
    /// their number is in [`stages_left_out`](Self::stages_left_out) and beside it.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    /// use tracing_budget_history::compare::compare;
    ///
    /// let run = |id| RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
    /// let small = compare(&run("a"), &run("b")).at_most(100);
    /// assert_eq!(small.stages_left_out, 0);
    /// ```
    #[must_use]
    pub fn at_most(mut self, rows: usize) -> Self {
        self.stages_left_out += cut(&mut self.stages, rows);
        self.models_left_out += cut(&mut self.models, rows);
        if self.gates.len() > rows {
            let all = self.gates.len();
            let changed = self.gates.iter().filter(|gate| gate.changed).count();
            // Unchanged gates only fill what the changed ones leave.
            let (mut changed, mut unchanged) = (changed.min(rows), rows.saturating_sub(changed));
            self.gates.retain(|gate| {
                let left = if gate.changed { &mut changed } else { &mut unchanged };
                let keep = *left > 0;
                *left = left.saturating_sub(1);
                keep
            });
            self.gates_left_out += (all - self.gates.len()) as u64;
        }
        self
    }
}

/// The name of the row that sums up the rows that were left out.
const OTHER: &str = "(other)";

/// Replaces the rows with the smallest changes by their sum, and returns their number.
fn cut(rows: &mut Vec<RowDelta>, most: usize) -> u64 {
    if rows.len() <= most {
        return 0;
    }
    let size = |row: &RowDelta| {
        let cost = row.figures.cost_usd;
        let amount = cost.change.map(|change| change.max(-change));
        (amount, row.figures.tokens_used.change.map(i64::unsigned_abs), cost.a.max(cost.b))
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|one, two| size(&rows[*two]).cmp(&size(&rows[*one])).then(one.cmp(two)));
    let mut keep = vec![false; rows.len()];
    order.iter().take(most).for_each(|at| keep[*at] = true);
    let (kept, left): (Vec<_>, Vec<_>) = rows.drain(..).zip(keep).partition(|(_, keep)| *keep);
    let sum = |of: fn(&FiguresDelta) -> [Option<u64>; 2]| {
        let mut sums = [None::<u64>, None];
        for (row, _) in &left {
            for (sum, figure) in sums.iter_mut().zip(of(&row.figures)) {
                *sum = figure.map(|figure| sum.unwrap_or(0).saturating_add(figure)).or(*sum);
            }
        }
        Delta::count(sums[0], sums[1])
    };
    let known = |of: fn(&FiguresDelta) -> Option<Usd>| {
        left.iter().filter_map(|(row, _)| of(&row.figures)).reduce(|sum, usd| sum + usd)
    };
    let seconds = |of: fn(&FiguresDelta) -> Option<f64>| {
        left.iter().filter_map(|(row, _)| of(&row.figures)).reduce(|sum, seconds| sum + seconds)
    };
    let figures = FiguresDelta {
        cost_usd: Delta::usd(known(|row| row.cost_usd.a), known(|row| row.cost_usd.b)),
        tokens_used: sum(|row| [row.tokens_used.a, row.tokens_used.b]),
        duration_seconds: Delta::seconds(
            seconds(|row| row.duration_seconds.a),
            seconds(|row| row.duration_seconds.b),
        ),
        llm_calls: sum(|row| [row.llm_calls.a, row.llm_calls.b]),
        input_tokens: sum(|row| [row.input_tokens.a, row.input_tokens.b]),
        output_tokens: sum(|row| [row.output_tokens.a, row.output_tokens.b]),
        unpriced_calls: sum(|row| [row.unpriced_calls.a, row.unpriced_calls.b]),
        calls_without_usage: sum(|row| [row.calls_without_usage.a, row.calls_without_usage.b]),
        partial_calls: sum(|row| [row.partial_calls.a, row.partial_calls.b]),
    };
    let other = RowDelta {
        name: OTHER.to_owned(),
        in_a: left.iter().any(|(row, _)| row.in_a),
        in_b: left.iter().any(|(row, _)| row.in_b),
        status_a: None,
        status_b: None,
        figures,
    };
    *rows = kept.into_iter().map(|(row, _)| row).chain([other]).collect();
    left.len() as u64
}

fn models(a: &Rows<ModelRow>, b: &Rows<ModelRow>) -> Vec<RowDelta> {
    let row = |name: &str, one: Option<&ModelRow>, two: Option<&ModelRow>| RowDelta {
        name: name.to_owned(),
        in_a: one.is_some(),
        in_b: two.is_some(),
        status_a: None,
        status_b: None,
        figures: FiguresDelta::of(
            one.map(|row| (&row.figures, row.duration_seconds)),
            two.map(|row| (&row.figures, row.duration_seconds)),
        ),
    };
    let mut left: HashMap<&str, &ModelRow> = a.iter().collect();
    let of_b: Vec<RowDelta> = b.iter().map(|(name, two)| row(name, left.remove(name), Some(two))).collect();
    let gone = a.iter().filter(|(name, _)| left.contains_key(name));
    of_b.into_iter().chain(gone.map(|(name, one)| row(name, Some(one), None))).collect()
}

/// The rows of one run by key. `Rows::get` compares every name, which is quadratic over all rows.
type ByKey<'a> = HashMap<&'a str, &'a StageRow>;

/// Numbers for paths: a row's stage and those around it. A path is known by the number of the path around it and its last name, so
/// that rows of a deep nest cost as much as others.
#[derive(Default)]
struct Paths<'a> {
    numbers: HashMap<(usize, &'a str), usize>,
}

impl<'a> Paths<'a> {
    /// The number of each row's path, by its key.
    fn of(&mut self, keys: impl Iterator<Item = &'a str>, rows: &ByKey<'a>) -> HashMap<&'a str, usize> {
        let mut known: HashMap<&str, usize> = HashMap::with_capacity(rows.len());
        let mut chain: Vec<(&str, &str)> = Vec::new();
        for key in keys {
            let mut next = Some(key);
            let mut met = HashSet::new();
            // Up to a path that is known; the rows of a foreign document may be around each other.
            let mut around = loop {
                let Some(key) = next else { break 0 };
                if let Some(number) = known.get(key) {
                    break *number;
                }
                if !met.insert(key) {
                    break 0;
                }
                let row = rows.get(key);
                chain.push((key, row.and_then(|row| row.name.as_deref()).unwrap_or(key)));
                next = row.and_then(|row| row.parent.as_deref());
            };
            while let Some((key, name)) = chain.pop() {
                let number = self.numbers.len() + 1;
                around = *self.numbers.entry((around, name)).or_insert(number);
                known.insert(key, around);
            }
        }
        known
    }
}

/// A row's stage and those around it as text. At most 32, as the text is for people.
fn path_text(rows: &ByKey<'_>, key: &str, row: &StageRow) -> String {
    let mut path = vec![row.name.as_deref().unwrap_or(key)];
    let mut parent = row.parent.as_deref();
    while let Some(key) = parent.filter(|_| path.len() < 32) {
        let around = rows.get(key);
        path.push(around.and_then(|row| row.name.as_deref()).unwrap_or(key));
        parent = around.and_then(|row| row.parent.as_deref());
    }
    path.reverse();
    path.join("/")
}

/// Compares a stage with the same stage in the other run. Not by key alone: of two stages of one name, the one that started first
/// has the plain key, which may be another one in each run. A stage that moved below another keeps its key, and is found by it.
fn stages(a: &Rows<StageRow>, b: &Rows<StageRow>) -> Vec<RowDelta> {
    let of_a: Vec<(&str, &StageRow)> = a.iter().collect();
    let (keys_a, keys_b): (ByKey<'_>, ByKey<'_>) = (a.iter().collect(), b.iter().collect());
    let mut paths = Paths::default();
    let (paths_a, paths_b) =
        (paths.of(a.iter().map(|(key, _)| key), &keys_a), paths.of(b.iter().map(|(key, _)| key), &keys_b));
    let mut by_path: HashMap<usize, usize> =
        of_a.iter().enumerate().map(|(at, (key, _))| (paths_a[key], at)).collect();
    let mut partners: Vec<Option<usize>> = b.iter().map(|(key, _)| by_path.remove(&paths_b[key])).collect();
    let taken: HashSet<usize> = partners.iter().flatten().copied().collect();
    let mut left: HashMap<&str, usize> = of_a
        .iter()
        .enumerate()
        .filter(|(at, _)| !taken.contains(at))
        .map(|(at, (key, _))| (*key, at))
        .collect();
    for ((key, _), partner) in b.iter().zip(&mut partners).filter(|(_, partner)| partner.is_none()) {
        *partner = left.remove(key);
    }
    let of_b = b
        .iter()
        .zip(&partners)
        .map(|((key, row), partner)| stage(key.to_owned(), partner.map(|at| of_a[at].1), Some(row)));
    let gone = of_a.iter().filter(|(key, _)| left.contains_key(key)).map(|(key, row)| {
        // In `b` the key is that of another stage.
        let name = match keys_b.contains_key(key) {
            true => path_text(&keys_a, key, row),
            false => (*key).to_owned(),
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
    let (of_a, of_b) = (&a.budget_summary.gate_verdicts, &b.budget_summary.gate_verdicts);
    // Collecting keeps the last verdict of each gate.
    let last = |verdicts: &'_ [GateVerdict]| -> HashMap<String, GateVerdict> {
        verdicts.iter().map(|gate| (gate.gate_name.clone(), gate.clone())).collect()
    };
    let (last_a, last_b) = (last(of_a), last(of_b));
    let mut met = HashSet::new();
    let names = of_b.iter().chain(of_a).map(|gate| gate.gate_name.as_str());
    names
        .filter(|name| met.insert(*name))
        .map(|name| {
            let (one, two) = (last_a.get(name), last_b.get(name));
            let (verdict_a, verdict_b) =
                (one.map(|gate| gate.verdict.clone()), two.map(|gate| gate.verdict.clone()));
            GateChange {
                changed: verdict_a != verdict_b,
                a: verdict_a,
                b: verdict_b,
                reason: two.and_then(|gate| gate.reason.clone()),
                score: Delta::seconds(one.and_then(|gate| gate.score), two.and_then(|gate| gate.score)),
                gate: name.to_owned(),
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
    /// 100,000 flat stages, and as many each inside the one before: quadratic work would take minutes.
    #[test]
    fn large_and_deep_runs_are_compared_in_linear_time_and_bounded_rows() {
        for nested in [false, true] {
            let large = |id| {
                let mut run = run(id, &[]);
                let rows = (0..100_000_u32).map(|number| {
                    let mut row = StageRow::default();
                    row.figures = figures(Some("0.000001"), Some(1));
                    row.parent = (nested && number > 0).then(|| format!("stage-{}", number - 1));
                    (format!("stage-{number}"), row)
                });
                run.budget_summary.per_agent = rows.collect();
                run
            };
            let started = std::time::Instant::now();
            let all = compare(&large("a"), &large("b"));
            assert_eq!(all.stages.len(), 100_000);
            assert!(all.stages.iter().all(|row| row.figures.tokens_used.change == Some(0)));
            let few = all.at_most(100);
            assert_eq!((few.stages.len(), few.stages_left_out), (101, 99_900));
            let other = &few.stages[100];
            assert_eq!((other.name.as_str(), other.figures.tokens_used.b), ("(other)", Some(99_900)));
            assert_eq!(other.figures.cost_usd.a, Some(usd("0.0999")));
            assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
        }
    }
}
