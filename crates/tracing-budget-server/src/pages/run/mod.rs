//! One run: how it ended and why, when each stage ran, what cost what, and what the gates said.

mod failure;
mod gates;
mod head;
mod money;
mod stages;
mod view;

pub(super) use view::{named, short, show};
