//! Files of sinks are whole, inside their directory, and never overwrite another.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;

use proptest::prelude::*;
use serde_json::json;
use tracing_budget::RunSummary;
use tracing_budget::sink::{JsonDir, JsonLines, OpenError, Sink};

fn run(id: &str, pipeline: &str) -> RunSummary {
    serde_json::from_value(json!({
        "schema_version": 1, "run_id": id, "pipeline": pipeline, "status": "completed",
        "started_at": "2026-04-19T09:12:03.120Z",
    }))
    .unwrap()
}

/// A path of this test alone, without a file.
fn fresh() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("json_files-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    path
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(path: &Path) -> RunSummary {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A command that runs one of the ignored tests below in a process of its own, on a path.
fn in_a_process(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env("JSON_FILES_PATH", path)
        .stdout(Stdio::null());
    command
}

#[test]
fn a_run_is_one_file_named_after_it() {
    let directory = fresh().join("made/on/the/way");
    let mut files = JsonDir::new(&directory).unwrap();
    let of_the_user = files.clone();
    assert_eq!(of_the_user.last_path(), None);
    let run = run("0193a5e2", "p");
    assert_eq!(of_the_user.path_for(&run), None);
    files.run_finished(&run).unwrap();
    let path = directory.join("0193a5e2.json");
    assert_eq!(names(&directory), ["0193a5e2.json"]);
    assert_eq!(read(&path), run);
    assert_eq!(of_the_user.last_path(), Some(path.clone()));
    assert_eq!(of_the_user.path_for(&run), Some(path));
}

#[test]
fn an_unwritable_directory_is_an_error_of_new() {
    let file = fresh();
    fs::write(&file, "in the way").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = JsonDir::new(&path).unwrap_err();
        assert!(
            matches!(&error, OpenError::CreateDirectory { path: named, .. } if *named == path),
            "{error:?}"
        );
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert!(matches!(JsonLines::new(file.join("x.jsonl")), Err(OpenError::CreateDirectory { .. })));
    assert!(matches!(JsonLines::new(file.parent().unwrap()), Err(OpenError::AppendFile { .. })));
    assert!(JsonDir::new("").is_err());
    // A directory that exists and takes no file, not even from root.
    if cfg!(target_os = "linux") {
        let error = JsonDir::new("/proc/self").unwrap_err();
        assert!(matches!(error, OpenError::WriteDirectory { .. }), "{error:?}");
    }
}

#[test]
fn opening_leaves_nothing_behind() {
    let directory = fresh();
    JsonDir::new(&directory).unwrap();
    assert!(names(&directory).is_empty());
}

#[test]
fn a_removed_directory_is_created_again() {
    let directory = fresh();
    let mut files = JsonDir::new(&directory).unwrap();
    let mut lines = JsonLines::new(directory.join("lines/runs.jsonl")).unwrap();
    fs::remove_dir_all(&directory).unwrap();
    files.run_finished(&run("a", "p")).unwrap();
    lines.run_finished(&run("a", "p")).unwrap();
    assert_eq!(names(&directory), ["a.json", "lines"]);
    assert_eq!(names(&directory.join("lines")), ["runs.jsonl"]);
}

#[test]
fn a_file_is_never_overwritten() {
    let directory = fresh();
    let mut files = JsonDir::new(&directory).unwrap();
    fs::write(directory.join("same.json"), "notes of a user").unwrap();
    let (one, other) = (run("same", "one"), run("same", "other"));
    files.run_finished(&one).unwrap();
    files.run_finished(&other).unwrap();
    // A run that is given again, as after a failure, is already in the directory.
    files.run_finished(&one).unwrap();
    assert_eq!(names(&directory), ["same-2.json", "same-3.json", "same.json"]);
    assert_eq!(fs::read_to_string(directory.join("same.json")).unwrap(), "notes of a user");
    assert_eq!(files.path_for(&one), Some(directory.join("same-2.json")));
    assert_eq!(files.path_for(&other), Some(directory.join("same-3.json")));
    assert_eq!(files.last_path(), Some(directory.join("same-2.json")));
}

#[test]
fn processes_that_share_an_id_do_not_share_a_file() {
    let directory = fresh();
    let processes: Vec<_> = (0..4)
        .map(|_| in_a_process("child_writes_fifty_runs_of_one_id", &directory).spawn().unwrap())
        .collect();
    let mut expected = HashSet::new();
    for mut process in processes {
        expected.extend((0..50).map(|n| format!("{} {n}", process.id())));
        assert!(process.wait().unwrap().success());
    }
    let names = names(&directory);
    let found: HashSet<_> = names.iter().map(|name| read(&directory.join(name)).pipeline).collect();
    assert_eq!(found, expected);
    assert_eq!(names.len(), 200, "each run has one file");
}

#[test]
#[ignore = "a part of another test"]
fn child_writes_fifty_runs_of_one_id() {
    let Some(directory) = std::env::var_os("JSON_FILES_PATH") else { return };
    let mut files = JsonDir::new(directory).unwrap();
    for n in 0..50 {
        files.run_finished(&run("same", &format!("{} {n}", std::process::id()))).unwrap();
    }
}

#[test]
fn a_reader_never_sees_half_a_file() {
    let directory = fresh();
    let mut files = JsonDir::new(&directory).unwrap();
    let long = "x".repeat(20_000);
    let (done, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    let seen = thread::scope(|scope| {
        // Without a pause, to read the file at the moment of its creation.
        let reader = scope.spawn(|| {
            let mut seen = 0;
            loop {
                let last_look = done.load(SeqCst);
                begun.store(true, SeqCst);
                while let Ok(text) = fs::read(directory.join(format!("{seen}.json"))) {
                    let run: Result<RunSummary, _> = serde_json::from_slice(&text);
                    assert_eq!(run.expect("a whole document").pipeline.len(), 20_000);
                    seen += 1;
                }
                if last_look {
                    return seen;
                }
            }
        });
        while !begun.load(SeqCst) {
            thread::yield_now();
        }
        for n in 0..1000 {
            files.run_finished(&run(&n.to_string(), &long)).unwrap();
        }
        done.store(true, SeqCst);
        reader.join().unwrap()
    });
    assert_eq!(seen, 1000);
    assert_eq!(names(&directory).len(), 1000, "nothing temporary is left");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn each_id_gives_a_file_of_its_own_inside_the_directory(
        ids in prop::collection::hash_set(
            prop_oneof![
                any::<String>(),
                "(\\.\\./){0,3}/?[a-bA-B.\0\\\\/:]{0,4}",
                "(?i)(con|nul|lpt1)(\\.txt)?",
                "[é/]{120,400}",
            ],
            1..6,
        )
    ) {
        let above = fresh();
        let directory = above.join("in/here");
        let mut files = JsonDir::new(&directory).unwrap();
        for id in &ids {
            files.run_finished(&run(id, "p")).unwrap();
            let path = files.last_path().unwrap();
            prop_assert_eq!(path.parent(), Some(&*directory));
        }
        let names = names(&directory);
        let folded: HashSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
        prop_assert_eq!(folded.len(), ids.len());
        prop_assert!(names.iter().all(|name| !name.starts_with('.') && name.ends_with(".json") && name.len() < 255));
        let kept: HashSet<_> = names.iter().map(|name| read(&directory.join(name)).run_id).collect();
        prop_assert_eq!(kept, ids);
        prop_assert_eq!(fs::read_dir(above.join("in")).unwrap().count(), 1);
        prop_assert_eq!(fs::read_dir(&above).unwrap().count(), 1);
        fs::remove_dir_all(above).unwrap();
    }
}

#[test]
fn lines_are_whole_where_processes_share_a_file() {
    let path = fresh().join("runs.jsonl");
    let processes: Vec<_> =
        (0..4).map(|_| in_a_process("child_writes_two_hundred_lines", &path).spawn().unwrap()).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let text = fs::read_to_string(&path).unwrap();
    let runs: HashSet<_> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str::<RunSummary>(line).unwrap().run_id)
        .collect();
    assert_eq!(runs.len(), 800);
    assert!(text.ends_with('\n'));
}

#[test]
#[ignore = "a part of another test"]
fn child_writes_two_hundred_lines() {
    let Some(path) = std::env::var_os("JSON_FILES_PATH") else { return };
    let mut lines = JsonLines::new(path).unwrap();
    for n in 0..200 {
        lines.run_finished(&run(&format!("{} {n}", std::process::id()), &"x".repeat(n * 40))).unwrap();
    }
    lines.flush().unwrap();
}

#[test]
fn a_line_cut_short_by_a_crash_damages_no_other() {
    let path = fresh();
    let mut lines = JsonLines::new(&path).unwrap();
    lines.run_finished(&run("a", "line\nbreak")).unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"run_id\": \"cut")).unwrap();
    JsonLines::new(&path).unwrap().run_finished(&run("b", "p")).unwrap();
    lines.run_finished(&run("c", "p")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let ids: Vec<_> =
        text.lines().map(|line| serde_json::from_str(line).ok().map(|run: RunSummary| run.run_id)).collect();
    assert_eq!(ids, [Some("a".to_owned()), None, Some("b".to_owned()), Some("c".to_owned())]);
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let full = Path::new("/dev/full");
    if full.exists() {
        let mut lines = JsonLines::new(full).unwrap();
        let error = lines.run_finished(&run("a", "p")).unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: ") && error.contains("os error 28"), "{error}");
    }
}

/// A line that a killed process left cut short is ended once, also where eight processes find it at the same moment.
#[test]
fn eight_processes_leave_no_blank_and_no_torn_line() {
    let path = fresh();
    JsonLines::new(&path).unwrap();
    for round in 0..5 {
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"torn\":").unwrap();
        let children: Vec<_> =
            (0..8).map(|_| in_a_process("child_writes_two_hundred_lines", &path).spawn().unwrap()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with('\n'));
        assert!(text.lines().all(|line| !line.is_empty()), "no blank line");
        let torn = text.lines().filter(|line| serde_json::from_str::<RunSummary>(line).is_err());
        assert_eq!(torn.collect::<Vec<_>>(), vec!["{\"torn\":"; round + 1]);
        assert_eq!(text.lines().count(), (round + 1) * (8 * 200 + 1));
    }
}

