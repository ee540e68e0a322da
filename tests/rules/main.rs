//! The rules of `docs/attribution.md` as programs in text, each with the rows that it must leave.
#![allow(clippy::unwrap_used)]

#[path = "../spans/mod.rs"]
mod spans;

#[test]
fn spans_work() {
    use spans::*;
    use tracing_budget::sink::Memory;
    use tracing_subscriber::prelude::*;
    let memory = Memory::new();
    let (layer, guard) = tracing_budget::layer().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let root = Shape::new("pipeline").span(&Parent::Root, &[]);
        let shape = Shape::new("chat").fields(["gen_ai.operation.name", "gen_ai.usage.input_tokens"]);
        let chat = shape.span(&Parent::Of(&root), &[("gen_ai.operation.name", "chat".into())]);
        record(&chat, "gen_ai.usage.input_tokens", &Value::U64(100));
    });
    guard.flush().unwrap();
    assert_eq!(memory.take()[0].budget_summary.total.input_tokens, 100);
}
