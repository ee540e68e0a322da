//! The order of a list of runs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The key of an order. Unknown values come last in both directions.
// Exhaustive: a caller that labels orders must decide on every key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// When the run started.
    #[default]
    Started,
    /// Its known cost.
    Cost,
    /// Its duration; of a run in flight, until its last delivery.
    Duration,
    /// Its tokens.
    Tokens,
}

/// The direction of an order.
// Exhaustive: there is no third direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The smallest, the oldest.
    Asc,
    /// The largest, the newest.
    #[default]
    Desc,
}

/// The order of a list: the newest first by default. Runs with equal keys are ordered by id.
///
/// ```
/// use tracing_budget_history::{Order, Sort, SortBy};
///
/// assert_eq!("cost:asc".parse(), Ok(Sort { by: SortBy::Cost, order: Order::Asc }));
/// assert_eq!("cost".parse(), Ok(Sort { by: SortBy::Cost, order: Order::Desc }));
/// ```
// Exhaustive: an order is a key and a direction, and is written as a literal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sort {
    /// The key.
    pub by: SortBy,
    /// The direction.
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
