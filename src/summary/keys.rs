//! The keys of stage rows, and the stages that rows are about.
//!
//! A row's identity is its stage's name below the row of the stage around it. Its key is a short text for people, and depends on the
//! other rows of the document: the same stage may have another key in another part of the run.

use std::collections::{HashMap, HashSet};

use super::UNATTRIBUTED;
use super::document::StageRow;
use super::rows::Rows;

/// Stages by name and enclosing stage. Both parts of a merge use one, so that a stage of both is one number.
#[derive(Default)]
pub(super) struct Stages<'a> {
    nodes: Vec<Node<'a>>,
    numbers: HashMap<(Option<usize>, &'a str), usize>,
}

struct Node<'a> {
    name: &'a str,
    /// Smaller than the node's own number: a stage is added after the one around it.
    parent: Option<usize>,
    depth: usize,
}

impl<'a> Stages<'a> {
    /// Returns the number of a stage.
    pub(super) fn number(&mut self, name: &'a str, parent: Option<usize>) -> usize {
        *self.numbers.entry((parent, name)).or_insert_with(|| {
            let depth = parent.map_or(0, |parent| self.nodes[parent].depth + 1);
            self.nodes.push(Node { name, parent, depth });
            self.nodes.len() - 1
        })
    }

    /// Returns the numbers of the stages that rows are about, in the order of the rows.
    pub(super) fn of_rows(&mut self, rows: &'a Rows<StageRow>) -> Vec<usize> {
        let places: HashMap<&str, usize> = rows.iter().map(|(key, _)| key).zip(0..).collect();
        let named: Vec<(&str, Option<&str>)> =
            rows.iter().map(|(key, row)| (row.name_or(key), row.parent.as_deref())).collect();
        let mut found: Vec<Option<usize>> = vec![None; named.len()];
        let mut is_on_way = vec![false; named.len()];
        for start in 0..named.len() {
            // Outwards until a stage that is known, then back: rows of a hostile document may be nested ten thousand deep, which
            // would overflow the stack of a recursion.
            let (mut way, mut at) = (vec![], start);
            let mut number = loop {
                if let Some(number) = found[at] {
                    break Some(number);
                }
                way.push(at);
                is_on_way[at] = true;
                match named[at].1 {
                    None => break None,
                    Some(parent) => match places.get(parent) {
                        // Rows in a circle, which `check` reports. One of them is taken to be the outermost.
                        Some(&around) if is_on_way[around] => break None,
                        Some(&around) => at = around,
                        None => break Some(self.number(parent, None)),
                    },
                }
            };
            for at in way.into_iter().rev() {
                number = Some(self.number(named[at].0, number));
                (found[at], is_on_way[at]) = (number, false);
            }
        }
        found.into_iter().flatten().collect()
    }

