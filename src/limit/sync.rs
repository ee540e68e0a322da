//! The lock of [`meters`](super::meters). A model checker has another in this place.

pub(super) use std::sync::Mutex;
