use tracing::instrument;
use tracing_budget_history::HistorySink;
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, guard) = tracing_budget::layer().sink(HistorySink::open_default()?).build()?;
    tracing_subscriber::registry().with(budget).init();
    pipeline(); // #[instrument] on it and on its stages
    guard.flush()?;
    Ok(())
}
