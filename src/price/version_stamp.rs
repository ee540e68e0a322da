//! What may follow a name that a price list knows, without making it another model: a date, a version stamp, `-latest`, `-preview`.
//!
//! Price lists match some models by the beginning of their name. What follows may be a model that came later, at another price:
//! `gemini-3.8-flash-cyber` costs twice as much as `gemini-3.8-flash`.

/// Words that name a stage of a release, and not another model.
const STAGES: [&str; 7] = ["latest", "preview", "exp", "experimental", "stable", "beta", "default"];

/// Whether the rest of a name is one of dates, version stamps and stages of release, each after a `-` or `@`. Bedrock's versions count
/// where `is_bedrock`: `-v1:0`, and the context's length in `-v1:0:200k`.
pub(super) fn is_only_stamps(rest: &str, is_bedrock: bool) -> bool {
    if rest.is_empty() {
        return true;
    }
    if is_bedrock && is_revision(rest) {
        return true;
    }
    if !rest.starts_with(['-', '@']) {
        return false;
    }
    let parts: Vec<&str> = rest[1..].split(['-', '@']).collect();
    let mut left = &parts[..];
    while let Some(taken) = stamp(left, rest, is_bedrock) {
        left = &left[taken..];
        if left.is_empty() {
            return true;
        }
    }
    false
}

/// How many of the parts are one stamp.
fn stamp(parts: &[&str], rest: &str, is_bedrock: bool) -> Option<usize> {
    match parts {
        [year, month, day, ..] if is_year(year) && is_month(month) && is_day(day) => Some(3),
        [year, month, ..] if is_year(year) && is_month(month) => Some(2),
        [month, year, ..] if is_month(month) && is_year(year) => Some(2),
        [month, day, ..] if is_month(month) && is_day(day) => Some(2),
        [word, ..] if STAGES.contains(word) || is_date(word) || is_short_date(word) || is_number(word) => {
            Some(1)
        }
        // Vertex AI: `claude-3-5-sonnet-v2@20241022`.
        [version, date] if is_version(version) && is_date(date) && rest.contains('@') => Some(2),
        [version] if is_bedrock => {
            let (version, revision) = version.split_at(version.find(':').unwrap_or(version.len()));
            (is_version(version) && (revision.is_empty() || is_revision(revision))).then_some(1)
        }
        _ => None,
    }
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn is_year(text: &str) -> bool {
    digits(text, 4).is_some_and(|year| (2020..2100).contains(&year))
}

fn is_month(text: &str) -> bool {
    digits(text, 2).is_some_and(|month| (1..=12).contains(&month))
}

fn is_day(text: &str) -> bool {
    digits(text, 2).is_some_and(|day| (1..=31).contains(&day))
}

/// A date in eight digits: `20250929`.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 8 && text.is_ascii() && is_year(&text[..4]) && is_month(&text[4..6]) && is_day(&text[6..])
}

/// A name in which dates of eight digits have dashes, as some lists spell them: `gpt-5-20250807` becomes `gpt-5-2025-08-07`.
#[cfg(feature = "prices")]
pub(super) fn with_dashes(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let (date, rest) = part.split_at(part.find(':').unwrap_or(part.len()));
        if is_date(date) {
            format!("{}-{}-{}{rest}", &date[..4], &date[4..6], &date[6..])
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("-")
}

/// A date in four digits: year and month (`2507`), or month and day (`0324`).
fn is_short_date(text: &str) -> bool {
    if digits(text, 4).is_none() {
        return false;
    }
    let (first, second) = text.split_at(2);
    let is_two_digit_year = digits(first, 2).is_some_and(|year| (20..50).contains(&year));
    is_month(first) && is_day(second) || is_two_digit_year && is_month(second)
}

/// Google's numbers of a stable release: `001`.
fn is_number(text: &str) -> bool {
    digits(text, 3).is_some_and(|number| (1..10).contains(&number))
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|number| digits(number, number.len().max(1)).is_some())
}

/// Bedrock's revision of a version, and the length of its context: `:0`, `:0:200k`.
fn is_revision(text: &str) -> bool {
    let Some(text) = text.strip_prefix(':') else { return false };
    let (number, length) = text.split_once(':').unwrap_or((text, "8k"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(number) && (length == "mm" || length.strip_suffix('k').is_some_and(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_stamps_and_stages_are_no_other_model() {
        for rest in [
            "",
            "-20250929",
            "-2025-09-29",
            "-2025-09",
            "-09-2025",
            "-0324",
            "-2507",
            "-latest",
            "-preview",
            "-preview-05-06",
            "-preview-2024-12-17",
            "-exp-03-25",
            "-exp-1219",
            "-001",
            "@20250929",
            "@default",
            "@001",
            "-v2@20241022",
        ] {
            assert!(is_only_stamps(rest, false), "{rest}");
        }
        for rest in ["-v1:0", "-v1", "-20251001-v1:0", ":0", "-v2:0:200k", ":0:48k", "-v1:0:mm"] {
            assert!(is_only_stamps(rest, true), "{rest}");
            assert!(!is_only_stamps(rest, false), "{rest}");
        }
    }

    #[cfg(feature = "prices")]
    #[test]
    fn dates_get_dashes() {
        assert_eq!(with_dashes("gpt-5-20250807"), "gpt-5-2025-08-07");
        assert_eq!(with_dashes("m-20250807:free"), "m-2025-08-07:free");
        assert_eq!(with_dashes("m-20251399-é"), "m-20251399-é");
    }

    #[test]
    fn anything_else_is_another_model() {
        for rest in [
            "-cyber",
            "-8b",
            "-mini",
            "-lite",
            "-pro",
            "-thinking",
            "-2",
            "-5",
            "5",
            ".1",
            "-v2",
            "-1.5",
            "-preview-tts",
            "-exp-image-generation",
            "-20251399",
            "-1399",
            "-",
            "--",
            "-99b",
            ":70b",
            ":free",
            "-2025-13",
            "x",
            "-00",
            "-1m",
            "é",
            "-é",
        ] {
            for is_bedrock in [false, true] {
                let may_be = is_bedrock && rest == "-v2";
                assert_eq!(is_only_stamps(rest, is_bedrock), may_be, "{rest}");
            }
        }
    }
}
