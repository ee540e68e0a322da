//! The text of an order: `cost`, `cost:asc`.

use std::str::FromStr;

use super::error::ValueError;
use crate::{Order, Sort, SortBy};

impl FromStr for Sort {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (by, order) = text.trim().split_once(':').unwrap_or((text.trim(), "desc"));
        let fail = |got: &str, known: &[&'static str]| {
            let expected = "started, cost, duration or tokens, with :asc or :desc after it";
            let near = ValueError::new(expected, got).nearest_of(known.iter().copied());
            if got == text { near } else { near.of(text) }
        };
        let by = match by {
            "started" => SortBy::Started,
            "cost" => SortBy::Cost,
            "duration" => SortBy::Duration,
            "tokens" => SortBy::Tokens,
            _ => return Err(fail(by, &["started", "cost", "duration", "tokens"])),
        };
        let order = match order {
            "asc" => Order::Asc,
            "desc" => Order::Desc,
            _ => return Err(fail(order, &["asc", "desc"])),
        };
        Ok(Self { by, order })
    }
}
