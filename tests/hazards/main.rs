//! What must hold when a program does what no example does.
//!
//! A1 to A14 are the rules of `docs/attribution.md`.
#![allow(clippy::unwrap_used)]

mod adopted;
mod closing;
mod entering;
mod finishing;
mod hidden;
mod layers;
mod panics;
mod parents;
mod plain;
mod reuse;
mod runs_of;
mod tasks;
mod threads;
