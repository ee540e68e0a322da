//! `check`: runs held against limits, gates and a baseline.
//!
//! `rules` judges one run and knows neither files nor the history; the reports only write down what it said.

mod baseline;
mod command;
mod junit;
mod markdown;
mod outcome;
mod rules;
mod words;

pub(super) use command::run;
