//! Pages without data: an error, and the page that sets a session.

use maud::{DOCTYPE, Markup, html};

use super::layout::{Page, Tab};
use crate::problem::{Problem, ProblemKind};

/// An error as a page. A missing token gets a form that opens `/?token=…`.
pub(crate) fn error_page(problem: &Problem) -> Markup {
    Page {
        title: problem.title(),
        tab: Tab::None,
        project: None,
        live: false,
        zone: None,
        body: html! {
            section.card {
                div.empty {
                    h1 { (problem.title()) }
                    p { (problem.detail()) }
                    @if problem.kind() == ProblemKind::TokenNeeded {
                        form action="/" method="get" {
                            div.fields {
                                div {
                                    label for="token" { "Token" }
                                    input #token type="password" name="token" required autocomplete="current-password";
                                }
                                div { button type="submit" { "Open" } }
                            }
                        }
                    } @else {
                        p { a.button href="/" { "To the runs" } }
                    }
                }
            }
        },
    }
    .render()
}

/// The answer to a login link, which refreshes to `/` at once.
pub(crate) fn session_page() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta http-equiv="refresh" content="0;url=/"; title { "Signed in" } }
            body { p { a href="/" { "To the runs" } } }
        }
    }
}
