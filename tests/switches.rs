//! A layer that is switched off, or that could not be built, costs nothing, and the reason is reported.
//!
//! Environment variables belong to the whole process. Each test therefore starts this executable again, with other variables
//! and with one test to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber, enabled, info_span};
use tracing_budget::{BudgetGuard, Builder, current, gate, layer, operation, record_usage};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, registry};

/// Names the directory that the child's layer writes to.
const DIRECTORY: &str = "SWITCHES_TEST_DIRECTORY";

/// Runs a test of this file in a process with such an environment, under a directory that it may write to.
fn child(test: &str, environment: &[(&str, &str)]) -> (Output, PathBuf) {
    let name = environment.iter().map(|(name, value)| format!("{name}-{value}")).collect::<String>();
    let place =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("switches-{}-{test}-{name}", std::process::id()));
    let output = Command::new(env::current_exe().expect("a test has an executable"))
        .args(["--exact", test, "--nocapture", "--ignored"])
        .env_remove("TRACING_BUDGET")
        .env_remove("ENABLE_COST_TRACKING")
        .env_remove("TRACING_BUDGET_PROJECT")
        .envs(environment.iter().copied())
        .env(DIRECTORY, &place)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{environment:?}: {}", String::from_utf8_lossy(&output.stdout));
    (output, place)
}

fn directory() -> PathBuf {
    env::var_os(DIRECTORY).expect("only ever run by its parent").into()
}

fn stderr_lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().filter(|line| line.starts_with("tracing-budget:")).map(str::to_owned).collect()
}