    pub(super) fn name(&self, number: usize) -> &'a str {
        self.nodes[number].name
    }

    pub(super) fn parent(&self, number: usize) -> Option<usize> {
        self.nodes[number].parent
    }

    /// Returns the place of each stage in one order that only depends on names: stages come after those around them.
    pub(super) fn ranks(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|number| self.nodes[*number].depth);
        let mut ranks = vec![0; self.nodes.len()];
        let mut ranked = 0;
        for level in order.chunk_by_mut(|one, two| self.nodes[*one].depth == self.nodes[*two].depth) {
            level.sort_by_key(|number| {
                let node = &self.nodes[*number];
                (node.parent.map(|parent| ranks[parent]), node.name)
            });
            for number in level {
                ranks[*number] = ranked;
                ranked += 1;
            }
        }
        ranks
    }

    /// Returns the keys of rows, given as stages with their starts, by the stages' numbers. The first of a name, by start, has the
    /// name as its key.
    pub(super) fn keys<T: Ord>(&self, rows: &[(usize, Option<T>)]) -> HashMap<usize, String> {
        let ranks = self.ranks();
        let mut rows: Vec<&(usize, Option<T>)> = rows.iter().collect();
        rows.sort_by_key(|(number, start)| (start.is_none(), start, ranks[*number]));
        let mut keys = HashMap::with_capacity(rows.len());
        // The row of amounts outside of any stage has this key in every document.
        let mut taken = HashSet::from([UNATTRIBUTED.to_owned()]);
        for (number, _) in &rows {
            let node = &self.nodes[*number];
            let is_outside = node.parent.is_none() && node.name == UNATTRIBUTED;
            if is_outside || taken.insert(node.name.to_owned()) {
                keys.insert(*number, node.name.to_owned());
            }
        }
        for (number, _) in &rows {
            if !keys.contains_key(number) {
                keys.insert(*number, self.longer_key(*number, &mut taken));
            }
        }
        keys
    }

    fn longer_key(&self, number: usize, taken: &mut HashSet<String>) -> String {
        let Node { name, parent, .. } = self.nodes[number];
        let short = format!("{}/{name}", parent.map_or("", |parent| self.name(parent)));
        if taken.insert(short.clone()) {
            return short;
        }
        let path = if parent.is_some() { self.path(number).join("/") } else { short };
        // A stage's name may have slashes itself, so that its key is another's path.
        let numbered = (2..).map(|count| format!("{path} ({count})"));
        let free = std::iter::once(path.clone()).chain(numbered).find(|key| taken.insert(key.clone()));
        free.unwrap_or(path)
    }

    /// Returns the names of the stages around a stage and its own, the outermost first.
    pub(super) fn path(&self, number: usize) -> Vec<&'a str> {
        let outwards = std::iter::successors(Some(number), |number| self.parent(*number));
        let mut names: Vec<&str> = outwards.map(|number| self.name(number)).collect();
        names.reverse();
        names
    }
}

impl StageRow {
    /// Returns the stage's name. The row's key is its name unless another row has that.
    pub(super) fn name_or<'a>(&'a self, key: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(rows: &[(&str, Option<u64>)]) -> Vec<String> {
        let mut stages = Stages::default();
        let numbered: Vec<(usize, Option<u64>)> = rows
            .iter()
            .map(|(path, start)| {
                let number = path.split('>').fold(None, |parent, name| Some(stages.number(name, parent)));
                (number.expect("a path has a name"), *start)
            })
            .collect();
        let keys = stages.keys(&numbered);
        numbered.iter().map(|(number, _)| keys[number].clone()).collect()
    }

    #[test]
    fn the_first_of_a_name_has_the_plain_name() {
        assert_eq!(keys(&[("a>search", Some(7)), ("b>search", Some(3))]), ["a/search", "search"]);
        assert_eq!(keys(&[("b>search", Some(3)), ("a>search", Some(3))]), ["b/search", "search"]);
        assert_eq!(keys(&[("plan", Some(1)), ("plan>plan", Some(2))]), ["plan", "plan/plan"]);
    }

    #[test]
    fn a_key_that_is_taken_becomes_longer() {
        let rows = [("x", Some(1)), ("a>b>x", Some(2)), ("c>b>x", Some(3)), ("b>x", Some(4))];
        assert_eq!(keys(&rows), ["x", "b/x", "c/b/x", "b/x (2)"]);
        assert_eq!(keys(&[("a>x", Some(1)), ("x", Some(2))]), ["x", "/x"]);
        assert_eq!(keys(&[("x", Some(1)), ("b>x", Some(2)), ("b/x", Some(3))]), ["x", "b/x (2)", "b/x"]);
        assert_eq!(
            keys(&[("unattributed", None), ("a>unattributed", Some(1))]),
            ["unattributed", "a/unattributed"]
        );
    }

    #[test]
    fn rows_in_a_circle_are_still_stages() {
        let row = |parent: &str| StageRow { parent: Some(parent.to_owned()), ..StageRow::default() };
        let rows: Rows<StageRow> =
            [("a", row("b")), ("b", row("a")), ("c", row("gone"))].into_iter().collect();
        let mut stages = Stages::default();
        let numbers = stages.of_rows(&rows);
        let paths: Vec<_> = numbers.into_iter().map(|number| stages.path(number).join(">")).collect();
        assert_eq!(paths, ["b>a", "b", "gone>c"]);
    }
}
