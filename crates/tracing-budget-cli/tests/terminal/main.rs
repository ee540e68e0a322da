//! `tracing-budget top` in a pseudo-terminal: its screens while a run of another process continues and ends.
//!
//! Screens are held to the files in `screens/`; `UPDATE_SNAPSHOTS=1` writes them anew.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use tracing_budget::{
    RunSummary, Status,
    summary::{Limits, ModelRow, StageRow, Timestamp},
};
use tracing_budget_history::{Heartbeat, Put, Sqlite, Store};

const AMPLE: Duration = Duration::from_secs(60);
const SIZE: PtySize = PtySize { rows: 18, cols: 100, pixel_width: 0, pixel_height: 0 };

struct Screen {
    parser: vt100::Parser,
    output: Receiver<Vec<u8>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Screen {
    fn of_top(database: &Path) -> Self {
        let pair = native_pty_system().openpty(SIZE).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tracing-budget"));
        command.args(["--db".as_ref(), database.as_os_str()]);
        command.args(["top", "--interval", "0.1"]);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).expect("the command");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let keys = pair.master.take_writer().expect("a writer");
        let (sender, output) = channel();
        thread::spawn(move || {
            // The terminal stays open for as long as it is read.
            let _open = pair;
            let mut bytes = [0; 4_096];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { parser: vt100::Parser::new(SIZE.rows, SIZE.cols, 0), output, keys, child }
    }

    /// The screen as soon as it is as wanted.
    fn when(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + AMPLE;
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("not what was waited for:\n{text}"),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended:\n{text}"),
            }
        }
    }

    /// Waits until the screen is the one that is kept. Where it is kept anew: the one that is as wanted, a moment later.
    fn is_held(&mut self, name: &str, wanted: impl Fn(&str) -> bool) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal/screens").join(name);
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            self.when(wanted);
            // What belongs to the same frame; it goes on drawing, so there is no end to wait for.
            let enough = Instant::now() + Duration::from_secs(1);
            while let Ok(bytes) = self.output.recv_timeout(enough.saturating_duration_since(Instant::now())) {
                self.parser.process(&bytes);
            }
            std::fs::write(&path, self.text()).expect("written");
        }
        let kept = std::fs::read_to_string(&path).expect("a screen that is kept");
        println!("waiting for {}:\n{kept}", path.display());
        self.when(|text| text == kept);
    }

    fn text(&self) -> String {
        let lines = self.parser.screen().rows(0, SIZE.cols);
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("a key");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run of some other process, as its history sink would write it.
fn run(id: &str, seconds: f64, cost: &str, tokens: u64) -> RunSummary {
    let mut run = RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
    "apprentice_pipeline".clone_into(&mut run.pipeline);
    run.duration_seconds = seconds;
    let budget = &mut run.budget_summary;
    budget.total.cost_usd = cost.parse().ok();
    budget.total.tokens_used = Some(tokens);
    budget.total.input_tokens = tokens;
    budget.total.llm_calls = 3;
    budget.limits = Limits { usd: "1.00".parse().ok(), tokens: None };
    let mut stage = StageRow::default();
    (stage.status, stage.calls, stage.duration_seconds) = (Status::Running, 1, seconds);
    stage.figures = budget.total.clone();
    stage.share_of_cost = Some(1.0);
    stage.started_at = Some(run.started_at);
    budget.per_agent.insert("implementation", stage);
    budget.per_agent.insert("review", StageRow::default());
    let mut model = ModelRow::default();
    model.duration_seconds = Some(seconds);
    model.figures = budget.total.clone();
    budget.per_model.insert("anthropic/claude-sonnet-4-5", model);
    budget.by_operation.entry("chat").figures = budget.total.clone();
    budget.settle();
    run
}

fn beat(store: &Sqlite, run: &RunSummary) {
    let heartbeat = Heartbeat { at: Timestamp::from(std::time::SystemTime::now()), every: AMPLE };
    store.put_all(&[Put::new(run).heartbeat(heartbeat)]).expect("stored");
}

fn database(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("runs.db")
}

#[test]
fn a_run_is_followed_to_its_end() {
    let database = database("followed");
    let mut screen = Screen::of_top(&database);
    screen.is_held("waiting.txt", |text| text.contains("no run in flight") && text.contains("quit"));

    let store = Sqlite::open(&database).expect("the history");
    beat(&store, &run("0193c0de", 30.0, "0.25", 12_345));
    screen.is_held("running.txt", |text| text.contains("12,345") && text.contains("25%"));

    beat(&store, &run("0193c0de", 60.0, "1.00", 50_000));
    screen.is_held("exhausted.txt", |text| text.contains("EXHAUSTED"));

    let mut ended = run("0193c0de", 61.0, "1.00", 50_000);
    ended.status = Status::Completed;
    ended.completed_at = "2026-04-19T09:13:04Z".parse().ok();
    store.put(&ended).expect("stored");
    screen.is_held("ended.txt", |text| text.contains("no run in flight") && text.contains("session $1.00"));

    screen.press("r");
    screen.when(|text| text.contains("session $0 "));
    screen.press("q");
    let status = screen.child.wait().expect("an end");
    assert!(status.success(), "{status:?}");
}

#[test]
fn several_runs_are_paged_through() {
    let database = database("several");
    let store = Sqlite::open(&database).expect("the history");
    let mut second = run("0193c0df", 5.0, "0.50", 2);
    "second_pipeline".clone_into(&mut second.pipeline);
    second.started_at = "2026-04-19T09:13:03Z".parse().expect("a time");
    beat(&store, &run("0193c0de", 5.0, "0.25", 1));
    beat(&store, &second);

    let mut screen = Screen::of_top(&database);
    let newest = ["2 of 2", "second_pipeline", "session $0.7500"];
    screen.when(|text| newest.iter().all(|part| text.contains(part)));
    screen.press("\t");
    screen.when(|text| text.contains("1 of 2") && text.contains("apprentice_pipeline"));
    // Ctrl-C, which the terminal hands over as a key.
    screen.press("\x03");
    assert!(screen.child.wait().expect("an end").success());
}

#[test]
fn without_a_terminal_the_message_names_an_alternative() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tracing-budget"))
        .arg("top")
        .output()
        .expect("the command");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("runs list --status running"), "{message}");
}

