//! Named rows that keep their order.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Rows by name, in the order in which a reader wants to see them; a JSON object.
///
/// Two are equal when the same names hold the same rows, whatever their order.
#[derive(Clone)]
pub struct Rows<T>(Vec<(String, T)>);

impl<T> Rows<T> {
    /// No rows.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The row of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, row)| row)
    }

    /// The names and their rows, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a row under a name, in place of the one that may be there.
    pub fn insert(&mut self, name: impl Into<String>, row: T) {
        let name = name.into();
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = row,
            None => self.0.push((name, row)),
        }
    }

    /// The row of this name, made where there is none.
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

    /// Puts the rows in the order of a key.
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

    /// The row of this name.
    ///
    /// # Panics
    ///
    /// If there is none; [`Rows::get`] does not.
    fn index(&self, name: &str) -> &T {
        match self.get(name) {
            Some(row) => row,
            None => panic!("no row named {name:?}"),
        }
    }
}

impl<T: PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, row)| other.get(name) == Some(row))
    }
}

impl<T: fmt::Debug> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<String>, T> FromIterator<(N, T)> for Rows<T> {
    /// Collects rows whose names differ.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(rows: I) -> Self {
        Self(rows.into_iter().map(|(name, row)| (name.into(), row)).collect())
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
                let mut rows = Rows::new();
                while let Some((name, row)) = map.next_entry::<String, T>()? {
                    rows.insert(name, row);
                }
                Ok(rows)
            }
        }

        deserializer.deserialize_map(RowsVisitor(PhantomData))
    }
}
