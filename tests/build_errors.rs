//! The text of a build error includes its cause, so its `source` chain must not repeat it.

use std::error::Error;

use tracing_subscriber::Registry;

#[test]
fn the_source_of_a_build_error_does_not_repeat_its_text() {
    let file = std::env::current_exe().expect("a test has an executable");
    for builder in [
        tracing_budget::layer().json_dir(file.join("directory")),
        tracing_budget::layer().json_lines(file.join("lines.jsonl")),
        tracing_budget::layer().limit_usd("five dollars"),
        tracing_budget::layer().limit_usd(-1.0),
        tracing_budget::layer().stages(["review", "review"]),
    ] {
        let Err(error) = builder.build::<Registry>() else { panic!("an error was expected") };
        let (text, cause) = (error.to_string(), error.source().map(ToString::to_string));
        assert!(!cause.is_some_and(|cause| text.contains(&cause)), "{text}: {error:?}");
    }
}
