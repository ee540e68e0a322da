//! Running the program beside a history of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder with a run history in it, gone with the test.
pub(crate) struct Place {
    folder: PathBuf,
}

/// The zone of Berlin as a POSIX rule: a name would need a time zone database on the machine.
const TIME_ZONE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

impl Place {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cli-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a folder for the test");
        Self { folder }
    }

    /// A folder with the seeded history.
    pub(crate) fn seeded() -> Self {
        static HISTORY: OnceLock<Vec<u8>> = OnceLock::new();
        let place = Self::empty();
        let history = HISTORY.get_or_init(|| {
            let first = Self::empty();
            crate::seeded::history(&first.db());
            fs::read(first.db()).expect("the history")
        });
        fs::write(place.db(), history).expect("a history");
        place.make_private();
        place
    }

    /// The history with the mode that the program would have given it.
    fn make_private(&self) {
        #[cfg(unix)]
        fs::set_permissions(self.db(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.path("runs.db")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// The program in this folder, with this history and a fixed environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tracing-budget"));
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.env("TZ", TIME_ZONE).env("TRACING_BUDGET_DB", "runs.db");
        // Prices that the user of this machine keeps are not those of the tests.
        command.env("XDG_DATA_HOME", self.path("data")).env("HOME", self.path("home"));
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_STEP_SUMMARY", "TRACING_BUDGET_PRICES"]
        {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().expect("the program runs"), arguments)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Exit code, standard output and standard error.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) data: String,
    pub(crate) talk: String,
    arguments: String,
}

impl Ended {
    pub(crate) fn of(output: Output, arguments: &[&str]) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            data: String::from_utf8(output.stdout).expect("text"),
            talk: String::from_utf8(output.stderr).expect("text"),
            arguments: arguments.join(" "),
        }
    }

    /// The data, of a command that must have ended so.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{} printed\n{}{}", self.arguments, self.data, self.talk);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}
