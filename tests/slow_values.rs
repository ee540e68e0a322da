//! A field value that opens spans while it is formatted changes no figure.

use std::fmt;
use std::sync::OnceLock;

use tracing::{Span, field::Empty, info_span};
use tracing_budget::{layer, sink::Memory};
use tracing_subscriber::prelude::*;

/// Slots of the layer. A span that is opened after so many others has the slot of the first.
const PLACES: usize = 2_048;

/// A value that opens other spans while it is formatted. One of them has the slot of the span that is being opened.
struct Slow<'a>(&'a OnceLock<Vec<Span>>);

impl fmt::Display for Slow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get_or_init(|| {
            let others = (1..PLACES).map(|_| info_span!("ballast"));
            let calls = (0..2).map(|_| info_span!("other", model = "house", input_tokens = Empty));
            others.chain(calls).collect()
        });
        f.write_str("slow")
    }
}

#[test]
fn a_half_read_span_books_nothing_twice() -> Result<(), Box<dyn std::error::Error>> {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build()?;
    // Under a subscriber that is a thread's own, spans of a value's formatting do not reach the layer.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(budget))?;
    let others = OnceLock::new();
    info_span!("pipeline").in_scope(|| {
        let call = info_span!("call", model = "house", input_tokens = 10, tag.note = %Slow(&others));
        assert_eq!(others.get().map(Vec::len), Some(PLACES + 1), "the value was formatted");
        drop(others);
        drop(call);
    });
    guard.flush()?;
    let runs = memory.take();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].budget_summary.total.tokens_used, Some(10));
    assert_eq!(runs[0].tags.get("note").map(String::as_str), Some("slow"));
    Ok(())
}
