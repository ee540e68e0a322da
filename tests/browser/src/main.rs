//! Serves the dashboard with sample runs: `cargo run -p tracing-budget-browser-tests`.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing_budget_browser_tests::{failed, going_on, month};
use tracing_budget_history::{Heartbeat, Put, Sqlite, Store};
use tracing_budget_server::{ServeOptions, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(ServeOptions::PORT), |port| port.parse())?;
    let directory = std::env::temp_dir().join(format!("tracing-budget-samples-{}", std::process::id()));
    let store = Sqlite::open(directory.join("runs.db"))?;
    let now = SystemTime::now().into();
    for sample in month(now) {
        store.put(&sample.run)?;
    }
    store.put(&failed(now))?;
    let heartbeat = Heartbeat { at: now, every: Duration::from_secs(3_600) };
    store.put_all(&[Put::new(&going_on(now, 1)).heartbeat(heartbeat)])?;
    let server = Server::bind(&ServeOptions::new().address(([127, 0, 0, 1], port)), Arc::new(store))?;
    println!("http://{}", server.address());
    let outcome = server.run();
    std::fs::remove_dir_all(&directory)?;
    Ok(outcome?)
}
