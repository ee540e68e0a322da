//! Rows by name, in a stable order.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::document::StageRow;

/// Rows by name, in the order of presentation; a JSON object.
///
/// Two are equal if the same names have equal rows, in any order.
#[derive(Clone)]
pub struct Rows<T>(Vec<(String, T)>);

impl<T> Rows<T> {
    /// Returns no rows.
    ///
    /// ```
    /// use tracing_budget::summary::{Rows, StageRow};
    ///
    /// assert!(Rows::<StageRow>::new().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns rows with names that the caller knows to be distinct.
    pub(crate) fn of_unique(rows: Vec<(String, T)>) -> Self {
        Self(rows)
    }

    /// Returns the row with this name. It compares the names one by one.
    ///
    /// ```
    /// use tracing_budget::summary::Rows;
    ///
    /// let rows: Rows<u8> = [("draft", 1), ("review", 2)].into_iter().collect();
    /// assert_eq!((rows.get("review"), rows.get("other")), (Some(&2), None));
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, row)| row)
    }

    /// Iterates over the names and their rows, in order.
    ///
    /// ```
    /// use tracing_budget::summary::Rows;
    ///
    /// let rows: Rows<u8> = [("draft", 1), ("review", 2)].into_iter().collect();
    /// assert_eq!(rows.iter().next(), Some(("draft", &1)));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// Returns the number of rows.
    ///
    /// ```
    /// use tracing_budget::summary::Rows;
    ///
    /// let rows: Rows<u8> = [("draft", 1), ("review", 2)].into_iter().collect();
    /// assert_eq!(rows.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no rows.
    ///
    /// ```
    /// use tracing_budget::summary::Rows;
    ///
    /// let rows: Rows<u8> = [("draft", 1), ("review", 2)].into_iter().collect();
    /// assert!(!rows.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the rows in order, to change them. [`RunSummary::check`](crate::RunSummary::check) verifies afterwards that
    /// rows add up to totals.
    ///
    /// ```
    /// use tracing_budget::summary::Rows;
    ///
    /// let mut rows: Rows<u8> = [("draft", 1)].into_iter().collect();
    /// rows.values_mut().for_each(|row| *row += 1);
    /// assert_eq!(rows["draft"], 2);
    /// ```
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, row)| row)
    }

    /// Inserts a row, or replaces the row with its name.
    ///
    /// It compares the names one by one. Collect many rows instead.
    ///
    /// ```
    /// use tracing_budget::summary::Rows;
    ///
    /// let mut rows = Rows::new();
    /// rows.insert("draft", 1);
    /// assert_eq!(rows["draft"], 1);
    /// ```
    pub fn insert(&mut self, name: impl Into<String>, row: T) {
        let name = name.into();
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = row,
            None => self.0.push((name, row)),
        }
    }

    /// Returns the row with this name, and inserts a default row for a new name.
    ///
    /// ```
    /// use tracing_budget::summary::{Rows, StageRow};
    ///
    /// let mut rows = Rows::<StageRow>::new();
    /// rows.entry("review").calls += 1;
    /// assert_eq!(rows["review"].calls, 1);
    /// ```
    pub fn entry(&mut self, name: &str) -> &mut T
    where
        T: Default,
    {
        let found = self.0.iter().position(|(key, _)| key == name);
        let at = found.unwrap_or_else(|| {
            self.0.push((name.to_owned(), T::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// Returns the rows of both. Two rows with one name are combined by `join`.
    pub(crate) fn unite(&self, other: &Self, mut join: impl FnMut(&T, &T) -> T) -> Self
    where
        T: Clone,
    {
        let mut united = self.clone();
        let places = self.places();
        for (name, row) in &other.0 {
            match places.get(name.as_str()) {
                Some(&at) => united.0[at].1 = join(&self.0[at].1, row),
                None => united.0.push((name.clone(), row.clone())),
            }
        }
        united
    }

    /// Returns the position of each name: one pass instead of one per look-up.
    fn places(&self) -> HashMap<&str, usize> {
        self.0.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect()
    }

    /// Sorts the rows by a key. Equal keys keep their order.
    ///
    /// ```
    /// use tracing_budget::summary::Rows;
    ///
    /// let mut rows: Rows<u8> = [("a", 2), ("b", 1)].into_iter().collect();
    /// rows.sort_by_key(|_, row| *row);
    /// assert_eq!(rows.iter().next(), Some(("b", &1)));
    /// ```
    pub fn sort_by_key<K: Ord>(&mut self, mut key: impl FnMut(&str, &T) -> K) {
        self.0.sort_by_cached_key(|(name, row)| key(name, row));
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::ops::Index<&str> for Rows<T> {
    type Output = T;

    /// Returns the row with this name.
    ///
    /// # Panics
    ///
    /// If no row has this name, with the names of the rows that exist. [`Rows::get`] returns `None` instead.
    fn index(&self, name: &str) -> &T {
        match self.get(name) {
            Some(row) => row,
            None if self.is_empty() => panic!("no row named {name:?}: there are no rows"),
            None => {
                let names: Vec<_> = self.iter().map(|(name, _)| name).collect();
                panic!("no row named {name:?}: the rows are {names:?}")
            }
        }
    }
}

impl Rows<StageRow> {
    /// Iterates over the rows of all stages of a name, with their keys. One stage of that name may have several rows, one for each
    /// stage that it ran in.
    ///
    /// ```
    /// use tracing_budget::summary::{Rows, StageRow};
    ///
    /// let rows: Rows<StageRow> = [("draft", StageRow::default()), ("review", StageRow::default())].into_iter().collect();
    /// assert_eq!(rows.named("review").map(|(key, _)| key).collect::<Vec<_>>(), ["review"]);
    /// ```
    pub fn named(&self, name: &str) -> impl Iterator<Item = (&str, &StageRow)> {
        self.iter().filter(move |(key, row)| row.name_or(key) == name)
    }
}

impl<T: PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        if self.iter().zip(other.iter()).all(|((one, _), (two, _))| one == two) {
            return self.iter().zip(other.iter()).all(|((_, one), (_, two))| one == two);
        }
        let places = other.places();
        self.iter().all(|(name, row)| places.get(name).is_some_and(|&at| other.0[at].1 == *row))
    }
}

impl<T: fmt::Debug> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<String>, T> FromIterator<(N, T)> for Rows<T> {
    /// Collects rows. Of rows with one name, the last replaces the first at its position.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(rows: I) -> Self {
        let mut gathered = Gathered::default();
        for (name, row) in rows {
            gathered.put(name.into(), row);
        }
        gathered.rows
    }
}

/// Rows while they are collected, with an index: without it ten thousand rows would take fifty million comparisons.
struct Gathered<T> {
    rows: Rows<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { rows: Rows::new(), places: HashMap::new() }
    }
}

impl<T> Gathered<T> {
    fn put(&mut self, name: String, row: T) {
        if let Some(&at) = self.places.get(&name) {
            self.rows.0[at].1 = row;
        } else {
            self.places.insert(name.clone(), self.rows.len());
            self.rows.0.push((name, row));
        }
    }
}

impl<T: Serialize> Serialize for Rows<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, row) in self.iter() {
            map.serialize_entry(name, row)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for RowsVisitor<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of rows by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows<T>, A::Error> {
                let mut gathered = Gathered::default();
                while let Some((name, row)) = map.next_entry::<String, T>()? {
                    gathered.put(name, row);
                }
                Ok(gathered.rows)
            }
        }

        deserializer.deserialize_map(RowsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_the_last_of_a_name_counts() {
        let rows: Rows<u64> = serde_json::from_str(r#"{"b": 1, "a": 2, "b": 3}"#).expect("rows");
        assert_eq!(rows.iter().collect::<Vec<_>>(), [("b", &3), ("a", &2)]);
        assert_eq!([("b", 1), ("a", 2), ("b", 3)].into_iter().collect::<Rows<u64>>().len(), 2);
        assert_eq!(serde_json::to_string(&rows).ok().as_deref(), Some(r#"{"b":3,"a":2}"#));
    }

    #[test]
    fn equality_looks_at_names_and_not_at_places() {
        let rows = |pairs: &[(&str, u64)]| pairs.iter().copied().collect::<Rows<u64>>();
        assert_eq!(rows(&[("a", 1), ("b", 2)]), rows(&[("b", 2), ("a", 1)]));
        assert_ne!(rows(&[("a", 1), ("b", 2)]), rows(&[("b", 1), ("a", 2)]));
        assert_ne!(rows(&[("a", 1)]), rows(&[("a", 2)]));
        assert_ne!(rows(&[("a", 1)]), rows(&[("a", 1), ("b", 2)]));
        assert_ne!(rows(&[("a", 1), ("b", 2)]), rows(&[("c", 1), ("a", 1)]));
    }

    #[test]
    fn uniting_joins_only_what_both_have() {
        let one: Rows<u64> = [("a", 1), ("b", 2)].into_iter().collect();
        let two: Rows<u64> = [("c", 4), ("b", 8)].into_iter().collect();
        let both = one.unite(&two, |left, right| left + right);
        assert_eq!(both.iter().collect::<Vec<_>>(), [("a", &1), ("b", &10), ("c", &4)]);
    }
}
