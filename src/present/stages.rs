//! The stages of a run as a tree.

use std::collections::{HashMap, HashSet};

use crate::summary::{Rows, StageRow, Status, Timestamp};

/// One row of the tree.
///
/// Deliberately not `#[non_exhaustive]`: it is made here only, and programs take it apart with a pattern.
#[derive(Clone, Copy, Debug)]
pub struct StageNode<'a> {
    /// The row's key.
    pub name: &'a str,
    /// How many rows enclose it; 0 is a row of the run itself.
    pub depth: usize,
    /// The row.
    pub row: &'a StageRow,
}

impl<'a> StageNode<'a> {
    /// Returns the stage's name, which differs from the row's key if another stage has the same name. Under its parent's row it
    /// is clear.
    ///
    /// ```
    /// use tracing_budget::present::stages;
    /// use tracing_budget::summary::{Rows, StageRow};
    ///
    /// let mut search = StageRow::default();
    /// (search.name, search.parent) = (Some("search".into()), Some("review".into()));
    /// let rows: Rows<StageRow> =
    ///     [("review", StageRow::default()), ("review/search", search)].into_iter().collect();
    /// assert_eq!(stages::tree(&rows)[1].label(), "search");
    /// ```
    #[must_use]
    pub fn label(&self) -> &'a str {
        self.row.name.as_deref().unwrap_or(self.name)
    }
}

/// Returns every row once, in the order in which each program lists stages.
///
/// - A parent precedes its children, and the children follow it directly.
/// - Siblings are in the order of their first start. A declared stage that never ran keeps its place behind the sibling
///   that precedes it in the document. Rows that were never begun as a stage (`unattributed`) are last.
/// - A parent that has no row, or that is its own descendant, is ignored: only a foreign or damaged document has one.
///
/// ```
/// use tracing_budget::present::stages;
/// use tracing_budget::summary::{Rows, StageRow};
///
/// let mut charts = StageRow::default();
/// charts.parent = Some("visualization".into());
/// let rows: Rows<StageRow> = [
///     ("visualization", StageRow::default()),
///     ("review", StageRow::default()),
///     ("charts", charts),
/// ]
/// .into_iter()
/// .collect();
/// let shown: Vec<_> = stages::tree(&rows).iter().map(|node| (node.depth, node.name)).collect();
/// assert_eq!(shown, [(0, "visualization"), (1, "charts"), (0, "review")]);
/// ```
#[must_use]
pub fn tree(rows: &Rows<StageRow>) -> Vec<StageNode<'_>> {
    let names: HashSet<&str> = rows.iter().map(|(name, _)| name).collect();
    let parent_of = |name: &str, row: &'_ StageRow| {
        row.parent.clone().filter(|parent| names.contains(parent.as_str()) && parent != name)
    };
    let mut children: HashMap<String, Vec<(&str, &StageRow)>> = HashMap::new();
    let mut roots = Vec::new();
    for (name, row) in rows.iter() {
        match parent_of(name, row) {
            Some(parent) => children.entry(parent).or_default().push((name, row)),
            None => roots.push((name, row)),
        }
    }
    let mut listed = Vec::with_capacity(rows.len());
    let mut seen = HashSet::new();
    // A stack and not recursion: a foreign document could nest deeper than a thread's stack.
    let mut stack: Vec<StageNode<'_>> = Vec::new();
    push_siblings(&mut stack, roots, 0);
    let mut rest = rows.iter();
    loop {
        while let Some(node) = stack.pop() {
            if seen.insert(node.name) {
                listed.push(node);
                let below = children.remove(node.name).unwrap_or_default();
                push_siblings(&mut stack, below, node.depth + 1);
            }
        }
        // Rows that no root reaches are in a cycle of parents. The first of them becomes a root, or they would be lost.
        match rest.find(|(name, _)| !seen.contains(name)) {
            Some((name, row)) => stack.push(StageNode { name, depth: 0, row }),
            None => return listed,
        }
    }
}

