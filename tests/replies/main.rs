//! Replies of providers: what they report is read from every known shape, whatever the provider, whole and in pieces.

#![cfg(feature = "prices")]
#![allow(clippy::unwrap_used)]

mod booked;
#[path = "../budgeted/mod.rs"]
mod budgeted;
mod cases;
mod hostile;
mod upstream;
