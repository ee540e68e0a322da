//! What stands around every page.

use maud::{DOCTYPE, Markup, html};

use super::link;
use crate::assets;

/// The pages that the navigation leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Runs,
    Trends,
    Compare,
    Live,
    /// None of them.
    None,
}

const TABS: [(Tab, &str, &str); 4] = [
    (Tab::Runs, "/", "Runs"),
    (Tab::Trends, "/trends", "Trends"),
    (Tab::Compare, "/compare", "Compare"),
    (Tab::Live, "/now", "Live"),
];

/// A page before it is put in its frame.
pub(super) struct Page<'a> {
    /// Stands in the browser's tab before the program's name.
    pub(super) title: &'a str,
    /// Where in the navigation it is.
    pub(super) tab: Tab,
    /// Whose runs are looked at; the other pages are linked for the same project.
    pub(super) project: Option<&'a str>,
    /// It changes while it is looked at.
    pub(super) live: bool,
    pub(super) body: Markup,
}

/// Seconds between two loads of a page that changes, where scripts are off.
const REFRESH_SECONDS: u8 = 5;

impl Page<'_> {
    pub(super) fn render(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · tracing-budget" }
                    link rel="stylesheet" href=(assets::style_path());
                    link rel="icon" type="image/svg+xml" href=(assets::mark_path());
                    @if self.live {
                        script src=(assets::script_path()) defer {}
                        noscript { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    (self.header())
                    main #main tabindex="-1" { (self.body) }
                    (footer())
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
                        p.whose { "project " strong { (project) } }
                    }
                }
            }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer.foot {
            div {
                span { "tracing-budget " (env!("CARGO_PKG_VERSION")) }
                span { "All times are UTC." }
                span { "“—” is unknown; “≥” is what is known of a figure." }
                a href="/openapi.json" { "API description" }
            }
        }
    }
}
