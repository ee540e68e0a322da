//! What is checked, in which order, and how long each step took.

use std::time::Instant;

use crate::{Outcome, architecture, cargo, cold_start, deps, leaks, run};

/// One thing that must hold, under the name that the log shows.
pub(crate) struct Step {
    name: &'static str,
    work: Work,
}

enum Work {
    Cargo(&'static [&'static str]),
    CargoDoc(&'static [&'static str]),
    Inside(fn() -> Outcome),
}

const fn step(name: &'static str, work: Work) -> Step {
    Step { name, work }
}

/// Checks the library with one feature and nothing else.
const fn alone(feature: &'static str) -> [&'static str; 8] {
    ["check", "--locked", "-p", "tracing-budget", "--lib", "--no-default-features", "--features", feature]
}

/// Cheapest first: a formatting slip should not cost anybody a full build.
pub(crate) const CHECK: &[Step] = &[
    step("lock file is current", Work::Cargo(&["fetch", "--locked"])),
    step("format", Work::Cargo(&["fmt", "--all", "--check"])),
    step("no names of this machine", Work::Inside(leaks::check)),
    step("architecture", Work::Inside(architecture::check)),
    step("dependencies", Work::Inside(deps::check)),
    step(
        "clippy, whole workspace",
        Work::Cargo(&[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]),
    ),
    step(
        "clippy, no default features",
        Work::Cargo(&[
            "clippy",
            "--locked",
            "-p",
            "tracing-budget",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ]),
    ),
    step("documentation", Work::CargoDoc(&["doc", "--locked", "--no-deps", "--all-features"])),
    step("history alone", Work::Cargo(&alone("history"))),
    step("journal alone", Work::Cargo(&alone("journal"))),
    step("server alone", Work::Cargo(&alone("server"))),
    step("tui alone", Work::Cargo(&alone("tui"))),
    step("mcp alone", Work::Cargo(&alone("mcp"))),
];

pub(crate) const TEST: &[Step] = &[
    step("build, default features", Work::Cargo(&["build", "--locked"])),
    step(
        "build, no default features",
        Work::Cargo(&["build", "--locked", "-p", "tracing-budget", "--no-default-features"]),
    ),
    // Word for word what the README tells a reader to run.
    step("test", Work::Cargo(&["test", "--all-features"])),
    step(
        "test, no default features",
        Work::Cargo(&[
            "test",
            "--locked",
            "-p",
            "tracing-budget",
            "--no-default-features",
            "--lib",
            "--tests",
        ]),
    ),
    step(
        "test, other members",
        // Those that are no default members: the command above has run the others.
        Work::Cargo(&[
            "test",
            "--locked",
            "--all-features",
            "-p",
            "budget-benches",
            "-p",
            "tracing-budget-browser-tests",
            "-p",
            "tracing-budget-terminal-tests",
            "-p",
            "xtask",
        ]),
    ),
    step("example: rig_agent", Work::Cargo(&["run", "--locked", "-p", "rig_agent"])),
];

pub(crate) const RELEASE: &[Step] = &[
    // Only ours: the peers' figures are in docs/performance.md, and a regression is one of ours.
    step(
        "instructions of a span",
        Work::Cargo(&[
            "run",
            "--locked",
            "--release",
            "-p",
            "budget-benches",
            "--no-default-features",
            "--bin",
            "count",
            "--",
            "--check",
            "--strict",
        ]),
    ),
    step("example: pipeline, from an empty target folder", Work::Inside(cold_start::measure)),
    // Builds from what would be published, so a file that `include` forgets fails here and not at a user's.
    step("package", Work::Cargo(&["package", "--locked", "--allow-dirty", "-p", "tracing-budget"])),
];

/// Runs every step of every group, stopping at the first that fails.
pub(crate) fn run_all(groups: &[&[Step]]) -> Outcome {
    let mut taken = Vec::new();
    for step in groups.iter().copied().flatten() {
        println!("\n==> {}", step.name);
        let start = Instant::now();
        let outcome = step.work.run();
        let seconds = start.elapsed().as_secs_f64();
        println!("<== {}: {} in {seconds:.1} s", step.name, if outcome.is_ok() { "ok" } else { "FAILED" });
        outcome.map_err(|error| format!("step \"{}\" failed: {error}", step.name))?;
        taken.push((step.name, seconds));
    }
    println!("\nall {} steps passed", taken.len());
    for (name, seconds) in &taken {
        println!("{seconds:8.1} s  {name}");
    }
    println!("{:8.1} s  together", taken.iter().map(|(_, seconds)| seconds).sum::<f64>());
    Ok(())
}

impl Work {
    fn run(&self) -> Outcome {
        match self {
            Work::Cargo(arguments) => run(&mut cargo(arguments)),
            Work::CargoDoc(arguments) => run(cargo(arguments).env("RUSTDOCFLAGS", "-D warnings")),
            Work::Inside(work) => work(),
        }
    }
}
