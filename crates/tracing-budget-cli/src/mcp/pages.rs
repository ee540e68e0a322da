//! What an agent can read up: what every field means.

use rmcp::model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents};

struct PageOf {
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    about: &'static str,
    kind: &'static str,
    text: &'static str,
}

const PAGES: [PageOf; 1] = [PageOf {
    uri: "tracing-budget://run-summary.schema.json",
    name: "run-summary-schema",
    title: "Fields of a run",
    about: "The JSON Schema of a run's summary: every field, its unit, and when it is null.",
    kind: "application/schema+json",
    text: include_str!("../../schema/run-summary.v1.schema.json"),
}];

pub(super) fn list() -> ListResourcesResult {
    let resource = |page: &PageOf| {
        Resource::new(page.uri, page.name)
            .with_title(page.title)
            .with_description(page.about)
            .with_mime_type(page.kind)
            .with_size(page.text.len() as u64)
    };
    ListResourcesResult::with_all_items(PAGES.iter().map(resource).collect())
}

pub(super) fn read(uri: &str) -> Option<ReadResourceResult> {
    let page = PAGES.iter().find(|page| page.uri == uri)?;
    let contents = ResourceContents::text(page.text, page.uri).with_mime_type(page.kind);
    Some(ReadResourceResult::new(vec![contents]))
}
