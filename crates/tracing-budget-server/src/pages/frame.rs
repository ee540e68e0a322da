//! Pages that need no run: an error, and the welcome after a login link.

use maud::{DOCTYPE, Markup, html};

use super::layout::{Page, Tab};
use crate::problem::{Kind, Problem};

/// An error as people read it. Someone who brought no token is asked for it: the form opens `/?token=…`.
pub(crate) fn problem(problem: &Problem) -> Markup {
    Page {
        title: problem.title(),
        tab: Tab::None,
        project: None,
        live: false,
        body: html! {
            section.card {
                div.empty {
                    h1 { (problem.title()) }
                    p { (problem.detail()) }
                    @if problem.kind() == Kind::TokenNeeded {
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

/// What a login link shows for a moment, on the way to `/`.
pub(crate) fn welcome() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta http-equiv="refresh" content="0;url=/"; title { "Welcome" } }
            body { p { a href="/" { "To the runs" } } }
        }
    }
}
