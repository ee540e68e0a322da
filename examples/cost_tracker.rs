//! What a lead and its specialists spend, without spans and without a subscriber.
//!
//! ```sh
//! cargo run --example cost_tracker
//! ```

use tracing_budget::{CostTracker, Usd};

fn main() {
    let lead = CostTracker::new("lead", "apprentice", "session-42");
    lead.operation("analysis").cost_usd("0.005").iteration(1).record();

    // Specialists may work at once, each on its own thread.
    std::thread::scope(|threads| {
        for (name, cost) in [("security", "0.02"), ("performance", "0.015")] {
            let specialist = lead.specialist(name);
            threads.spawn(move || specialist.operation("review").cost_usd(cost).meta("files", 12).record());
        }
    });
    lead.operation("synthesis").cost_usd("0.003").iteration(2).record();
    lead.add_value_usd(25);

    let team = lead.team();
    for (agent, row) in team.by_agent.iter() {
        println!("{agent:<12} {:>2} records  ${}", row.calls, row.cost_usd.unwrap_or(Usd::ZERO));
    }
    println!(
        "{:<12} {:>2} records  ${}",
        "together",
        team.record_count,
        team.total_cost_usd.unwrap_or(Usd::ZERO)
    );
    println!("\nThe lead alone, as JSON:\n{}", lead.summary().to_json());
}
