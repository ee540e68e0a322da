//! Paths of counts in a usage object: `a.b`, `list[].c` for the elements of a list, and `list[key=value].c` for those with this value.

use serde_json::{Map, Value};

/// The values at a path, each with its concrete path. Several only where the path leads through a list.
pub(super) fn find<'a>(usage: &'a Map<String, Value>, path: &str) -> Vec<(String, &'a Value)> {
    let (first, rest) = split(path);
    let mut found = Vec::new();
    step(usage, first, rest, String::new(), &mut found);
    found
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

fn step<'a>(
    map: &'a Map<String, Value>,
    first: &str,
    rest: Option<&str>,
    before: String,
    found: &mut Vec<(String, &'a Value)>,
) {
    let (name, filter) = first
        .strip_suffix(']')
        .and_then(|first| first.split_once('['))
        .map_or((first, None), |(name, filter)| (name, Some(filter)));
    let Some(value) = map.get(name) else { return };
    let at = join(&before, name);
    match (filter, value) {
        (Some(filter), Value::Array(list)) => {
            for (index, element) in list.iter().enumerate() {
                if let Some(element) = element.as_object().filter(|element| matches(element, filter)) {
                    next(&Value::Null, Some(element), rest, format!("{at}[{index}]"), found);
                }
            }
        }
        (Some(_), _) => {}
        (None, value) => next(value, value.as_object(), rest, at, found),
    }
}

fn next<'a>(
    value: &'a Value,
    map: Option<&'a Map<String, Value>>,
    rest: Option<&str>,
    at: String,
    found: &mut Vec<(String, &'a Value)>,
) {
    match (rest, map) {
        (None, _) => found.push((at, value)),
        (Some(rest), Some(map)) => {
            let (first, rest) = split(rest);
            step(map, first, rest, at, found);
        }
        (Some(_), None) => {}
    }
}

/// Whether an element has the key with the value, without regard to case: `modality=AUDIO`. All pass an empty filter.
fn matches(element: &Map<String, Value>, filter: &str) -> bool {
    filter.is_empty()
        || filter.split_once('=').is_some_and(|(key, expected)| {
            element.get(key).and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case(expected))
        })
}

/// The path of a key below another path.
pub(super) fn join(before: &str, name: &str) -> String {
    if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") }
}

/// The value at a path of keys.
pub(super) fn at<'a>(level: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (last, before) = path.split_last()?;
    before.iter().try_fold(level, |level, key| level.get(*key)?.as_object())?.get(*last)
}

/// The text at a path of keys; an empty one is absent.
pub(super) fn text<'a>(level: &'a Map<String, Value>, path: &[&str]) -> Option<&'a str> {
    at(level, path)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let usage = json!({
            "a": {"b": 1},
            "list": [{"modality": "TEXT", "count": 2}, {"modality": "audio", "count": 3}, 4, {"modality": "AUDIO", "count": 5}],
        });
        let usage = usage.as_object().expect("an object");
        let paths =
            |path| find(usage, path).into_iter().map(|(at, value)| (at, value.clone())).collect::<Vec<_>>();
        assert_eq!(paths("a.b"), [("a.b".to_owned(), json!(1))]);
        assert_eq!(
            paths("list[modality=AUDIO].count"),
            [("list[1].count".to_owned(), json!(3)), ("list[3].count".to_owned(), json!(5))]
        );
        let second = paths("list[].modality");
        assert_eq!(second.len(), 3);
        for path in ["a.b.c", "a.c", "list.count", "a[x=y].b", "nothing"] {
            assert!(paths(path).is_empty(), "{path}");
        }
    }
}
