//! Repricing: every row of a run at other prices.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::exactness::{Exactness, Proof, Sum};
use super::row::{Answer, RepricedRow};
use tracing_budget::Usd;
use tracing_budget::price::{PriceBook, PricedModel};
use tracing_budget::summary::{Figures, ModelRow, RunSummary, StageRow, Timestamp};

/// The price source of a row with a cost that the emitter reported.
const REPORTED: &str = "reported";

/// Interval at which prices are compared between a run's start and its end. Prices change by the hour at most (time of
/// day); half an hour finds each change.
const LOOK: Duration = Duration::from_secs(1_800);

/// Maximum number of comparisons, ten days of them: for a longer run, a price that changes within a day may be missed.
const LOOKS: u32 = 480;

/// Other prices, another time, other models: what to reprice by.
///
/// By default, every row is priced by the book at the run's own time.
///
/// ```
/// use tracing_budget::{PriceBook, RunSummary};
/// use tracing_budget_history::reprice::Repricing;
///
/// let book = PriceBook::new();
/// let today = Repricing::new(&book).as_of("2026-11-01T00:00:00Z".parse()?);
/// let smaller = today.clone().swap("openai/gpt-5", "openai/gpt-5-mini").only_swaps();
/// let run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
/// assert!(!smaller.run(&run).changes_anything()); // it has no calls
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Repricing<'a> {
    book: &'a PriceBook,
    /// The published prices, at which the row was paid.
    published: PriceBook,
    as_of: Option<Timestamp>,
    swaps: Vec<(String, String)>,
    only_swaps: bool,
}

impl<'a> Repricing<'a> {
    /// By the prices of this book.
    #[must_use]
    pub fn new(book: &'a PriceBook) -> Self {
        Self { book, published: PriceBook::new(), as_of: None, swaps: Vec::new(), only_swaps: false }
    }

    /// At the prices of this time instead of each run's own.
    #[must_use]
    pub fn as_of(mut self, at: Timestamp) -> Self {
        self.as_of = Some(at);
        self
    }

    /// As if this model had been called wherever the other was, with the same tokens. Each is `provider/model`, or a
    /// model alone.
    #[must_use]
    pub fn swap(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.swaps.push((from.into(), to.into()));
        self
    }

    /// Leaves the rows of other models unchanged.
    #[must_use]
    pub fn only_swaps(mut self) -> Self {
        self.only_swaps = true;
        self
    }

    /// Reprices a run.
    #[must_use]
    pub fn run(&self, run: &RunSummary) -> Repriced {
        let rows = run.budget_summary.per_agent.iter().flat_map(|(name, stage)| self.stage(run, name, stage));
        Repriced {
            run_id: run.run_id.clone(),
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
            old_usd: run.budget_summary.total.cost_usd,
            rows: rows.collect(),
        }
    }

    fn stage(&self, run: &RunSummary, name: &str, stage: &StageRow) -> Vec<RepricedRow> {
        if stage.per_model.is_empty() && stage.figures != Figures::default() {
            let calls_nothing = stage.figures.llm_calls == 0 && stage.figures.tokens_used == Some(0);
            let new = if calls_nothing {
                Answer::Kept { cost_usd: stage.figures.cost_usd, why: "it called no model" }
            } else {
                Answer::Unknown { why: Exactness::NoModels }
            };
            return vec![RepricedRow {
                stage: name.to_owned(),
                model: None,
                priced_as: None,
                llm_calls: stage.figures.llm_calls,
                old_usd: stage.figures.cost_usd,
                new,
            }];
        }
        let rows = stage.per_model.iter().map(|(model, row)| {
            let (priced_as, new) = self.model(run, model, row);
            RepricedRow {
                stage: name.to_owned(),
                model: Some(model.to_owned()),
                priced_as,
                llm_calls: row.figures.llm_calls,
                old_usd: row.figures.cost_usd,
                new,
            }
        });
        rows.collect()
    }

    fn model(&self, run: &RunSummary, name: &str, row: &ModelRow) -> (Option<String>, Answer) {
        let kept = |why| (None, Answer::Kept { cost_usd: row.figures.cost_usd, why });
        let unknown = |why| (None, Answer::Unknown { why });
        let figures = &row.figures;
        let swap = self.swaps.iter().find(|(from, _)| is_named(name, from)).map(|(_, to)| to);
        let is_reported = row.price_sources.iter().any(|source| source == REPORTED);
        if *figures == Figures::default() {
            return kept("nothing was used");
        }
        if swap.is_none() && self.only_swaps {
            return kept("not swapped");
        }
        if is_reported && swap.is_none() {
            return match row.price_sources.len() {
                1 => kept("its emitter reported its cost"),
                _ => unknown(Exactness::ReportedInPart),
            };
        }
        let unsplit = figures.unsplit_tokens();
        if unsplit > 0 {
            return unknown(Exactness::Unsplit { tokens: unsplit });
        }
        if is_reported && figures.input_tokens == 0 && figures.output_tokens == 0 {
            return unknown(Exactness::NoTokens);
        }
        if figures.tokens_used.is_none() {
            return kept("no call reported its usage");
        }
        let priced = looked_up(self.book, swap.map_or(name, String::as_str));
        let label = Some(priced.label().to_owned());
        match self.price(run, name, row, &priced) {
            Ok((cost_usd, source)) => {
                // A call with a reported cost may have no reported tokens.
                let in_part = figures.calls_without_usage > 0 || figures.partial_calls > 0 || is_reported;
                (label, Answer::Priced { cost_usd, source, in_part })
            }
            Err(why) => (label, Answer::Unknown { why }),
        }
    }