/// A process that is stopped with the lock holds up no run for ever: the run is refused, and counted by the delivery.
#[test]
fn a_file_that_stays_locked_is_an_error() {
    let path = fresh();
    let mut lines = JsonLines::new(&path).unwrap();
    let holder = fs::File::open(&path).unwrap();
    holder.lock().unwrap();
    let error = lines.run_finished(&run("a", "p")).unwrap_err().to_string();
    assert!(error.contains("another process has locked it"), "{error}");
    holder.unlock().unwrap();
    lines.run_finished(&run("a", "p")).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

/// What a sink has taken is in the file of its name, whatever another program does between two runs.
#[test]
fn lines_are_where_their_name_is_after_a_file_was_removed_replaced_or_cut() {
    let path = fresh().join("runs.jsonl");
    let mut lines = JsonLines::new(&path).unwrap();
    let last = || {
        serde_json::from_str::<RunSummary>(fs::read_to_string(&path).unwrap().lines().last().unwrap())
            .unwrap()
    };
    let disturbances: [&dyn Fn(); 5] = [
        &|| fs::remove_file(&path).unwrap(),
        &|| fs::rename(&path, path.with_extension("1")).unwrap(),
        &|| {
            fs::write(path.with_extension("new"), "").unwrap();
            fs::rename(path.with_extension("new"), &path).unwrap();
        },
        &|| fs::File::options().write(true).open(&path).unwrap().set_len(3).unwrap(),
        &|| fs::remove_dir_all(path.parent().unwrap()).unwrap(),
    ];
    for (number, disturb) in disturbances.into_iter().enumerate() {
        lines.run_finished(&run("before", "p")).unwrap();
        disturb();
        lines.run_finished(&run(&number.to_string(), "p")).unwrap();
        assert_eq!(last().run_id, number.to_string());
        lines.flush().unwrap();
    }
}

/// The same of a directory, where each file is synced as well.
#[test]
fn files_are_where_their_directory_is_after_it_was_removed_or_replaced() {
    let path = fresh().join("runs");
    let files = JsonDir::new(&path).unwrap();
    for mut files in [files.clone(), files.sync_each_file()] {
        let moved = path.with_extension("old");
        let disturbances: [&dyn Fn(); 3] =
            [&|| fs::remove_dir_all(&path).unwrap(), &|| fs::rename(&path, &moved).unwrap(), &|| {
                fs::remove_dir_all(&path).unwrap();
                fs::create_dir(&path).unwrap();
            }];
        for (number, disturb) in disturbances.into_iter().enumerate() {
            files.run_finished(&run("before", "p")).unwrap();
            disturb();
            files.run_finished(&run(&number.to_string(), "p")).unwrap();
            assert_eq!(read(&path.join(format!("{number}.json"))).run_id, number.to_string());
        }
        let _ = fs::remove_dir_all(&moved);
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir(&path).unwrap();
    }
}

#[test]
fn a_flush_reports_files_of_a_directory_that_is_gone() {
    let path = fresh();
    let mut files = JsonDir::new(&path).unwrap();
    (0..3).for_each(|number| files.run_finished(&run(&number.to_string(), "p")).unwrap());
    fs::remove_dir_all(&path).unwrap();
    let error = files.flush().unwrap_err().to_string();
    assert!(error.starts_with("3 of its files may not survive"), "{error}");
    assert!(error.ends_with("the directory was removed before they were synced"), "{error}");
    files.flush().unwrap();
}

/// Figures and names of pipelines are their owner's.
#[cfg(unix)]
#[test]
fn files_are_made_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let path = fresh();
    let mut files = JsonDir::new(&path).unwrap();
    let mut lines = JsonLines::new(path.join("runs.jsonl")).unwrap();
    files.run_finished(&run("a", "p")).unwrap();
    lines.run_finished(&run("a", "p")).unwrap();
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a.json"), mode("runs.jsonl")), (0o600, 0o600));
    fs::set_permissions(path.join("runs.jsonl"), fs::Permissions::from_mode(0o640)).unwrap();
    lines.run_finished(&run("a", "p")).unwrap();
    assert_eq!(mode("runs.jsonl"), 0o640, "an existing file keeps its mode");
}

/// A pipe without a reader does not hold up the start of a program.
#[cfg(unix)]
#[test]
fn a_named_pipe_waits_for_its_reader_and_loses_no_line() {
    let path = fresh();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut lines = JsonLines::new(&path).unwrap();
    let writer = thread::spawn(move || lines.run_finished(&run("a", "p")).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    writer.join().unwrap();
    assert_eq!(serde_json::from_str::<RunSummary>(&text).unwrap().run_id, "a");
}
