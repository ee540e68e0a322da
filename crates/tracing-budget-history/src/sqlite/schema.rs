//! The schema, and the migration of older files to it.

use rusqlite::Transaction;
use rusqlite_migration::{HookError, M, Migrations};

use super::rollup;

/// The application id, at byte 68 of SQLite's header: "bdgt".
pub(super) const APPLICATION_ID: u32 = 0x6264_6774;

/// Each step migrates a file from the schema before. The SQL of a released step is never changed: files would differ
/// by the version that created them.
pub(super) fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(include_str!("schema_v1.sql")),
        M::up(include_str!("schema_v2.sql")),
        // Here and not in the second step: sums are written with the columns of the current schema. A file of schema 2 has them
        // already.
        M::up_with_hook(include_str!("schema_v3.sql"), |transaction: &Transaction<'_>| {
            rollup::fill_if_empty(transaction).map_err(|error| HookError::Hook(error.to_string()))
        }),
    ])
}

/// The current schema.
pub(super) const VERSION: u32 = 3;
