//! `reprice`: what runs would cost at other prices or with another model. The arithmetic is the room `reprice`'s.

mod command;
mod tally;

pub(super) use command::run;
