//! The developer's day in one command: `cargo xtask <task>`. Continuous integration runs the same tasks.

mod application;
mod architecture;
mod bench;
mod circles;
mod close_path;
mod cold_start;
mod crates;
mod deny;
mod deps;
mod house;
mod imports;
mod largest_type;
mod lines;
mod packages;
mod prices;
mod processor;
mod reasons;
mod revision;
mod sources;
mod steps;
mod surface;
mod tee;
mod tokens;
mod words;

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};

/// What a task ends with; the error is printed as it is.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str = "\
usage: cargo xtask <task>

  check         formatting, words, reasons, architecture, dependencies, lints, documentation
  test          every test and every example
  ci            check, test, instructions of a span, compile times, the packages as they would be published
  bench         [count|start|memory|threads|time ...] measures, and writes the tables of docs/performance.md
  fmt           format the sources
  architecture  whether crates, rooms and files depend on each other in one direction
  words         words of the sources and pages that style forbids
  reasons       comment lines with reasons per 100 lines of code
  house         [--before REV] size and shape of the sources, then and now
  deny          licences, sources and advisories of dependencies
  prices        compares the prices with two other tables, and writes docs/price-check.md
  packages      whether the crates build as they would be published
  deps          [--before REV] crates and compile time added to an application";

fn main() -> ExitCode {
    let tasks: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match tasks.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["check"] => steps::run_all(&[steps::CHECK]),
        ["test"] => steps::run_all(&[steps::TEST]),
        ["ci"] => steps::run_all(&[steps::CHECK, steps::TEST, steps::RELEASE]),
        ["bench", parts @ ..] => bench::run(parts),
        ["fmt"] => run(&mut cargo(&["fmt", "--all"])),
        ["architecture"] => architecture::check(),
        ["packages"] => packages::verify(),
        ["deny"] => deny::check(),
        ["prices"] => prices::check(),
        ["deps"] => deps::check(None),
        ["deps", "--before"] => deps::check(Some(revision::BEFORE_THE_SPLIT)),
        ["deps", "--before", before] => deps::check(Some(before)),
        ["house"] => house::print(revision::BEFORE_THE_SPLIT),
        ["house", "--before", before] => house::print(before),
        ["words"] => words::check(),
        ["reasons"] => reasons::check(),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root, wherever the task was called from.
fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The cargo that runs this task, so that a toolchain chosen on the command line holds for every step.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

fn run(command: &mut Command) -> Outcome {
    let (status, reasons) = tee::run(command)?;
    if status.success() {
        return Ok(());
    }
    let mut failure = format!("{} ended with {status}", command_line(command));
    for reason in reasons {
        failure.push_str("\n  ");
        failure.push_str(&reason);
    }
    Err(failure.into())
}

fn read(command: &mut Command) -> Outcome<String> {
    let output = command.output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ended with {}\n{reason}", command_line(command), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut line = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