/// The number of threads of this process, which only Linux reports. The harness adds the same number throughout, because a
/// child runs one test.
fn threads() -> Option<usize> {
    fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

fn pipeline() {
    let _root = info_span!("pipeline", stage = "pipeline").entered();
    record_usage(tracing_budget::Usage::new().input(7));
    operation("search").cost_usd("0.01").record();
    gate("lint").verdict("pass").emit();
    assert!(current().is_none());
}

/// What must hold of a layer that is off, and of its guard.
fn is_off<L: Layer<Registry> + Send + Sync>(build: impl FnOnce() -> (L, BudgetGuard), why: &str) {
    let before = threads();
    let (budget, guard) = build();
    let handle = guard.handle();
    assert_eq!((handle.is_enabled(), handle.why_disabled()), (false, Some(why)));
    assert_eq!(threads(), before, "no thread");
    tracing::subscriber::with_default(registry().with(budget), || {
        assert_eq!(LevelFilter::current(), LevelFilter::OFF, "no subscriber wants any callsite");
        assert!(!enabled!(Level::ERROR) && info_span!("pipeline").is_disabled());
        pipeline();
        assert!(!handle.operation("search").run("any").record());
    });
    handle.reset();
    assert!(handle.snapshot().is_empty() && !handle.finish("any"));
    assert_eq!(handle.stats(), tracing_budget::audit::Stats::default());
    guard.flush().expect("there is nothing to flush");
}

fn builder() -> Builder {
    layer().usage_events([module_path!()]).json_dir(directory()).json_lines(directory().join("lines.jsonl"))
}

#[test]
#[ignore = "run by its parent, in an environment of its own"]
fn off_in_the_child() {
    let why = match env::var("TRACING_BUDGET") {
        Ok(word) => format!("TRACING_BUDGET={word}"),
        Err(_) => {
            format!("ENABLE_COST_TRACKING={}", env::var("ENABLE_COST_TRACKING").expect("one of the two"))
        }
    };
    // Before anything was built: what is wrong with a builder is of no interest, as an operator wants it off.
    is_off(|| builder().limit_usd("five").build().expect("nothing is checked"), &why);
    is_off(|| builder().unfiltered().build().expect("nothing is opened"), &why);
    is_off(|| builder().build_or_disabled(), &why);
}

#[test]
fn a_variable_turns_the_layer_off() {
    for variable in ["ENABLE_COST_TRACKING", "TRACING_BUDGET"] {
        for word in ["false", "FALSE", "0", "no", "off"] {
            let (output, place) = child("off_in_the_child", &[(variable, word)]);
            assert!(!place.exists(), "{variable}={word} opened a sink");
            assert_eq!(stderr_lines(&output), [""; 0], "switched off on purpose, so no line is printed");
        }
    }
}

#[test]
#[ignore = "run by its parent, in an environment of its own"]
fn on_in_the_child() {
    let before = threads();
    let (budget, guard) = builder().build().expect("a layer");
    assert_eq!((guard.handle().is_enabled(), guard.handle().why_disabled()), (true, None));
    assert_eq!(threads(), before.map(|before| before + 1));
    tracing::subscriber::with_default(registry().with(budget), || {
        info_span!("pipeline").in_scope(|| operation("search").cost_usd("0.01").record());
    });
    guard.flush().expect("delivered");
}

#[test]
fn any_other_word_leaves_it_on_and_an_unknown_one_is_reported() {
    let cases: [(&[(&str, &str)], usize); 4] = [
        (&[], 0),
        (&[("ENABLE_COST_TRACKING", "true"), ("TRACING_BUDGET", "on")], 0),
        (&[("ENABLE_COST_TRACKING", "")], 0),
        (&[("ENABLE_COST_TRACKING", "fasle")], 1),
    ];
    for (environment, complaints) in cases {
        let (output, place) = child("on_in_the_child", environment);
        let written = fs::read_dir(&place).expect("the directory was made").count();
        fs::remove_dir_all(&place).expect("an end");
        assert_eq!(written, 2, "one file a run, and the lines");
        assert_eq!(stderr_lines(&output).len(), complaints, "{environment:?}: {:?}", stderr_lines(&output));
    }
}

#[test]
#[ignore = "run by its parent, as it writes to stderr"]
fn degraded_in_the_child() {
    fs::create_dir_all(directory()).expect("a directory");
    let file = directory().join("a file");
    fs::write(&file, "not a directory").expect("a file");
    let error = layer()
        .usage_events([module_path!()])
        .json_dir(file.join("below"))
        .build::<Registry>()
        .map(drop)
        .expect_err("no directory there");
    is_off(
        || layer().usage_events([module_path!()]).json_dir(file.join("below")).build_or_disabled(),
        &error.to_string(),
    );
    is_off(
        || layer().usage_events([module_path!()]).limit_usd("five").unfiltered().build_or_disabled(),
        "limit_usd: \"five\" is not an amount in USD: expected a decimal number such as 5.00",
    );
    fs::remove_dir_all(directory()).expect("an end");
    let (budget, guard) = layer().usage_events([module_path!()]).build_or_disabled::<Registry>();
    assert!(guard.handle().is_enabled(), "nothing was wrong with this one");
    drop(budget);
}

#[test]
fn a_failed_build_degrades_by_choice_and_never_in_silence() {
    let (output, _) = child("degraded_in_the_child", &[]);
    let lines = stderr_lines(&output);
    assert_eq!(lines.len(), 2, "one line each: {lines:?}");
    assert!(lines[0].contains("a file") && lines[1].contains("\"five\""), "{lines:?}");
}

fn off<S: Subscriber + for<'a> LookupSpan<'a>>() -> (impl Layer<S> + Send + Sync, BudgetGuard) {
    layer().usage_events([module_path!()]).enabled(false).build().expect("nothing can be wrong with it")
}

fn off_unfiltered<S: Subscriber + for<'a> LookupSpan<'a>>() -> (impl Layer<S> + Send + Sync, BudgetGuard) {
    layer()
        .usage_events([module_path!()])
        .enabled(false)
        .unfiltered()
        .build()
        .expect("nothing can be wrong with it")
}

fn log<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> + Send + Sync {
    tracing_subscriber::fmt::layer().with_writer(std::io::sink)
}

#[test]
#[ignore = "run by its parent, as other tests want other levels"]
fn beside_others_in_the_child() {
    let sees = |level: LevelFilter| {
        assert_eq!(LevelFilter::current(), level);
        assert!(enabled!(Level::WARN));
        assert_eq!(
            (enabled!(Level::INFO), enabled!(Level::TRACE)),
            (level >= LevelFilter::INFO, level >= LevelFilter::TRACE)
        );
    };
    // On either side of a neighbour: the neighbour sees what it would see alone.
    let (budget, _guard) = off();
    let subscriber = registry().with(budget).with(log().with_filter(LevelFilter::WARN));
    tracing::subscriber::with_default(subscriber, || sees(LevelFilter::WARN));
    let (budget, _guard) = off();
    let subscriber = registry().with(log().with_filter(LevelFilter::WARN)).with(budget);
    tracing::subscriber::with_default(subscriber, || sees(LevelFilter::WARN));
    let (budget, _guard) = off();
    tracing::subscriber::with_default(registry().with(budget).with(log()), || sees(LevelFilter::TRACE));
    let (budget, _guard) = off();
    tracing::subscriber::with_default(registry().with(log()).with(budget), || sees(LevelFilter::TRACE));
}

#[test]
fn neighbours_see_what_they_would_see_without_it() {
    child("beside_others_in_the_child", &[]);
}

#[test]
#[ignore = "run by its parent, as other tests want other levels"]
fn unfiltered_in_the_child() {
    let sees = |level: LevelFilter| {
        assert_eq!(LevelFilter::current(), level);
        assert!(enabled!(Level::WARN));
        assert_eq!(
            (enabled!(Level::INFO), enabled!(Level::TRACE)),
            (level >= LevelFilter::INFO, level >= LevelFilter::TRACE)
        );
    };
    let (budget, _guard) = off_unfiltered();
    let subscriber = registry().with(budget).with(log().with_filter(LevelFilter::WARN));
    tracing::subscriber::with_default(subscriber, || sees(LevelFilter::WARN));
    let (budget, _guard) = off_unfiltered();
    let subscriber = registry().with(log().with_filter(LevelFilter::WARN)).with(budget);
    tracing::subscriber::with_default(subscriber, || sees(LevelFilter::WARN));
    let (budget, _guard) = off_unfiltered();
    tracing::subscriber::with_default(registry().with(budget).with(log()), || sees(LevelFilter::TRACE));
    let (budget, _guard) = off_unfiltered();
    tracing::subscriber::with_default(registry().with(log()).with(budget), || sees(LevelFilter::TRACE));
}

#[test]
fn an_unfiltered_layer_that_is_off_wants_nothing_either() {
    child("unfiltered_in_the_child", &[]);
}

/// The roots of a rig program: the agent's span has rig's crate as target, and the project is not that crate.
fn project_and_pipeline_of_a_rig_program(builder: Builder) -> (String, String) {
    let memory = tracing_budget::sink::Memory::new();
    let (budget, guard) = builder.sink(memory.clone()).build().expect("a layer");
    tracing::subscriber::with_default(registry().with(budget), || {
        let _agent = info_span!(
            target: "rig_agent::agent::telemetry",
            parent: None,
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "planner",
        )
        .entered();
        drop(info_span!(
            target: "rig_agent::agent::telemetry",
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.usage.input_tokens = 7,
            gen_ai.usage.output_tokens = 1,
        ));
    });
    guard.flush().expect("delivered");
    let run = memory.take().remove(0);
    (run.project, run.pipeline)
}

#[test]
#[ignore = "run by its parent, in an environment of its own"]
fn project_in_the_child() {
    let of = |builder| project_and_pipeline_of_a_rig_program(builder);
    // Without the hash that cargo appends.
    let expected = env::var("TRACING_BUDGET_PROJECT").ok().filter(|project| !project.is_empty());
    let expected = expected.unwrap_or_else(|| "switches".to_owned());
    assert_eq!(of(layer()), (expected, "planner".to_owned()));
    assert_eq!(of(layer().project("shop")), ("shop".to_owned(), "planner".to_owned()));
}

/// A1.
#[test]
fn the_project_is_the_builders_then_the_environments_then_the_executables() {
    for environment in [&[][..], &[("TRACING_BUDGET_PROJECT", "")], &[("TRACING_BUDGET_PROJECT", "cellar")]] {
        child("project_in_the_child", environment);
    }
}
