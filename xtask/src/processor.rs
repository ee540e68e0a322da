//! Processor time of a build: it varies less than seconds on the clock, which depend on cores and on other programs.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::{Outcome, cargo, run};

/// Linux reports times in hundredths of a second to programs, on every machine.
const TICKS: f64 = 100.0;

/// Builds the application of `manifest` into an empty folder, and returns the processor time in seconds.
pub(crate) fn build(manifest: &Path, target: &Path) -> Outcome<f64> {
    // Downloading is not compiling.
    run(cargo(&["fetch", "--quiet", "--manifest-path"]).arg(manifest))?;
    if target.exists() {
        fs::remove_dir_all(target)?;
    }
    let before = of_children()?;
    let mut command = cargo(&["build", "--quiet", "--manifest-path"]);
    command.arg(manifest).env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
    // A developer's flags would be measured too.
    command.env_remove("RUSTFLAGS").env_remove("RUSTC_WRAPPER").stdin(Stdio::null());
    run(&mut command)?;
    let seconds = of_children()? - before;
    fs::remove_dir_all(target)?;
    Ok(seconds)
}

/// User and system time of all ended processes that this one has started.
fn of_children() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")
        .map_err(|error| format!("/proc/self/stat: {error}: processor time is only read on Linux"))?;
    parse(&stat).ok_or_else(|| format!("/proc/self/stat has no times of children: {stat}").into())
}

/// The fields 16 and 17 of `proc_pid_stat(5)`. The second, a program's name, may have spaces and ends with the last `)`.
fn parse(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(13);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_times_of_children_are_added() {
        let stat = "1 (a ) b) S 4 5 6 7 8 9 10 11 12 13 14 15 1600 1750 18 19\n";
        assert_eq!(parse(stat), Some(33.5));
        assert_eq!(parse("1 (a) S 4"), None);
    }
}
