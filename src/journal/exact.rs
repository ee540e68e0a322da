//! Money as decimal text, which keeps every digit in every reader; a JSON number is a double to most.

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::ledger::Usd;

pub(super) fn serialize<S: Serializer>(usd: &Option<Usd>, serializer: S) -> Result<S::Ok, S::Error> {
    match usd {
        Some(usd) => serializer.collect_str(usd),
        None => serializer.serialize_none(),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
}
