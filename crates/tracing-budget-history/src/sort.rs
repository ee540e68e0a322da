//! The order of a list of runs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a list is ordered by. What is unknown comes last, whatever the direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// When the run started.
    #[default]
    Started,
    /// Its known cost.
    Cost,
    /// How long it took, or has been taking.
    Duration,
    /// Its tokens.
    Tokens,
}

/// Which end of the order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The smallest, the oldest.
    Asc,
    /// The largest, the newest.
    #[default]
    Desc,
}

/// The order of a list: the newest first unless set. Runs that are equal in it are ordered by id.
///
/// ```
/// use tracing_budget_history::{Order, Sort, SortBy};
///
/// assert_eq!("cost:asc".parse(), Ok(Sort { by: SortBy::Cost, order: Order::Asc }));
/// assert_eq!("cost".parse(), Ok(Sort { by: SortBy::Cost, order: Order::Desc }));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Which end first.
    pub order: Order,
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.by {
            SortBy::Started => "started",
            SortBy::Cost => "cost",
            SortBy::Duration => "duration",
            SortBy::Tokens => "tokens",
        };
        let order = match self.order {
            Order::Asc => "asc",
            Order::Desc => "desc",
        };
        write!(f, "{by}:{order}")
    }
}
