//! What the example leaves behind is a summary by the schema, and a true one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tracing_budget::{RunSummary, Status, Verdict};

/// Runs the example in a directory of its own; what it printed, and the file that it wrote.
fn example() -> (String, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pipeline");
    std::fs::create_dir_all(&directory).expect("a directory");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "pipeline", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .current_dir(&directory)
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("text");
    let path = printed.lines().last().expect("the path of the JSON").to_owned();
    (printed, directory.join(path))
}

#[test]
fn the_examples_summary_is_by_the_schema_and_true() {
    let (printed, path) = example();
    let text = std::fs::read_to_string(&path).expect("the JSON");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let schema = include_str!("../../schema/run-summary.v1.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let faults: Vec<_> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, [""; 0]);

    let run = RunSummary::from_json(&text).expect("a summary");
    assert_eq!(run.check(), Ok(()), "rows add up to the totals");
    let stages: Vec<_> =
        run.budget_summary.per_agent.iter().map(|(name, row)| (name, row.status, row.calls)).collect();
    assert_eq!(
        stages,
        [
            ("discovery", Status::Completed, 1),
            ("implementation", Status::Completed, 2),
            ("instrumentation", Status::Completed, 1),
            ("visualization", Status::Completed, 1),
            ("assessment", Status::Failed, 1),
            ("review", Status::NotRun, 0),
            ("charts", Status::Completed, 1),
        ]
    );
    assert_eq!((run.status, run.failed_stage.as_deref()), (Status::Failed, Some("assessment")));
    let gates = &run.budget_summary.gate_verdicts;
    assert!(gates.iter().map(|gate| gate.seq).eq(1..=gates.len() as u64));
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Warn, Verdict::Skipped, Verdict::Error] {
        assert!(gates.iter().any(|gate| gate.verdict == verdict), "no gate has the verdict {verdict}");
    }
    assert!(printed.contains(&run.to_string()), "the table is that of the file");
}
