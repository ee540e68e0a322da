//! What is going on now: runs in flight, stage by stage, and those that have just ended.

mod flight;
mod view;

pub(super) use view::show;
