//! What depending on this crate brings into a user's build, and under which licences.

use std::fs;
use std::path::{Path, PathBuf};

use crate::crates::{Crates, duplicates, resolve};
use crate::licence::{Place, objection};
use crate::{Outcome, root};

/// An application that already traces must not notice the build getting longer; 40 is the promise of the README.
const ADDED_CRATES_BELOW: usize = 40;

pub(crate) fn check() -> Outcome {
    let own = resolve(&["--locked", "--package", "tracing-budget", "--edges", "normal,build"])?;
    let before = application("before", false)?;
    let after = application("after", true)?;
    let workspace = resolve(&[
        "--locked",
        "--workspace",
        "--all-features",
        "--target",
        "all",
        "--edges",
        "normal,build,dev",
    ])?;

    let mut failures = Vec::new();
    let added: Crates = after
        .iter()
        .filter(|(one, _)| !before.contains_key(one) && one.name != "tracing-budget")
        .map(|(one, licence)| (one.clone(), licence.clone()))
        .collect();
    println!(
        "default build: {} crates added to an application with tracing and tracing-subscriber, which has {}",
        added.len(),
        before.len()
    );
    for (one, licence) in &added {
        println!("  {} {}  ({licence})", one.name, one.version);
    }
    if added.is_empty() {
        failures.push("the default build seems to add no crate at all: the count cannot be right".to_owned());
    }
    if added.len() >= ADDED_CRATES_BELOW {
        failures.push(format!(
            "the default build adds {} crates, expected fewer than {ADDED_CRATES_BELOW}",
            added.len()
        ));
    }
    println!("duplicates: {} crates in the default build alone", own.len());
    for (name, versions) in duplicates(&own) {
        failures.push(format!("the default build has {name} in versions {}", versions.join(" and ")));
    }
    // Not ours to decide: tracing's macros and serde's may lean on different versions of one crate.
    for (name, versions) in duplicates(&after) {
        println!(
            "  beside tracing's default features, an application compiles {name} {}",
            versions.join(" and ")
        );
    }

    println!("licences: {} crates in that application, {} in the workspace", after.len(), workspace.len());
    for (place, crates) in [(Place::Library, &after), (Place::Workspace, &workspace)] {
        let build = match place {
            Place::Library => "the default build",
            Place::Workspace => "the workspace",
        };
        for (one, licence) in crates {
            if let Some(objection) = objection(licence, place) {
                failures.push(format!("{} {} in {build}: {objection}", one.name, one.version));
            }
        }
    }

    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// The crates that an application compiles, with this crate or without.
fn application(name: &str, with_budget: bool) -> Outcome<Crates> {
    let manifest = write_application(&root().join("target/xtask/deps").join(name), with_budget)?;
    let manifest = manifest.to_str().ok_or("the path of the target folder is not text")?;
    let mut crates = resolve(&["--manifest-path", manifest, "--edges", "normal,build"])?;
    crates.retain(|one, _| one.name != "application");
    Ok(crates)
}

fn write_application(folder: &Path, with_budget: bool) -> Outcome<PathBuf> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
    // The same versions as the workspace, so that the answer changes with our lock file and not with the day.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut manifest = String::from(
        "[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2024\"\nlicense = \"MIT\"\n\n\
         [workspace]\n\n[dependencies]\ntracing = \"0.1\"\ntracing-subscriber = \"0.3\"\n",
    );
    if with_budget {
        manifest.push_str("tracing-budget = { path = \"../../../..\" }\n");
    }
    let path = folder.join("Cargo.toml");
    fs::write(&path, manifest)?;
    Ok(path)
}
