//! How long a first user waits: the `pipeline` example from an empty target folder.

use std::fs;
use std::thread::available_parallelism;
use std::time::Instant;

use crate::{Outcome, cargo, root, run};

/// What the README promises on two cores. Only a warning: a busy machine is no defect of the crate.
const PROMISED_SECONDS: f64 = 60.0;

pub(crate) fn measure() -> Outcome {
    let target = root().join("target/xtask/cold-start");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    // Downloading is not compiling.
    run(&mut cargo(&["fetch", "--locked"]))?;
    let start = Instant::now();
    run(cargo(&["build", "--locked", "--example", "pipeline"]).env("CARGO_TARGET_DIR", &target))?;
    let seconds = start.elapsed().as_secs_f64();
    let cores = available_parallelism()?;
    println!("compiled from an empty target folder in {seconds:.1} s on {cores} cores");
    if seconds >= PROMISED_SECONDS {
        println!("warning: that is over the {PROMISED_SECONDS:.0} s promised for two cores");
    }
    let outcome = run(cargo(&["run", "--locked", "--example", "pipeline"]).env("CARGO_TARGET_DIR", &target));
    fs::remove_dir_all(&target)?;
    outcome
}