    fn price(
        &self,
        run: &RunSummary,
        name: &str,
        row: &ModelRow,
        priced: &PricedModel,
    ) -> Result<(Usd, String), Exactness> {
        let start = SystemTime::from(run.started_at);
        let proof = self.proof(name, row, start);
        let times = match self.as_of {
            Some(at) => vec![at.into()],
            None => times_of(run),
        };
        let mut cost = None;
        for at in times {
            let sum = Sum { figures: &row.figures, priced, at };
            let now = sum.exact(&proof)?;
            if cost.is_some_and(|cost| cost != now) {
                return Err(Exactness::PriceChanged { model: priced.label().to_owned() });
            }
            cost = Some(now);
        }
        let at = self.as_of.map_or(start, SystemTime::from);
        let source = priced.price(&tracing_budget::Usage::new().input(1).output(1), at)?.source.to_string();
        Ok((cost.unwrap_or_default(), source))
    }

    /// What follows for the row's calls from the stored cost, if all of them were paid at the published prices.
    fn proof(&self, name: &str, row: &ModelRow, at: SystemTime) -> Proof {
        let paid_by = [self.published.name().as_str().to_owned()];
        let figures = &row.figures;
        match figures.cost_usd {
            Some(stored) if row.price_sources == paid_by && figures.unpriced_calls == 0 => {
                let paid = looked_up(&self.published, name);
                Proof::from_paid(&Sum { figures, priced: &paid, at }, stored)
            }
            _ => Proof::default(),
        }
    }
}

/// The times at which a price must be the same to be that of the whole run.
fn times_of(run: &RunSummary) -> Vec<SystemTime> {
    let start = SystemTime::from(run.started_at);
    let took = Duration::try_from_secs_f64(run.duration_seconds).unwrap_or_default();
    let mut times = vec![start];
    times.extend(
        (1..=LOOKS).map(|look| LOOK * look).take_while(|after| *after < took).map(|after| start + after),
    );
    if let Some(end) = start.checked_add(took).filter(|_| !took.is_zero()) {
        times.push(end);
    }
    times
}

/// Whether a row is that of a model: `provider/model`, or the model alone.
fn is_named(row: &str, name: &str) -> bool {
    let bare = row.split_once('/').map_or(row, |(_, model)| model);
    row.eq_ignore_ascii_case(name) || bare.eq_ignore_ascii_case(name)
}

/// The model of a row's name, which is `provider/model` or a model alone; either may have more slashes.
fn looked_up(book: &PriceBook, name: &str) -> PricedModel {
    if let Some((provider, model)) = name.split_once('/') {
        let placed = book.model(Some(provider), Some(model));
        if placed.label().eq_ignore_ascii_case(name) {
            return placed;
        }
    }
    book.model(None, Some(name))
}

/// A run at other prices.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Repriced {
    /// Identifies the run.
    pub run_id: String,
    /// The project of the run.
    pub project: String,
    /// The root span's name.
    pub pipeline: String,
    /// The cost as it is stored; null where it is unknown.
    pub old_usd: Option<Usd>,
    /// One row a stage and model.
    pub rows: Vec<RepricedRow>,
}

impl Repriced {
    /// The new cost; `None` where that of a row is unknown, or of no row is known.
    #[must_use]
    pub fn new_usd(&self) -> Option<Usd> {
        if self.rows.iter().any(|row| matches!(row.new, Answer::Unknown { .. })) {
            return None;
        }
        let known: Vec<Usd> = self.rows.iter().filter_map(RepricedRow::new_usd).collect();
        (!known.is_empty() || self.rows.is_empty()).then(|| known.into_iter().sum())
    }

    /// How much more it is now; `None` unless both are known.
    #[must_use]
    pub fn difference_usd(&self) -> Option<Usd> {
        Some(self.new_usd()? - self.old_usd?)
    }

    /// Whether a figure is other than it was.
    #[must_use]
    pub fn changes_anything(&self) -> bool {
        self.rows.iter().any(|row| match &row.new {
            Answer::Priced { cost_usd, .. } => row.old_usd != Some(*cost_usd),
            _ => false,
        })
    }
}
