//! A limit holds from the first call of a process on, when the prices are not read yet: the run begins once they are.
//!
//! One test alone: the first layer of a process is the one that finds no prices.

#![cfg(feature = "prices")]
#![expect(clippy::unwrap_used, reason = "a test may")]

use tracing::info_span;
use tracing_budget::{Usage, call, check, layer};
use tracing_subscriber::prelude::*;

#[test]
fn a_limit_is_used_up_by_the_first_call_of_a_process() {
    let (budget, guard) = layer().limit_usd("0.002").build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _root = info_span!("pipeline").entered();
        assert!(check().is_ok());
        // $0.00225
        call("gpt-5").provider("openai").start().usage(Usage::new().input(1_000).output(100));
        assert!(check().is_err(), "what the call cost is charged when it closes");
    });
    guard.flush().unwrap();
}