/// What a command writes on a terminal of 80 columns.
fn on_80_columns(folder: &Path, arguments: &[&str]) -> String {
    let pair = native_pty_system().openpty(PtySize { cols: 80, ..SIZE }).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tracing-budget"));
    command.cwd(folder);
    command.env("NO_COLOR", "1");
    command.args(arguments);
    let mut child = pair.slave.spawn_command(command).expect("the command");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let mut text = Vec::new();
    // A terminal that is closed is an error on Linux, and all was read.
    let _ = reader.read_to_end(&mut text);
    child.wait().expect("it ends");
    String::from_utf8_lossy(&text).replace('\r', "")
}

#[test]
fn prices_fit_into_80_columns_with_a_name_of_100_characters() {
    let folder = database("prices").with_file_name("");
    let name = format!("{}-1", "model".repeat(20)).split_off(2);
    assert_eq!(name.len(), 100);
    let prices = format!(
        "[[price]]\nmodel = \"{name}\"\ninput = 1.2345\noutput = 2\ncache_write_1h = 3\n\
         [[price]]\nmodel = \"{name}\"\ntier = \"batch\"\ninput = 0.123456\noutput = 1\n"
    );
    std::fs::write(folder.join("prices.toml"), prices).expect("written");
    for arguments in [
        &["prices", "list", "modelmodel"][..],
        &["prices", "find", &name],
        &["prices", "calc", &name, "--input", "1"],
        &["prices", "list", "claude-sonnet-4-5"],
        &["prices", "find", "claude-sonnet-4-5"],
        &["prices", "find", "gpt-5", "--provider", "openai"],
    ] {
        let with = if arguments[2].starts_with("gpt") { &[][..] } else { &["--with", "prices.toml"] };
        let text = on_80_columns(&folder, &[arguments, with].concat());
        let table = text.lines().filter(|line| !line.contains("priced as") && !line.contains(" · "));
        for line in table {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}\n{text}");
        }
        let words: String = text.split_whitespace().collect();
        assert!(words.contains("$"), "{arguments:?}: {text}");
        if arguments[2] == name {
            assert!(words.contains(&name[..40]), "{arguments:?}: {text}");
        }
    }
}
