//! Which licences a dependency may have.

use spdx::{Expression, ParseMode};

/// Where a crate ends up.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In the program of whoever depends on this crate.
    Library,
    /// In an example, a test or a tool of this repository.
    Workspace,
}

/// Permissive licences that ask for no more than attribution.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Fine to run an example or a test with, not to hand on: a licence for data (the root certificates that HTTP clients
/// carry), and one that asks for the source of changed files (what drives a browser).
const ALLOWED_IN_WORKSPACE: &[&str] = &["CDLA-Permissive-2.0", "MPL-2.0"];

/// Says why `expression` is not allowed, or nothing if it is: one side of an `OR` is enough, both of an `AND` are needed.
pub(crate) fn objection(expression: &str, place: Place) -> Option<String> {
    if expression.is_empty() {
        return Some("names no licence".to_owned());
    }
    // Lax, because older crates write `MIT/Apache-2.0`.
    let parsed = match Expression::parse_mode(expression, ParseMode::LAX) {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("`{expression}` is not a licence expression: {}", error.reason)),
    };
    let allowed = |licence: &str| match place {
        Place::Library => ALLOWED.contains(&licence),
        Place::Workspace => ALLOWED.contains(&licence) || ALLOWED_IN_WORKSPACE.contains(&licence),
    };
    if parsed.evaluate(|requirement| allowed(&requirement.to_string())) {
        return None;
    }
    Some(format!("`{expression}` is not on the list of allowed licences"))
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, ALLOWED_IN_WORKSPACE, Place, objection as objection_in};

    fn objection(expression: &str) -> Option<String> {
        objection_in(expression, Place::Library)
    }

    #[test]
    fn one_side_of_an_or_is_enough() {
        assert_eq!(objection("GPL-3.0-only OR MIT"), None);
        assert_eq!(objection("MIT/GPL-2.0-only"), None);
        assert_eq!(objection("Apache-2.0 / MIT"), None);
    }

    #[test]
    fn both_sides_of_an_and_are_needed() {
        assert_eq!(objection("(MIT OR Apache-2.0) AND Unicode-3.0"), None);
        assert!(objection("MIT AND GPL-3.0-only").is_some());
        assert!(objection("(MIT OR Apache-2.0) AND MPL-2.0").is_some());
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        assert_eq!(objection("Apache-2.0 WITH LLVM-exception"), None);
        assert!(objection("GPL-2.0-only WITH Classpath-exception-2.0").is_some());
        assert!(objection("MIT WITH LLVM-exception").is_some());
    }

    #[test]
    fn silence_and_nonsense_are_objected_to() {
        assert!(objection("").is_some());
        assert!(objection("see the file").is_some());
    }

    #[test]
    fn every_allowed_licence_is_one_that_the_parser_knows_and_writes_the_same_way() {
        for licence in ALLOWED {
            assert_eq!(objection(licence), None, "{licence}");
        }
    }

    #[test]
    fn a_data_licence_is_for_the_workspace_only() {
        for licence in ALLOWED_IN_WORKSPACE {
            assert!(objection(licence).is_some(), "{licence}");
            assert_eq!(objection_in(licence, Place::Workspace), None, "{licence}");
        }
    }
}
