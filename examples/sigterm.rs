//! A service that SIGTERM ends in the middle of three requests, and that loses nothing. `tests/shutdown.rs` sends the signal and
//! reads what is left.
//!
//! ```text
//! cargo run --example sigterm -- target/sigterm &
//! kill %1 && ls target/sigterm
//! ```

use std::error::Error;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span, instrument};
use tracing_budget::sink::Delivery;
use tracing_budget::{Usage, call};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "target/sigterm".to_owned());
    // Less than the supervisor's patience: Docker kills after 10 s, Kubernetes after 30 s, systemd after 90 s.
    let delivery = Delivery::new().close_timeout(Duration::from_secs(5));
    let (budget, guard) = tracing_budget::layer().json_dir(&directory).delivery(delivery).build()?;
    tracing_subscriber::registry().with(budget).init();

    // Installed before the first request: until then SIGTERM ends the process at once.
    let stopped = stopped()?;
    let (ready, mut are_ready) = tokio::sync::mpsc::channel(3);
    for request in 1..=3 {
        tokio::spawn(answer(request, ready.clone()));
    }
    for _ in 1..=3 {
        are_ready.recv().await;
    }
    println!("three requests wait for their models");
    stopped.await;

    // The requests are still there, with their spans open: their runs end as `incomplete`. `exit` drops nothing, and the tasks
    // of the runtime would hold it up otherwise. 143 is how a shell shows an end by SIGTERM.
    let status = match guard.handle().shutdown() {
        Ok(()) => 143,
        Err(lost) => {
            eprintln!("not every run is kept: {lost}");
            1
        }
    };
    std::process::exit(status)
}

#[instrument(skip(ready))]
async fn answer(request: u64, ready: tokio::sync::mpsc::Sender<()>) {
    info_span!("search").in_scope(|| {
        for _ in 0..request {
            call("gpt-5-mini").provider("openai").start().usage(Usage::new().input(100).output(10));
        }
    });
    // A stream that has reported what it used so far, and goes on.
    let chat = info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
    );
    let stream = async {
        Span::current().record("gen_ai.usage.input_tokens", 3_000).record("gen_ai.usage.output_tokens", 120);
        let _ = ready.send(()).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
    };
    stream.instrument(chat).await;
}

/// Waits for SIGTERM or Ctrl-C; Windows has the latter alone.
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}
