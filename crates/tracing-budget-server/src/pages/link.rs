//! URLs of pages.

use form_urlencoded::Serializer;

use crate::segment;

/// A path with those parameters that have a value.
pub(super) fn to(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The page of a run.
pub(super) fn run(run_id: &str) -> String {
    format!("/runs/{}", segment::of_run(run_id))
}

/// The document of a run in the API, where `-` is the empty project.
pub(super) fn document(project: &str, run_id: &str) -> String {
    format!("/projects/{}/runs/{}", segment::of_project(project), segment::of_run(run_id))
}

/// The page that compares two runs.
pub(super) fn compare(before: &str, after: &str) -> String {
    to("/compare", &[("a", Some(before)), ("b", Some(after))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_without_a_value_are_left_out() {
        assert_eq!(to("/trends", &[("project", None), ("by", Some(""))]), "/trends");
        assert_eq!(to("/", &[("project", Some("a b&c"))]), "/?project=a+b%26c");
    }

    #[test]
    fn an_id_stays_one_segment() {
        assert_eq!(run("a/b c?d+e"), "/runs/a%2Fb%20c%3Fd%2Be");
        assert_eq!(document("p/q", "é"), "/projects/p%2Fq/runs/%C3%A9");
        assert_eq!(document("", "a"), "/projects/-/runs/a");
        assert_eq!(document("..", "a"), "/projects/~../runs/a");
    }
}
