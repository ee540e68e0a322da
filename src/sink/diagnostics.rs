//! Diagnostics of the crate: one line on stderr, and panics of other code as texts.

use std::any::Any;
use std::io::{self, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::present::columns::printable;

/// Prints one line to stderr. Every diagnostic of this crate goes through here.
pub(crate) fn print_diagnostic(text: &str) {
    // One line and one write, also where an error text has several lines: other threads write to stderr as well.
    let line = format!("tracing-budget: {}\n", printable(text));
    // Not `eprintln!`, which panics where stderr is closed; a layer must not panic in the code that it observes.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Runs code of a user or of another crate. A panic in it becomes an error with the panic's text.
pub(crate) fn catch_panic<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    // Unwind safety: state that the code left half-changed is its own, and nothing here reads it.
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        let text = format!("it panicked: {}", panic_text(&*payload));
        // The drop of a payload may panic again, outside of `catch_unwind`, and would end the thread.
        mem::forget(payload);
        text
    })
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "without a text",
    }
}
