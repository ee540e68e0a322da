//! What is checked, in which order, and how long each step took.

use std::time::Instant;

use crate::{Outcome, architecture, cargo, cold_start, deny, deps, packages, reasons, run, words};

/// One thing that must hold, under the name that the log shows.
pub(crate) struct Step {
    name: &'static str,
    work: Work,
}

enum Work {
    Cargo(&'static [&'static str]),
    /// Cargo with variables of the environment.
    CargoWith(&'static [(&'static str, &'static str)], &'static [&'static str]),
    Inside(fn() -> Outcome),
}

const fn step(name: &'static str, work: Work) -> Step {
    Step { name, work }
}

/// As docs.rs builds it, except that a warning is an error.
const fn docs(package: &'static str) -> [&'static str; 6] {
    ["doc", "--locked", "--no-deps", "--all-features", "--package", package]
}

const DENY_WARNINGS: &[(&str, &str)] = &[("RUSTDOCFLAGS", "-D warnings")];

/// Cheapest first: a formatting slip should be reported before a full build.
pub(crate) const CHECK: &[Step] = &[
    step("lock file is current", Work::Cargo(&["fetch", "--locked"])),
    step("format", Work::Cargo(&["fmt", "--all", "--check"])),
    step(
        // rustfmt leaves an expression as it is where it cannot keep to the width, and is silent about it.
        "line width",
        // The option is not stable, and the variable opens it to the stable toolchain.
        Work::CargoWith(
            &[("RUSTC_BOOTSTRAP", "1")],
            &["fmt", "--all", "--check", "--", "--config", "error_on_line_overflow=true"],
        ),
    ),
    step("words", Work::Inside(words::check)),
    step("reasons", Work::Inside(reasons::check)),
    step("architecture", Work::Inside(architecture::check)),
    step("licences, sources, advisories", Work::Inside(deny::check)),
    step("added crates", Work::Inside(deps::check_crates)),
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
    step("documentation: tracing-budget", Work::CargoWith(DENY_WARNINGS, &docs("tracing-budget"))),
    step("documentation: history", Work::CargoWith(DENY_WARNINGS, &docs("tracing-budget-history"))),
    step("documentation: server", Work::CargoWith(DENY_WARNINGS, &docs("tracing-budget-server"))),
    step("documentation: tui", Work::CargoWith(DENY_WARNINGS, &docs("tracing-budget-tui"))),
    step("documentation: cli", Work::CargoWith(DENY_WARNINGS, &docs("tracing-budget-cli"))),
];

pub(crate) const TEST: &[Step] = &[
    step("build, default features", Work::Cargo(&["build", "--locked"])),
    step(
        "build, no default features",
        Work::Cargo(&["build", "--locked", "-p", "tracing-budget", "--no-default-features"]),
    ),
    // Word for word the README's command.
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
    step("added crates and compile time", Work::Inside(|| deps::check(None))),
    step("example: pipeline, from an empty target folder", Work::Inside(cold_start::measure)),
    step("packages", Work::Inside(packages::verify)),
];

/// Runs every step of every group, also after one has failed: a failure must not hide the next.
pub(crate) fn run_all(groups: &[&[Step]]) -> Outcome {
    let mut taken = Vec::new();
    for step in groups.iter().copied().flatten() {
        println!("\n==> {}", step.name);
        let start = Instant::now();
        let outcome = step.work.run();
        let seconds = start.elapsed().as_secs_f64();
        if let Err(error) = &outcome {
            println!("{error}");
        }
        println!("<== {}: {} in {seconds:.1} s", step.name, verdict(outcome.is_ok()));
        taken.push((step.name, seconds, outcome));
    }
    println!();
    for (name, seconds, outcome) in &taken {
        println!("{:6}  {seconds:8.1} s  {name}", verdict(outcome.is_ok()));
    }
    println!("        {:8.1} s  together", taken.iter().map(|(_, seconds, _)| seconds).sum::<f64>());
    let failed: Vec<_> =
        taken.iter().filter_map(|(name, _, outcome)| Some((*name, outcome.as_ref().err()?))).collect();
    if failed.is_empty() {
        return Ok(());
    }
    // Again, and last: of a long log, the end is what is read first, and sometimes all that is kept.
    for (name, error) in &failed {
        println!("\n{name}: {error}");
    }
    let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
    Err(format!("{} of {} steps failed: {}", failed.len(), taken.len(), names.join(", ")).into())
}

fn verdict(passed: bool) -> &'static str {
    if passed { "ok" } else { "FAILED" }
}

impl Work {
    fn run(&self) -> Outcome {
        match self {
            Work::Cargo(arguments) => run(&mut cargo(arguments)),
            Work::CargoWith(variables, arguments) => run(cargo(arguments).envs(variables.iter().copied())),
            Work::Inside(work) => work(),
        }
    }
}
