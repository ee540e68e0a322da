//! What this library adds to an application: crates and compile time.

use std::path::Path;

use crate::application::Application;
use crate::crates::{Crates, duplicates, resolve};
use crate::{Outcome, revision, root};

/// Each crate is one more to download, to compile and to trust. The version before the split adds 34.
const CRATES: usize = 24;
/// Of the processor time that the version before the split adds, in the same run.
const OF_BEFORE: f64 = 0.7;
/// Of the processor time of the application without the library: 70 % of the 2.0 that the version before the split adds.
/// A clone without history can check it, and it is much the same on every machine. Seconds are not.
const OF_APPLICATION: f64 = 1.4;
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

pub(crate) fn check(before: Option<&str>) -> Outcome {
    let mut faults = Vec::new();
    let builds = if before.is_some() { BUILDS_TO_COMPARE } else { 1 };
    let own = resolve(&["--locked", "--package", "tracing-budget", "--edges", "normal,build"])?;
    for (name, versions) in duplicates(&own) {
        faults.push(format!("the default build has {name} in versions {}", versions.join(" and ")));
    }
    let now = weigh("now", root(), builds)?;
    for one in &now.crates {
        println!("  {} {}", one.name, one.version);
    }
    println!("crates added to an application: {}, at most {CRATES}", now.crates.len());
    if now.crates.is_empty() || now.crates.len() > CRATES {
        faults.push(format!("the default build adds {} crates, expected 1 to {CRATES}", now.crates.len()));
    }
    faults.extend(share("of the application's own", &now, now.application, OF_APPLICATION));
    if let Some(before) = before {
        let old = weigh(before, &revision::unpack(before)?, builds)?;
        println!("{before} adds {} crates and {:.1} s", old.crates.len(), old.seconds);
        faults.extend(share(&format!("of what {before} adds"), &now, old.seconds, OF_BEFORE));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// Weighs the version in `library`, with the best of `builds` builds.
pub(crate) fn weigh(name: &str, library: &Path, builds: usize) -> Outcome<Weight> {
    let without = Application::write(&format!("{name}-without"), library, false)?;
    let with = Application::write(&format!("{name}-with"), library, true)?;
    let (mut crates, base) = (with.crates()?, without.crates()?);
    crates.retain(|one| !base.contains(one) && one.name != "tracing-budget");
    let (mut application, mut together) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..builds {
        application = application.min(without.build()?);
        together = together.min(with.build()?);
    }
    Ok(Weight { crates, seconds: together - application, application })
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
