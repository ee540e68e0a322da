//! Peers under the same spans, each as its own documentation sets it up, with its output thrown away.

use std::any::Any;
use std::hint::black_box;
use std::io;
use std::sync::OnceLock;

use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::local::LocalSpan;
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Dispatch;
use tracing_chrome::ChromeLayerBuilder;
use tracing_core::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, registry};

/// A subscriber, and what has to live as long.
pub type Peer = (Dispatch, Box<dyn Any + Send>);

fn alone(layer: impl Layer<Registry> + Send + Sync) -> Peer {
    (registry().with(layer.with_filter(LevelFilter::INFO)).into(), Box::new(()))
}

/// What does not listen to `tracing` at all.
fn silent() -> Peer {
    (Dispatch::none(), Box::new(()))
}

/// Takes batches and drops them.
#[derive(Debug)]
struct Dropping;

impl SpanExporter for Dropping {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        black_box(batch);
        Ok(())
    }
}

/// `tracing-opentelemetry` with the batch processor.
pub fn opentelemetry() -> Peer {
    let provider = SdkTracerProvider::builder().with_batch_exporter(Dropping).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("benches"));
    (alone(layer).0, Box::new(provider))
}

/// `tracing-subscriber`'s own log of closed spans, as JSON.
pub fn json_log() -> Peer {
    use tracing_subscriber::fmt::format::FmtSpan;
    let layer =
        tracing_subscriber::fmt::layer().json().with_span_events(FmtSpan::CLOSE).with_writer(io::sink);
    alone(layer)
}

/// `tracing-timing`, with its default grouping.
pub fn timing() -> Peer {
    let histogram = || tracing_timing::Histogram::new(3).expect("three digits are allowed");
    let layer = tracing_timing::Builder::default().layer(histogram);
    alone(layer)
}

/// `tracing-chrome`, with fields.
pub fn chrome() -> Peer {
    let (layer, guard) = ChromeLayerBuilder::new().writer(io::sink()).include_args(true).build();
    // Its guard cannot change threads; without it the writing thread goes on until the process ends.
    std::mem::forget(guard);
    alone(layer)
}

struct DroppingReporter;

impl Reporter for DroppingReporter {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        black_box(spans);
    }
}

/// Nothing of `tracing`: `fastrace` has spans of its own.
pub fn fastrace() -> Peer {
    fastrace::set_reporter(DroppingReporter, Config::default());
    silent()
}

/// The same life as a local span of `fastrace`: three properties, then two more.
pub fn fastrace_spans(children: u32) {
    let root = fastrace::Span::root("pipeline", SpanContext::random());
    let _root = root.set_local_parent();
    let _stage = LocalSpan::enter_with_local_parent("implementation");
    for _ in 0..children {
        let span = LocalSpan::enter_with_local_parent("chat").with_properties(|| {
            [
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "claude-sonnet-4-5"),
                ("gen_ai.provider.name", "anthropic"),
            ]
        });
        black_box(());
        let usage = [("gen_ai.usage.input_tokens", 3000_u64), ("gen_ai.usage.output_tokens", 987)];
        drop(span.with_properties(|| usage.map(|(name, count)| (name, count.to_string()))));
    }
}

/// Nothing of `tracing`: the macros of `metrics` and a Prometheus recorder.
pub fn metrics() -> Peer {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::set_global_recorder(recorder).expect("there is no other");
    });
    silent()
}

/// What a program would count by hand for the same call: calls, tokens by kind, and the time, by model and provider.
pub fn metrics_calls(children: u32) {
    for _ in 0..children {
        let start = std::time::Instant::now();
        black_box(());
        let (model, provider) = (black_box("claude-sonnet-4-5"), black_box("anthropic"));
        metrics::counter!("calls", "model" => model, "provider" => provider).increment(1);
        metrics::counter!("input_tokens", "model" => model, "provider" => provider).increment(3000);
        metrics::counter!("output_tokens", "model" => model, "provider" => provider).increment(987);
        metrics::histogram!("seconds", "model" => model, "provider" => provider).record(start.elapsed());
    }
}
