//! The lock of [`limit_set`](super::limit_set). `tests/model` puts a model checker's lock in its place.

pub(super) use std::sync::Mutex;
