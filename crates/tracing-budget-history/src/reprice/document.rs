//! Replacing the figures of a run's document.

use std::cmp::Reverse;

use super::repricing::Repriced;
use super::row::Answer;
use tracing_budget::Usd;
use tracing_budget::summary::{CallRecord, Figures, Rows, RunSummary};

/// The row of amounts outside of any stage, and of those without a known model.
const UNATTRIBUTED: &str = "unattributed";

/// Why a document cannot take the new figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotWritten {
    /// The new cost of a row is unknown.
    #[error("{rows} of its rows cannot be repriced, {stage} among them: {why}")]
    Unknown {
        /// How many rows.
        rows: usize,
        /// The stage of the first of them.
        stage: String,
        /// Why that one cannot.
        why: String,
    },
    /// The rows by operation would no longer add up: which operation's cost has changed is unknown.
    #[error(
        "it has {operations} operations with model calls, and the summary does not record which models each called"
    )]
    Operations {
        /// How many operations called models.
        operations: usize,
    },
    /// The rows by agent would no longer add up: which agent's cost has changed is unknown.
    #[error("{agents} of its agents called models, and the summary does not record which models each called")]
    Agents {
        /// How many agents called models; amounts outside of any agent count as one.
        agents: usize,
    },
    /// The document does not add up.
    #[error("{reason}")]
    Unbalanced {
        /// What contradicts what.
        reason: String,
    },
}

impl Repriced {
    /// The run's document with the new figures, and a warning that it was repriced. Tokens, names and times stay.
    ///
    /// # Errors
    ///
    /// If a row cannot be repriced, or the document's rows would no longer add up to its totals.
    pub fn document(&self, run: &RunSummary, why: &str) -> Result<RunSummary, NotWritten> {
        let unknown = || {
            self.rows.iter().filter_map(|row| match &row.new {
                Answer::Unknown { why } => Some((&row.stage, why)),
                _ => None,
            })
        };
        if let Some((stage, why)) = unknown().next() {
            let (rows, stage, why) = (unknown().count(), stage.clone(), why.to_string());
            return Err(NotWritten::Unknown { rows, stage, why });
        }
        let mut new = run.clone();
        let mut whole = Change::default();
        for row in &self.rows {
            let (Answer::Priced { cost_usd, source, .. }, Some(model)) = (&row.new, &row.model) else {
                continue;
            };
            let budget = &mut new.budget_summary;
            let stage = budget.per_agent.entry(&row.stage);
            let cell = stage.per_model.entry(model);
            let change = Change {
                more: *cost_usd - row.old_usd.unwrap_or(Usd::ZERO),
                priced_calls: cell.figures.unpriced_calls,
            };
            cell.price_sources = vec![source.clone()];
            change.apply(&mut cell.figures);
            change.apply(&mut stage.figures);
            reprice_calls(&mut new, &row.stage, model, change, (*cost_usd, source));
            whole.more += change.more;
            whole.priced_calls += change.priced_calls;
            let by_model = new.budget_summary.per_model.entry(model);
            change.apply(&mut by_model.figures);
        }
        name_sources(&mut new);
        if let Some(calls) = &mut new.budget_summary.calls {
            let rank = |call: &CallRecord| (call.has_failed(), call.cost_usd, call.started_at);
            calls.sort_by_key(|call| Reverse(rank(call)));
        }
        whole.apply(&mut new.budget_summary.total);
        operations(&mut new, whole)?;
        agents(&mut new, whole)?;
        new.settle();
        new.warnings.push(format!("repriced: {why}"));
        new.check().map_err(|error| NotWritten::Unbalanced { reason: error.to_string() })?;
        Ok(new)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Change {
    more: Usd,
    /// Calls that had no price and have one now.
    priced_calls: u64,
}

impl Change {
    fn apply(self, figures: &mut Figures) {
        figures.cost_usd = Some(figures.cost_usd.unwrap_or(Usd::ZERO) + self.more);
        figures.unpriced_calls = figures.unpriced_calls.saturating_sub(self.priced_calls);
    }
}

/// Gives the calls of a row its new price: the only one has its cost. Of several, what each costs now is unknown, as it is the row that
/// is repriced.
fn reprice_calls(run: &mut RunSummary, stage: &str, model: &str, change: Change, new: (Usd, &String)) {
    if change == Change::default() {
        return;
    }
    let budget = &mut run.budget_summary;
    let row = budget.per_agent.get(stage).and_then(|stage| stage.per_model.get(model));
    let is_only = row.is_some_and(|row| row.figures.llm_calls == 1);
    for call in budget.calls.iter_mut().flatten() {
        let is_of_row = call.stage.as_deref().unwrap_or(UNATTRIBUTED) == stage
            && call.model.as_deref().unwrap_or(UNATTRIBUTED) == model;
        if is_of_row {
            let new = is_only.then(|| (new.0, new.1.clone()));
            (call.cost_usd, call.price_source) = new.unzip();
        }
    }
}

/// A model's sources are those of its stages.
fn name_sources(run: &mut RunSummary) {
    let budget = &mut run.budget_summary;
    let names: Vec<String> = budget.per_model.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let stages = budget.per_agent.iter().filter_map(|(_, stage)| stage.per_model.get(&name));
        let mut sources: Vec<String> = stages.flat_map(|row| row.price_sources.clone()).collect();
        sources.sort();
        sources.dedup();
        if !sources.is_empty() {
            budget.per_model.entry(&name).price_sources = sources;
        }
    }
}

/// The change belongs to the operation that called models, if there is only one.
fn operations(run: &mut RunSummary, change: Change) -> Result<(), NotWritten> {
    let rows = &mut run.budget_summary.by_operation;
    change_only(rows, |row| &mut row.figures, change)
        .map_err(|operations| NotWritten::Operations { operations })
}

/// The change belongs to the agent that called models, if there is only one.
fn agents(run: &mut RunSummary, change: Change) -> Result<(), NotWritten> {
    let rows = &mut run.budget_summary.by_agent;
    change_only(rows, |row| &mut row.figures, change).map_err(|agents| NotWritten::Agents { agents })
}

/// Applies a change to the only row with model calls; the error is the number of such rows. A summary that has no rows of this
/// dimension has none to keep in balance.
fn change_only<T>(
    rows: &mut Rows<T>,
    figures: impl Fn(&mut T) -> &mut Figures,
    change: Change,
) -> Result<(), usize> {
    let is_calling = |row: &Figures| row.llm_calls > 0 || row.tokens_used != Some(0);
    let mut calling: Vec<&mut Figures> =
        rows.values_mut().map(figures).filter(|row| is_calling(row)).collect();
    match calling.as_mut_slice() {
        _ if change == Change::default() => Ok(()),
        [] => Ok(()),
        [only] => {
            change.apply(only);
            Ok(())
        }
        several => Err(several.len()),
    }
}

#[cfg(test)]
mod tests {
    use tracing_budget::summary::Timestamp;

