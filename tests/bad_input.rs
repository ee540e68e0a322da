//! Bad input gets a clear error, and loses nothing.

mod budgeted;

use budgeted::runs_with;
use tracing::{info, info_span};
use tracing_budget::BuildError;
use tracing_subscriber::Registry;

fn build_error(builder: tracing_budget::Builder) -> String {
    match builder.build::<Registry>() {
        Ok(_) => panic!("it was built"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_limit_that_is_no_amount_is_named() {
    let error = build_error(tracing_budget::layer().usage_events([module_path!()]).limit_usd("five"));
    assert!(error.contains("limit_usd") && error.contains("\"five\""), "{error}");
    let error = build_error(tracing_budget::layer().usage_events([module_path!()]).limit_usd(f64::NAN));
    assert!(error.contains("NaN"), "{error}");
    let error = build_error(tracing_budget::layer().usage_events([module_path!()]).limit_usd("-1"));
    assert!(error.contains("-1"), "{error}");
    assert!(
        tracing_budget::layer()
            .usage_events([module_path!()])
            .limit_usd(5.0)
            .limit_tokens(1)
            .build::<Registry>()
            .is_ok()
    );
}

#[test]
fn a_stage_declared_twice_or_without_a_name_is_named() {
    assert!(
        build_error(tracing_budget::layer().usage_events([module_path!()]).stages(["review", "review"]))
            .contains("stage \"review\" is declared twice")
    );
    assert!(
        build_error(tracing_budget::layer().usage_events([module_path!()]).expect_gates([""]))
            .contains("gate \"\" is empty")
    );
    assert!(
        build_error(tracing_budget::layer().usage_events([module_path!()]).roots(["a", "a"]))
            .contains("root \"a\" is declared twice")
    );
}

#[test]
fn a_directory_that_cannot_be_written_is_named_when_the_layer_is_built() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-a-directory");
    std::fs::write(&file, "").expect("a file");
    let directory = file.join("budget");
    let built =
        tracing_budget::layer().usage_events([module_path!()]).json_dir(&directory).build::<Registry>();
    let error = built.err().expect("no such directory can be made");
    assert!(matches!(error, BuildError::Sink(_)));
    assert!(error.to_string().contains(&*directory.to_string_lossy()), "{error}");
}

#[test]
fn a_run_id_that_would_escape_its_directory_does_not() {
    let inside = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("inside/budget");
    let _ = std::fs::remove_dir_all(inside.parent().expect("a parent"));
    let runs = runs_with(tracing_budget::layer().usage_events([module_path!()]).json_dir(&inside), || {
        let _root = info_span!("pipeline", run_id = "../../escaped").entered();
        info!(model = "gpt-5", input_tokens = 1);
    });
    assert_eq!(runs[0].run_id, "../../escaped", "the document keeps the id as it is");
    let files: Vec<_> = std::fs::read_dir(&inside).expect("the directory").filter_map(Result::ok).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(files[0].path()).expect("a file");
    assert!(text.contains("../../escaped"));
}

#[cfg(feature = "price-files")]
#[test]
fn a_malformed_price_file_is_reported_with_line_and_key() {
    let text = "[[price]]\nmodel = \"mine\"\ninput = \"a lot\"\n";
    let error = tracing_budget::PriceBook::builder()
        .prices_toml(text)
        .build()
        .expect_err("not an amount")
        .to_string();
    assert!(error.contains("input") && error.contains('3'), "{error}");
}
