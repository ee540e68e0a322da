//! What [`parts`](super::parts) is made of. `tests/model` puts a model checker's lock and atomic, and fewer parts, in its place.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use parking_lot::{Mutex, MutexGuard};

/// Parts of a ledger. Two threads that write one row would wait for each other at every call; with a part each they only
/// share a lock while a summary is taken. A pipeline rarely has more than eight calls at once, and each part costs a run a few
/// hundred bytes and a summary one merge.
pub(super) const PARTS: usize = 8;