    use super::*;

    /// The new cost of one of several calls is not known: the row is repriced.
    #[test]
    fn the_only_call_of_a_row_has_its_new_cost() {
        let at: Timestamp = "2026-04-19T09:12:03Z".parse().expect("a time");
        let (old, new) = (Usd::from_pico(7), (Usd::from_pico(9), "override".to_owned()));
        for (made, expected) in [(1, Some(new.0)), (2, None)] {
            let mut run = RunSummary::new("a", at);
            run.budget_summary.per_agent.entry("draft").per_model.entry("p/m").figures.llm_calls = made;
            let mut call = CallRecord::new(at, "chat");
            (call.model, call.cost_usd) = (Some("p/m".to_owned()), Some(old));
            let other = call.clone();
            call.stage = Some("draft".to_owned());
            run.budget_summary.calls = Some(vec![call, other]);
            let change = Change { more: Usd::from_pico(2), priced_calls: 0 };
            reprice_calls(&mut run, "draft", "p/m", change, (new.0, &new.1));
            let costs: Vec<_> = run.budget_summary.calls.iter().flatten().map(|call| call.cost_usd).collect();
            assert_eq!(costs, [expected, Some(old)]);
        }
    }

    #[test]
    fn a_change_of_cost_belongs_to_the_only_agent_that_called_models() {
        let mut run = RunSummary::new("a", "2026-04-19T09:12:03Z".parse().expect("a time"));
        let change = Change { more: Usd::from_pico(7), priced_calls: 0 };
        assert_eq!(agents(&mut run, change), Ok(()), "without agents there is nothing to keep in balance");
        run.budget_summary.by_agent.entry("planner").figures.tokens_used = Some(0);
        run.budget_summary.by_agent.entry("writer").figures.llm_calls = 1;
        assert_eq!(agents(&mut run, change), Ok(()));
        let cost = run.budget_summary.by_agent["writer"].figures.cost_usd;
        assert_eq!(cost, Some(Usd::from_pico(7)));
        run.budget_summary.by_agent.entry("planner").figures.llm_calls = 1;
        assert_eq!(agents(&mut run, change), Err(NotWritten::Agents { agents: 2 }));
        assert_eq!(agents(&mut run, Change::default()), Ok(()), "nothing changed");
    }
}