/// Pushes siblings so that the first of them is popped first.
fn push_siblings<'a>(stack: &mut Vec<StageNode<'a>>, siblings: Vec<(&'a str, &'a StageRow)>, depth: usize) {
    let mut order: Vec<(Place, (&str, &StageRow))> = Vec::with_capacity(siblings.len());
    let mut place = Place::First;
    for (name, row) in siblings {
        let own = match row.started_at {
            Some(at) => {
                place = Place::At(at);
                place
            }
            None if row.status == Status::NotRun => place,
            None => Place::Last,
        };
        order.push((own, (name, row)));
    }
    // Stable: rows of one place keep the document's order.
    order.sort_by_key(|(place, _)| *place);
    stack.extend(order.into_iter().rev().map(|(_, (name, row))| StageNode { name, depth, row }));
}

/// Where a row is among its siblings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    First,
    At(Timestamp),
    Last,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows from `name[<parent][@second]`; without a second the stage never ran, with `@-` it has figures only.
    fn rows(texts: &[&str]) -> Rows<StageRow> {
        let row = |text: &&str| {
            let (head, start) = text.split_once('@').map_or((*text, None), |(head, at)| (head, Some(at)));
            let (name, parent) =
                head.split_once('<').map_or((head, None), |(name, parent)| (name, Some(parent)));
            let started_at = start.and_then(|at| at.parse().ok()).and_then(Timestamp::from_unix_ms);
            let status = if start.is_some() { Status::Completed } else { Status::NotRun };
            let parent = parent.map(str::to_owned);
            (name.to_owned(), StageRow { parent, started_at, status, ..StageRow::default() })
        };
        texts.iter().map(row).collect()
    }

    fn shown(texts: &[&str]) -> String {
        let rows = rows(texts);
        let nodes = tree(&rows);
        let lines: Vec<String> =
            nodes.iter().map(|node| format!("{}{}", ">".repeat(node.depth), node.name)).collect();
        lines.join(" ")
    }

    #[test]
    fn a_child_follows_its_parent_wherever_the_document_has_it() {
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&["a@1"]), "a");
        assert_eq!(shown(&["a@1", "b@3", "c<a@2"]), "a >c b");
        assert_eq!(shown(&["c<b@3", "b<a@2", "a@1"]), "a >b >>c");
    }

    #[test]
    fn siblings_are_in_the_order_of_their_first_start() {
        assert_eq!(
            shown(&["review@9", "draft@1", "check<draft@3", "plan<draft@2"]),
            "draft >plan >check review"
        );
        assert_eq!(shown(&["same@1", "again@1"]), "same again");
    }

    #[test]
    fn a_stage_that_never_ran_keeps_its_place_and_what_has_no_stage_is_last() {
        assert_eq!(
            shown(&["first", "a@1", "skipped", "b@2", "unattributed@-"]),
            "first a skipped b unattributed"
        );
        assert_eq!(shown(&["unattributed@-", "b@2", "after-b", "a@1"]), "a b after-b unattributed");
    }

    #[test]
    fn a_foreign_parent_is_ignored() {
        assert_eq!(shown(&["a<nowhere@1", "b<b@2"]), "a b");
        assert_eq!(shown(&["a<b@1", "b<a@2", "c@3"]), "c a >b");
    }

    #[test]
    fn a_nest_of_ten_thousand_is_no_recursion() {
        let names: Vec<String> = (0..10_000).map(|n| format!("{n}<{}@{n}", n - 1)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = rows(&names);
        assert_eq!(tree(&rows).last().map(|node| node.depth), Some(9_999));
    }

    proptest! {
        #[test]
        fn every_row_is_listed_once_after_its_parent(parents in prop::collection::vec(0..30_usize, 0..30)) {
            let texts: Vec<String> =
                parents.iter().enumerate().map(|(at, parent)| format!("{at}<{parent}@{}", at % 7)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let rows = rows(&texts);
            let nodes = tree(&rows);
            let names: HashSet<&str> = nodes.iter().map(|node| node.name).collect();
            prop_assert_eq!((nodes.len(), names.len()), (rows.len(), rows.len()));
            for (at, node) in nodes.iter().enumerate().filter(|(_, node)| node.depth > 0) {
                let parent = nodes[..at].iter().rev().find(|other| other.depth + 1 == node.depth);
                prop_assert_eq!(parent.map(|parent| parent.name), node.row.parent.as_deref());
            }
        }
    }
}
