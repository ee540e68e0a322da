//! `tracing-opentelemetry` and we both see everything.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_budget::layer;
use tracing_budget::sink::Memory;
use tracing_subscriber::prelude::*;

use crate::pipeline::{run, saw_it};

#[test]
fn before_and_after_us() {
    for before in [true, false] {
        let (exporter, memory) = (InMemorySpanExporter::default(), Memory::new());
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let tracer = provider.tracer("composition");
        let guard = if before {
            let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
            let theirs = tracing_opentelemetry::layer().with_tracer(tracer);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(theirs).with(budget), run);
            guard
        } else {
            let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
            let theirs = tracing_opentelemetry::layer().with_tracer(tracer);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(budget).with(theirs), run);
            guard
        };
        saw_it(&guard, &memory);
        provider.force_flush().unwrap();
        let spans = exporter.get_finished_spans().unwrap();
        let mut names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
        names.sort_unstable();
        assert_eq!(names, ["call", "draft", "pipeline"], "before us: {before}");
        let call = spans.iter().find(|span| span.name == "call").unwrap();
        let input =
            call.attributes.iter().find(|attribute| attribute.key.as_str() == "gen_ai.usage.input_tokens");
        assert_eq!(input.map(|attribute| attribute.value.as_str().into_owned()).as_deref(), Some("10"));
        let draft = spans.iter().find(|span| span.name == "draft").unwrap();
        assert_eq!(call.parent_span_id, draft.span_context.span_id());
        assert!(draft.events.iter().any(|event| event.name == "a debug word"), "theirs sees more than ours");
    }
}
