//! Names of projects and runs as segments of a path.
//!
//! A client removes the segments `.` and `..` before it sends a request, also where they are percent-encoded, and `-` is the project
//! without a name. So these three names have a `~` before them in a path. A name of one of them behind any number of `~` has
//! one more there, so that every name has a path of its own; all other names are what they are.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that RFC 3986 calls unreserved stay; all others are encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The segment of a run's id.
pub(crate) fn of_run(run_id: &str) -> String {
    let escape = if is_special(run_id) { "~" } else { "" };
    format!("{escape}{}", utf8_percent_encode(run_id, SEGMENT))
}

/// The segment of a project.
pub(crate) fn of_project(project: &str) -> String {
    if project.is_empty() { "-".to_owned() } else { of_run(project) }
}

/// The run's id of a decoded segment.
pub(crate) fn run(segment: &str) -> &str {
    segment.strip_prefix('~').filter(|name| is_special(name)).unwrap_or(segment)
}

/// The project of a decoded segment.
pub(crate) fn project(segment: &str) -> &str {
    if segment == "-" { "" } else { run(segment) }
}

fn is_special(name: &str) -> bool {
    matches!(name.trim_start_matches('~'), "-" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_segment_of_its_own_that_leads_back() {
        let names =
            ["", "-", ".", "..", "~", "~-", "~~-", "~.", "~..", "~a", "a", "...", "--", "a.b", "p/q ä"];
        let mut segments = std::collections::BTreeSet::new();
        for name in names {
            let segment = of_project(name);
            let decoded = percent_encoding::percent_decode_str(&segment).decode_utf8_lossy();
            assert_eq!(project(&decoded), name, "{segment}");
            assert!(!matches!(segment.as_str(), "" | "." | ".."), "{name}");
            assert!(segments.insert(segment), "{name}");
            let segment = of_run(name);
            assert_eq!(run(&percent_encoding::percent_decode_str(&segment).decode_utf8_lossy()), name);
        }
        assert_eq!((of_project("..").as_str(), of_project("p/q").as_str()), ("~..", "p%2Fq"));
    }
}
