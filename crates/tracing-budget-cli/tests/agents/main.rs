//! The official Python SDK calls each tool of `tracing-budget mcp`, over runs that the layer recorded.
//!
//! Needs `python3` with `venv` and a package index; without them the test prints the reason and passes, unless
//! `TRACING_BUDGET_NO_SKIP` is set.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tracing_budget::sink::Memory;
use tracing_budget::{Verdict, gate, layer};
use tracing_budget_history::{Sqlite, Store};
use tracing_subscriber::prelude::*;

/// The release that is installed and tested with.
const SDK: &str = "mcp==2.3.0";

#[test]
fn an_agent_calls_each_tool() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            assert!(std::env::var_os("TRACING_BUDGET_NO_SKIP").is_none(), "must not be skipped: {why}");
            eprintln!("skipped: {why}");
            return;
        }
    };
    let folder = folder("agents");
    let database = folder.join("runs.db");
    let (completed, failed) = seed(&database);
    let questions = json!([
        ["list_runs", {"status": ["failed"], "limit": 5}],
        ["show_run", {"run": "last-failed"}],
        ["explain_last_failure", {"project": "apprentice"}],
        ["compare_runs", {"a": completed, "b": failed}],
        ["check_health", {}],
        ["model_cost", {"model": "claude-sonnet-4-5", "input_tokens": 3_000, "output_tokens": 987, "calls": 2}],
        ["model_cost", {"model": "claude-sonet-4-5", "input_tokens": 1, "output_tokens": 1}],
        ["show_run", {"run": "no-such-run"}],
        ["list_runs", {"statsu": ["failed"]}],
        ["list_runs", {"cursor": "nonsense"}],
        ["list_runs", {"status": ["faild"]}],
        ["model_cost", {"model": "claude-sonnet-4-5", "input_tokens": 9_548, "output_tokens": 528, "tier": "batch",
            "units": {"web_searches": 2, "code_executions": 1}}],
        ["model_cost", {"model": "claude-sonnet-4-5", "input_tokens": 1, "output_tokens": 1, "units": {"web_serches": 2}}],
    ]);
    let reply = ask(&python, &database, &questions);

    let tools = reply["tools"].as_object().unwrap();
    let called: Vec<_> =
        questions.as_array().unwrap().iter().map(|question| question[0].as_str().unwrap()).collect();
    for (tool, description) in tools {
        assert!(called.contains(&tool.as_str()), "{tool} is not called");
        assert!(
            description.as_str().is_some_and(|text| text.len() > 40),
            "{tool} needs a longer description: {description}"
        );
    }
    assert!(reply["instructions"].as_str().unwrap().contains("explain_last_failure"));

    let answer = |at: usize| &reply["answers"][at]["structured"];
    assert_eq!(answer(0)["runs"].as_array().unwrap().len(), 1);
    assert_eq!(answer(0)["runs"][0]["run_id"], json!(failed));
    assert_eq!(answer(0)["runs"][0]["failed_stage"], "review");

    assert_eq!(answer(1)["run_id"], json!(failed));
    assert_eq!(answer(1)["stages"][0]["name"], "implementation", "most expensive first");
    assert_eq!(answer(1)["cost_usd"], json!(0.023_805));
    assert_eq!(answer(1)["gates"][0]["verdict"], "fail");

    let text = answer(2)["text"].as_str().unwrap();
    assert!(text.contains("in stage review") && text.contains("$0.023805"), "{text}");
    assert_eq!(answer(2)["gates_failed"][0]["reason"], "two findings");
    assert_eq!(answer(2)["last_completed"]["run_id"], json!(completed));

    assert_eq!(answer(3)["total"]["cost_usd_change"], json!(0.0));
    assert_eq!(answer(3)["gates"][0]["a"], "pass");
    assert_eq!(answer(3)["gates"][0]["b"], "fail");

    assert!(["ok", "notice", "warning", "critical"].contains(&answer(4)["severity"].as_str().unwrap()));

    assert_eq!(answer(5)["cost_usd_per_call"], json!(0.023_805));
    assert_eq!(answer(5)["cost_usd"], json!(0.047_61));
    assert_eq!(answer(6)["cost_usd"], Value::Null, "no price is not a price of zero");
    assert!(answer(6)["why_not"].as_str().unwrap().contains("claude-sonnet-4-5"), "{}", answer(6));

    let batch = answer(11);
    let charges = batch["charges"].as_array().unwrap();
    let amounts: Vec<_> =
        charges.iter().map(|charge| json!([charge["name"], charge["amount_usd"]])).collect();
    assert_eq!(json!(amounts), json!([["input", 0.014_322], ["output", 0.003_96], ["web searches", 0.02]]));
    assert_eq!(batch["cost_usd"], json!(0.038_282));
    assert_eq!(batch["unpriced_units"], json!(["code_executions"]));
    assert!(answer(12)["why_not"].as_str().unwrap().contains("did you mean web_searches?"), "{}", answer(12));

    for (at, word) in [(7, "list_runs"), (8, "statsu"), (9, "nonsense"), (10, "did you mean \"failed\"?")] {
        let result = &reply["answers"][at];
        assert_eq!(result["failed"], json!(true), "{result}");
        assert!(result["text"].as_str().unwrap().contains(word), "{result}");
    }
    for result in reply["answers"].as_array().unwrap() {
        let length = result["text"].as_str().unwrap().len();
        assert!(length < 4_000, "{} answers with {length} bytes", result["tool"]);
    }
    let (uri, schema) = reply["resources"].as_object().unwrap().iter().next().unwrap();
    assert!(uri.ends_with("schema.json") && schema.as_str().unwrap().contains("unpriced_calls"));
}

/// Stores a run that completed, then a run with a failed gate, and returns their ids.
fn seed(database: &Path) -> (String, String) {
    let memory = Memory::new();
    let (budget, guard) =
        layer().usage_events([module_path!()]).project("apprentice").sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        pipeline(Verdict::Pass);
        pipeline(Verdict::Fail);
    });
    guard.flush().unwrap();
    let runs = memory.take();
    let store = Sqlite::open(database).unwrap();
    for run in &runs {
        store.put(run).unwrap();
    }
    (runs[0].run_id.clone(), runs[1].run_id.clone())
}

fn pipeline(verdict: Verdict) {
    let _run = tracing::info_span!("pipeline").entered();
    tracing::info_span!("implementation").in_scope(|| {
        tracing::info!(model = "claude-sonnet-4-5", input_tokens = 3_000, output_tokens = 987);
    });
    let review = tracing::info_span!("review", error = tracing::field::Empty).entered();
    if verdict == Verdict::Fail {
        review.record("error", "the reviewer found two faults");
    }
    gate("review").verdict(verdict).blocking(true).reason("two findings").emit();
    // Ids begin with the millisecond of their start, which must differ for the order of the list.
    std::thread::sleep(std::time::Duration::from_millis(2));
}

fn ask(python: &Path, database: &Path, questions: &Value) -> Value {
    let server = json!([env!("CARGO_BIN_EXE_tracing-budget"), "--db", database, "mcp"]);
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/client.py"))
        .args([server.to_string(), questions.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A Python with the SDK, installed once under the target folder; or the reason why it could not be installed.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python").join(SDK);
    let python = folder.join("bin").join("python");
    let done = folder.join("installed");
    if done.exists() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDK]))?;
    std::fs::write(done, "").map_err(|error| error.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
