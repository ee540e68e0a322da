//! The frame of every page, and the content of pages without runs.

use maud::{DOCTYPE, Markup, html};

use super::link;
use super::zone::PageZone;
use crate::assets;

/// The pages in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Runs,
    Trends,
    Compare,
    Live,
    /// A page outside the navigation.
    None,
}

const TABS: [(Tab, &str, &str); 4] = [
    (Tab::Runs, "/", "Runs"),
    (Tab::Trends, "/trends", "Trends"),
    (Tab::Compare, "/compare", "Compare"),
    (Tab::Live, "/now", "Live"),
];

/// A page's content and the parameters of its frame.
pub(super) struct Page<'a> {
    /// The title, to which the program's name is added.
    pub(super) title: &'a str,
    /// The current entry of the navigation.
    pub(super) tab: Tab,
    /// The selected project, which the links of the navigation keep.
    pub(super) project: Option<&'a str>,
    /// Whether the page follows runs in flight.
    pub(super) live: bool,
    /// The zone of the page's times; `None` for a page without times.
    pub(super) zone: Option<&'a PageZone>,
    pub(super) body: Markup,
}

/// Seconds between two loads of a page that follows runs, for browsers without scripts. Shorter intervals would interrupt
/// reading.
const REFRESH_SECONDS: u8 = 5;

impl Page<'_> {
    pub(super) fn render(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" data-zone=[self.zone.and_then(PageZone::replaceable)] {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · tracing-budget" }
                    link rel="stylesheet" href=(assets::style_path());
                    link rel="icon" type="image/svg+xml" href=(assets::mark_path());
                    @if self.zone.is_some() { script src=(assets::zone_path()) {} }
                    @if self.live {
                        script src=(assets::script_path()) defer {}
                        noscript { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    (self.header())
                    main #main tabindex="-1" { (self.body) }
                    (footer(self.zone))
                }
            }
        }
    }

    fn header(&self) -> Markup {
        html! {
            header.site {
                div {
                    a.brand href="/" {
                        img src=(assets::mark_path()) width="22" height="22" alt="";
                        "tracing-budget"
                    }
                    nav aria-label="Pages" {
                        ul {
                            @for (tab, path, name) in TABS {
                                li {
                                    a href=(link::to(path, &[("project", self.project)]))
                                        aria-current=[(tab == self.tab).then_some("page")] { (name) }
                                }
                            }
                        }
                    }
                    @if let Some(project) = self.project {
                        p.project { "project " strong { (project) } }
                    }
                }
            }
        }
    }
}

fn footer(zone: Option<&PageZone>) -> Markup {
    html! {
        footer.foot {
            div {
                span { "tracing-budget " (env!("CARGO_PKG_VERSION")) }
                @if let Some(zone) = zone { span { "Times are " (zone.name()) "." } }
                span { "“—” means unknown; “≥” means at least, because a part is unknown." }
                a href="/openapi.json" { "API description" }
            }
        }
    }
}

const PROGRAM: &str = include_str!("../assets/first_program.rs");

/// The program is shown to users, so the documentation tests compile it.
#[cfg(doctest)]
#[doc = concat!("```no_run\nfn pipeline() {}\n\n", include_str!("../assets/first_program.rs"), "```")]
struct FirstProgram;

/// The content for a history without runs: how to record one.
pub(super) fn no_runs() -> Markup {
    html! {
        section.card {
            div.empty {
                h2 { "No runs yet" }
                p { "The history is empty. Annotate a pipeline with " code { "#[instrument]" } ", register the layer with the history as its sink, and run it. The run appears here when it begins." }
                pre tabindex="0" aria-label="The program" { code { (PROGRAM.trim_end()) } }
                p {
                    "Rust: " code { "cargo add tracing-budget tracing-budget-history" } ". Other programs deliver runs with "
                    code { "POST /runs" } "; see the " a href="/openapi.json" { "API description" } "."
                }
            }
        }
    }
}

/// The content for a filter without results.
pub(super) fn no_match(clear: &str) -> Markup {
    html! {
        section.card {
            div.empty {
                h2 { "No run matches" }
                p { "No run in the history meets all conditions of the filter." }
                p { a.button href=(clear) { "Clear the filter" } }
            }
        }
    }
}
