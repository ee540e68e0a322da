//! Each line of a Rust file as what it has: code, a comment, or both.

/// One line. Neither part has the text of strings.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) code: String,
    /// What follows `//`, without documentation (`///`, `//!`) and without the slashes.
    pub(crate) comment: String,
}

enum State {
    Code,
    /// In a string that ends with `"` and so many `#`; `escapes` in one that is not raw.
    Text {
        hashes: usize,
        escapes: bool,
    },
    /// In `/* … */`, so many deep.
    Block(usize),
}

pub(crate) fn lines(text: &str) -> Vec<Line> {
    let mut state = State::Code;
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut found = Line::default();
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let mut taken = first.len_utf8();
            match &mut state {
                State::Code => {
                    if let Some(comment) = rest.strip_prefix("//") {
                        if !comment.starts_with(['/', '!']) {
                            found.comment = comment.trim().to_owned();
                        }
                        break;
                    }
                    if rest.starts_with("/*") {
                        state = State::Block(1);
                        taken = 2;
                    } else if let Some((opening, hashes, escapes)) =
                        opened(rest, found.code.chars().next_back())
                    {
                        state = State::Text { hashes, escapes };
                        found.code.push('"');
                        taken = opening;
                    } else {
                        // A quote in quotes opens no string.
                        taken = character(rest).unwrap_or(taken);
                        found.code.push_str(&rest[..taken]);
                    }
                }
                State::Text { hashes, escapes } => {
                    let end = format!("\"{}", "#".repeat(*hashes));
                    if *escapes && first == '\\' {
                        taken += rest[1..].chars().next().map_or(0, char::len_utf8);
                    } else if rest.starts_with(&end) {
                        taken = end.len();
                        found.code.push('"');
                        state = State::Code;
                    }
                }
                State::Block(depth) => {
                    if rest.starts_with("/*") {
                        *depth += 1;
                        taken = 2;
                    } else if rest.starts_with("*/") {
                        *depth -= 1;
                        taken = 2;
                        if *depth == 0 {
                            state = State::Code;
                        }
                    }
                }
            }
            rest = &rest[taken..];
        }
        found.code = found.code.trim().to_owned();
        lines.push(found);
    }
    lines
}

/// The length of what opens a string at the start, its hashes, and whether it has escapes.
fn opened(rest: &str, before: Option<char>) -> Option<(usize, usize, bool)> {
    if rest.starts_with('"') {
        return Some((1, 0, true));
    }
    // The `r` of `for"` is of a name.
    if before.is_some_and(|c| c.is_alphanumeric() && c != 'b' && c != 'c' || c == '_') {
        return None;
    }
    let hashes = rest.strip_prefix('r')?.bytes().take_while(|byte| *byte == b'#').count();
    rest[1 + hashes..].starts_with('"').then_some((2 + hashes, hashes, false))
}

/// The length of a character literal at the start: `'"'` and `'\''`, not the lifetime `'a`.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let escaped = inside.starts_with('\\');
    let skipped = if escaped { 2 } else { inside.chars().next()?.len_utf8() };
    let end = inside.get(skipped..)?.find('\'')?;
    (escaped || end == 0).then_some(1 + skipped + end + 1)
}

/// The lines of a file before its unit tests, which are its last module.
pub(crate) fn without_tests(lines: Vec<Line>) -> Vec<Line> {
    let tests = lines.windows(2).position(|pair| {
        pair[0].code == "#[cfg(test)]" && pair[1].code.starts_with("mod ") && pair[1].code.ends_with('{')
    });
    lines.into_iter().take(tests.unwrap_or(usize::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<String> {
        lines(text).into_iter().map(|line| line.code).collect()
    }

    fn comments(text: &str) -> Vec<String> {
        lines(text).into_iter().map(|line| line.comment).filter(|comment| !comment.is_empty()).collect()
    }

    #[test]
    fn code_and_comment_are_apart() {
        let text = "let a = 1; // one\n// two\n/// not three\n//! not four\n";
        assert_eq!(comments(text), ["one", "two"]);
        assert_eq!(code(text), ["let a = 1;", "", "", ""]);
    }

    #[test]
    fn strings_and_characters_hide_what_is_in_them() {
        let text = "(\"http://a \\\" // b\", '\"', '\\'', r#\"c \" // d\"#, 'x') // e";
        assert_eq!(comments(text), ["e"]);
        assert_eq!(code(text), ["(\"\", '\"', '\\'', \"\", 'x')"]);
    }

    #[test]
    fn a_string_of_many_lines_is_no_code_and_no_comment() {
        assert_eq!(code("let a = \"b\n  // c\n\";\nd"), ["let a = \"", "", "\";", "d"]);
    }

    #[test]
    fn a_lifetime_is_no_character() {
        assert_eq!(code("fn f<'a>(a: &'a str) {} // b"), ["fn f<'a>(a: &'a str) {}"]);
    }

    #[test]
    fn a_block_comment_is_no_code() {
        assert_eq!(code("a /* b /* c */ d */ e"), ["a  e"]);
    }

    #[test]
    fn unit_tests_are_left_out() {
        let text = "a\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(without_tests(lines(text)).len(), 4);
    }
}
