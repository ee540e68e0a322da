//! The first line of a journal: who wrote it, and the settings that all runs of one layer share.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::wire;
use crate::ledger::{MAX_CALLS, Usd};
use crate::summary::{Limits, Timestamp};

/// The version of the lines that are written, and the only one that is read.
pub(super) const FORMAT: u32 = 1;

/// The head of a journal. Summaries of recovered runs need the layer's settings, and the layer is gone by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: u32,
    /// The version of the crate that wrote the file.
    pub(crate) version: String,
    /// The process's id.
    pub(crate) process: u32,
    /// When the layer was built, for people; `origin` is exact.
    pub(crate) built_at: Timestamp,
    /// The wall time from which every record's nanoseconds are counted.
    #[serde(rename = "origin_ns", with = "wire::unix_nanos")]
    pub(crate) origin: SystemTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<String>,
    /// Declared stages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<String>,
    /// Expected gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gates: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(with = "wire::money", default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit_tokens: Option<u64>,
    /// The name of the price book.
    pub(crate) book: String,
    /// The name of the corrections to it. Without it, as in earlier versions, no line has any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) corrections: String,
    /// The lines name every stage around a stage. Without it, as in earlier versions, all stages of one name are one row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) paths: bool,
    /// How many calls of a run are kept one by one. Without it, as in earlier versions, the lines have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_calls: Option<usize>,
}

impl Header {
    /// The header of a layer without settings, written by this process.
    pub(crate) fn new(origin: SystemTime) -> Self {
        Self {
            format: FORMAT,
            // For reports of damaged files. Reading depends on `format` alone, or each release would need a new reader.
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            // Milliseconds are enough for people, and too coarse for the times of records.
            built_at: origin.into(),
            origin,
            project: None,
            stages: Vec::new(),
            gates: Vec::new(),
            tags: BTreeMap::new(),
            limit_usd: None,
            limit_tokens: None,
            book: String::new(),
            corrections: String::new(),
            paths: true,
            keep_calls: Some(MAX_CALLS),
        }
    }

    /// The limits of each run.
    pub(super) fn limits(&self) -> Limits {
        Limits { usd: self.limit_usd, tokens: self.limit_tokens }
    }
}
