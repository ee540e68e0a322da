//! Tables with many rows: a page of them, and all others as one row.

use std::collections::HashMap;

use maud::{Markup, html};

use super::query::Query;
use crate::problem::{Problem, ProblemKind};
use tracing_budget::present::numbers::count;
use tracing_budget::present::stages::StageNode;
use tracing_budget::summary::RunSummary;

/// Rows of a table on one page. A browser takes seconds for some ten thousand, and a person reads the first.
pub(super) const ROWS: usize = 200;

/// Which rows of the page's tables are shown. All tables of a page turn together; one that has few rows shows them on every page.
pub(super) struct RowPage {
    /// From 1.
    number: usize,
    path: String,
    query: Query,
}

/// The rows that are shown, and how many there are.
pub(super) struct Rows<'a, T> {
    pub(super) shown: &'a [T],
    pub(super) before: &'a [T],
    pub(super) after: &'a [T],
}

impl RowPage {
    /// Reads the parameter `page` of a page with this path.
    ///
    /// # Errors
    ///
    /// If it is not a number from 1.
    pub(super) fn read(path: String, query: &Query) -> Result<Self, Problem> {
        let number = match query.get("page") {
            None => 1,
            Some(text) => text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                let detail = format!("page is {text:?}, expected a whole number from 1");
                Problem::new(ProblemKind::BadRequest, detail)
            })?,
        };
        Ok(Self { number, path, query: query.clone() })
    }

    /// Cuts the rows of this page out of all; the last ones where the page is behind them.
    pub(super) fn of<'a, T>(&self, rows: &'a [T]) -> Rows<'a, T> {
        let last = rows.len().saturating_sub(1) / ROWS;
        let from = (self.number - 1).min(last) * ROWS;
        let to = (from + ROWS).min(rows.len());
        Rows { shown: &rows[from..to], before: &rows[..from], after: &rows[to..] }
    }

    /// Links to the pages before and after, for a table that does not show all rows.
    pub(super) fn links<T>(&self, rows: &Rows<'_, T>, id: &str) -> Markup {
        let all = rows.before.len() + rows.shown.len() + rows.after.len();
        let number = rows.before.len() / ROWS + 1;
        let to = |number: usize| {
            format!("{}#{id}", self.query.with(&self.path, &[("page", Some(&number.to_string()))]))
        };
        html! {
            @if rows.left_out() > 0 {
                p.small {
                    "Rows " (count(rows.before.len() as u64 + 1)) " to " (count((rows.before.len() + rows.shown.len()) as u64))
                    " of " (count(all as u64)) "."
                    @if number > 1 { " " a href=(to(number - 1)) { "Previous" } }
                    @if !rows.after.is_empty() { " " a href=(to(number + 1)) { "Next" } }
                }
            }
        }
    }
}

impl<'a, T> Rows<'a, T> {
    /// Number of rows that are not shown.
    pub(super) fn left_out(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The rows that are not shown.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a T> + use<'a, T> {
        self.before.iter().chain(self.after)
    }

    /// The name of the row that sums up the others.
    pub(super) fn others_name(&self) -> String {
        format!("{} others", count(self.left_out() as u64))
    }
}

/// The anchors of a run's stages, looked up once. A search for each row would be quadratic.
pub(super) struct Anchors<'a> {
    stages: HashMap<&'a str, Option<usize>>,
}

impl<'a> Anchors<'a> {
    /// The anchors of the stages that are shown; links to others lead to the head of the timeline.
    pub(super) fn of(run: &'a RunSummary, shown: &[StageNode<'a>]) -> Self {
        let mut stages: HashMap<&str, Option<usize>> =
            run.budget_summary.per_agent.iter().map(|(name, _)| (name, None)).collect();
        let places = shown.iter().map(|node| node.name).collect::<std::collections::HashSet<_>>();
        for (place, (name, _)) in run.budget_summary.per_agent.iter().enumerate() {
            if places.contains(name) {
                stages.insert(name, Some(place));
            }
        }
        Self { stages }
    }

    /// Whether the run has this stage.
    pub(super) fn has(&self, stage: &str) -> bool {
        self.stages.contains_key(stage)
    }

    /// The anchor of a stage's row. It is made from the row's number, because a name can contain any character.
    pub(super) fn id(&self, stage: &str) -> String {
        match self.stages.get(stage) {
            Some(Some(place)) => format!("stage-{}", place + 1),
            _ => "timeline".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_on_one_page_and_others_are_counted() {
        let rows: Vec<usize> = (0..2 * ROWS + 1).collect();
        let page = |number: &str| {
            let query = Query::read(Some(&format!("page={number}")));
            RowPage::read("/runs/a".to_owned(), &query)
        };
        let shown = |number: &str| page(number).expect("a page").of(&rows).shown.to_vec();
        let pages: Vec<usize> = ["1", "2", "3"].iter().flat_map(|number| shown(number)).collect();
        assert_eq!(pages, rows);
        assert_eq!(shown("999"), [2 * ROWS], "behind the last page is the last page");
        for number in ["1", "2", "3"] {
            let page = page(number).expect("a page");
            let cut = page.of(&rows);
            assert_eq!(cut.shown.len() + cut.others().count(), rows.len());
        }
        assert_eq!(page("1").expect("a page").of(&rows[..0]).left_out(), 0);
        for malformed in ["0", "-1", "x"] {
            assert!(page(malformed).is_err(), "{malformed}");
        }
    }
}
