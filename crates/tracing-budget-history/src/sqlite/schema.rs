//! The schema and how older files come to it.

use rusqlite::Transaction;
use rusqlite_migration::{HookError, M, Migrations};

use super::rollup;

/// What SQLite's header has at byte 68 in a run history: "bdgt".
pub(super) const APPLICATION_ID: u32 = 0x6264_6774;

/// Each step brings a file from the schema before to its own. Steps that were released are never changed.
pub(super) fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(include_str!("schema_v1.sql")),
        M::up_with_hook(include_str!("schema_v2.sql"), |transaction: &Transaction<'_>| {
            rollup::fill(transaction).map_err(|trouble| HookError::Hook(trouble.to_string()))
        }),
    ])
}

/// The present schema.
pub(super) const VERSION: u32 = 2;
