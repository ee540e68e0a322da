//! An application that traces, with this library and without: what it gains is what the library weighs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::crates::{Crates, resolve};
use crate::{Outcome, cargo, processor, root, run};

pub(crate) struct Application {
    name: String,
    manifest: PathBuf,
}

impl Application {
    /// Writes an application beside `library`, the folder of a version of this repository. Its dependencies have the
    /// versions of that lock file: the figures change with our commits and not with the day.
    pub(crate) fn write(name: &str, library: &Path, with_library: bool) -> Outcome<Self> {
        let folder = root().join("target/xtask/applications").join(name);
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
        fs::copy(library.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let mut manifest = String::from(
            "[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\ntracing = \"0.1\"\n\
             tracing-subscriber = \"0.3\"\n",
        );
        if with_library {
            manifest.push_str(&format!("tracing-budget = {{ path = {library:?} }}\n"));
        }
        let path = folder.join("Cargo.toml");
        fs::write(&path, manifest)?;
        Ok(Self { name: name.to_owned(), manifest: path })
    }

    /// The crates it compiles, without itself.
    pub(crate) fn crates(&self) -> Outcome<Crates> {
        let manifest = self.manifest.to_str().ok_or("the path of the target folder is not text")?;
        let mut crates = resolve(&["--manifest-path", manifest, "--edges", "normal,build"])?;
        crates.retain(|one| one.name != "application");
        Ok(crates)
    }

    /// Builds this program, optimised and with the lines of its sources, and returns where it is.
    pub(crate) fn build_program(&self, program: &str) -> Outcome<PathBuf> {
        fs::write(self.manifest.with_file_name("src").join("main.rs"), program)?;
        let target = root().join("target/xtask/applications/target").join(&self.name);
        let mut command = cargo(&["build", "--quiet", "--release", "--manifest-path"]);
        command.arg(&self.manifest).env("CARGO_TARGET_DIR", &target);
        command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only").env_remove("RUSTFLAGS");
        run(command.stdin(Stdio::null()))?;
        Ok(target.join("release/application"))
    }

    /// Seconds of processor time from an empty target folder.
    pub(crate) fn build(&self) -> Outcome<f64> {
        processor::build(&self.manifest, &root().join("target/xtask/applications/target").join(&self.name))
    }
}
