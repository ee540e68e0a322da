//! What this library adds to an application: crates and compile time.

use std::path::{Path, PathBuf};

use crate::application::Application;
use crate::crates::{Crates, duplicates, resolve};
use crate::{Outcome, revision, root};

/// Each crate is one more to download, to compile and to trust. The version before the split adds 34.
const CRATES: usize = 24;
/// The goal: a part of the processor time that the version before the split adds, in the same run. It is missed, and
/// `--before` reports it. Most of what is left is the regex stack, which `genai-prices` needs in full, and our own crate with the
/// journal, which was a feature before.
const OF_BEFORE: f64 = 0.7;
/// The guard: a part of the processor time of the application without the library. A clone without history can check it, and
/// it is much the same on every machine; seconds are not. Measured on a busy machine: 3.0; 2.5 before replies were read by 26 shapes and
/// names of models had rules, and 1.9 before calls were kept one by one. All that was added is this crate's own code.
const OF_APPLICATION: f64 = 3.3;
/// Other programs only ever add time, so in a comparison the smaller of two builds is nearer to the truth.
const BUILDS_TO_COMPARE: usize = 2;

/// What one version adds to an application.
pub(crate) struct Weight {
    pub(crate) crates: Crates,
    /// Processor time.
    pub(crate) seconds: f64,
    /// Of the application alone.
    pub(crate) application: f64,
}

/// Prints and checks both figures, and compares them with an earlier version if one is named.
pub(crate) fn check(before: Option<&str>) -> Outcome {
    let mut faults = count()?;
    let builds = if before.is_some() { BUILDS_TO_COMPARE } else { 1 };
    let mut versions = vec![("now", root().to_owned())];
    if let Some(before) = before {
        versions.push((before, revision::unpack(before)?));
    }
    let weights = weigh(&versions, builds)?;
    let now = &weights[0];
    faults.extend(share("of the application's own", now, now.application, OF_APPLICATION));
    for ((before, _), old) in versions.iter().zip(&weights).skip(1) {
        println!("{before} adds {} crates and {:.1} s", old.crates.len(), old.seconds);
        faults.extend(share(&format!("of what {before} adds"), now, old.seconds, OF_BEFORE));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// Checks the crates alone, which takes a second and not minutes.
pub(crate) fn check_crates() -> Outcome {
    let faults = count()?;
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

fn count() -> Outcome<Vec<String>> {
    let mut faults = Vec::new();
    let own = resolve(&["--locked", "--package", "tracing-budget", "--edges", "normal,build"])?;
    for (name, versions) in duplicates(&own) {
        faults.push(format!("the default build has {name} in versions {}", versions.join(" and ")));
    }
    let (_, _, added) = applications("now", root())?;
    for one in &added {
        println!("  {} {}", one.name, one.version);
    }
    println!("crates added to an application: {}, at most {CRATES}", added.len());
    if added.is_empty() || added.len() > CRATES {
        faults.push(format!("the default build adds {} crates, expected 1 to {CRATES}", added.len()));
    }
    Ok(faults)
}

/// An application without the library, one with it, and the crates that the second has more.
fn applications(name: &str, library: &Path) -> Outcome<(Application, Application, Crates)> {
    let without = Application::write(&format!("{name}-without"), library, false)?;
    let with = Application::write(&format!("{name}-with"), library, true)?;
    let (mut crates, base) = (with.crates()?, without.crates()?);
    crates.retain(|one| !base.contains(one) && one.name != "tracing-budget");
    Ok((without, with, crates))
}

/// Weighs versions of this repository, each with its name and its folder. Builds take turns, so that a machine that gets
/// busier is no disadvantage of the last version; the best of `rounds` counts.
pub(crate) fn weigh(versions: &[(&str, PathBuf)], rounds: usize) -> Outcome<Vec<Weight>> {
    let mut found = Vec::new();
    for (name, library) in versions {
        let (without, with, crates) = applications(name, library)?;
        let weight = Weight { crates, seconds: 0.0, application: f64::INFINITY };
        found.push((without, with, weight, f64::INFINITY));
    }
    for _ in 0..rounds {
        for (without, with, weight, together) in &mut found {
            weight.application = weight.application.min(without.build()?);
            *together = together.min(with.build()?);
            weight.seconds = *together - weight.application;
        }
    }
    Ok(found.into_iter().map(|(_, _, weight, _)| weight).collect())
}

/// Prints the added time as a share, and returns a fault if the share is too large.
fn share(of: &str, now: &Weight, whole: f64, at_most: f64) -> Option<String> {
    let share = now.seconds / whole;
    let line = format!(
        "processor time added: {:.1} s, {:.0} % {of} {whole:.1} s, at most {:.0} %",
        now.seconds,
        share * 100.0,
        at_most * 100.0
    );
    println!("{line}");
    // Not `share > at_most`: a build that took no time has no share, and was not measured.
    (!(share > 0.0 && share <= at_most)).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::{Weight, share};

    #[test]
    fn a_share_above_the_bar_or_without_a_measurement_is_a_fault() {
        let now = |seconds| Weight { crates: Default::default(), seconds, application: 10.0 };
        assert!(share("of it", &now(7.0), 10.0, 0.7).is_none());
        assert!(share("of it", &now(7.1), 10.0, 0.7).is_some());
        assert!(share("of it", &now(0.0), 0.0, 0.7).is_some());
    }
}
