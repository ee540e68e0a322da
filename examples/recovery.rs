//! A process is killed in the middle of its work; what it had spent comes back.
//!
//! `cargo run --features journal --example recovery`
//!
//! The program starts itself a second time, as the process that is killed.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tracing::{info_span, instrument};
use tracing_budget::sink::Memory;
use tracing_budget::{
    Usage, call, gate,
    journal::{JournalBound, recover},
};
use tracing_subscriber::prelude::*;

const JOURNAL: &str = "target/journal";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if env::args().nth(1).as_deref() == Some("--work") {
        return work();
    }
    let mut worker = Command::new(env::current_exe()?).arg("--work").stdout(Stdio::piped()).spawn()?;
    let output = worker.stdout.take().ok_or("the worker has no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("worker: {line}");
        if line.starts_with("implementation") {
            break;
        }
    }
    worker.kill()?;
    println!("worker: {}\n", worker.wait()?);

    // By hand: look, and leave everything where it is.
    let found = recover(JOURNAL)?;
    println!("{} runs in {} journals of dead processes\n", found.runs().count(), found.journals().len());
    drop(found);

    // Or by the next layer with the same journal: its sinks get the runs, and then the dead process's file is removed.
    let memory = Memory::new();
    let (_budget, guard) = tracing_budget::layer()
        .journal(JOURNAL)
        .sink(memory.clone())
        .build::<tracing_subscriber::Registry>()?;
    guard.flush()?;
    for run in memory.take() {
        run.check()?;
        println!("{run}");
    }
    drop(guard);
    println!("journals left: {}", Path::new(JOURNAL).read_dir()?.count());
    Ok(())
}

/// What the process that is killed does. `EveryRecord`, as it is killed right after its second call.
fn work() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, _guard) = tracing_budget::layer()
        .project("apprentice")
        .stages(["discovery", "implementation", "review"])
        .journal(JOURNAL)
        .journal_bound(JournalBound::EveryRecord)
        .build()?;
    tracing_subscriber::registry().with(budget).init();
    pipeline();
    Ok(())
}

#[instrument]
fn pipeline() {
    info_span!("discovery").in_scope(|| {
        chat(12_400, 3_987);
        gate("lint").pass();
    });
    println!("discovery is done");
    info_span!("implementation").in_scope(|| {
        chat(21_000, 1_800);
        println!("implementation goes on for an hour");
        std::thread::sleep(std::time::Duration::from_secs(3_600));
    });
}

fn chat(input: u64, output: u64) {
    call("claude-sonnet-4-5").provider("anthropic").start().usage(Usage::new().input(input).output(output));
}
