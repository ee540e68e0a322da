//! The example, run as a reader runs it: it fails if The budget and the server differ.

use std::process::Command;

#[test]
fn the_example_agrees_with_its_server() {
    let output = Command::new(env!("CARGO_BIN_EXE_by_hand")).output().expect("it starts");
    let (shown, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}\n{errors}");
    for row in ["typed", "raw", "The budget and the server agree: 2 calls"] {
        assert!(shown.contains(row), "no {row} in what it printed:\n{shown}");
    }
}
