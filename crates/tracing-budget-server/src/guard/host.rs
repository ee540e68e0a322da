//! The host that a request is for: against pages of other sites whose name resolves to this machine.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::address::{host, is_this_machine};
use crate::app::App;
use crate::problem::{Kind, Problem};

pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let options = app.options();
    let open = !options.address.ip().is_loopback() && options.hosts.is_empty();
    let asked = host(request.uri(), request.headers());
    let known = asked.as_deref().is_some_and(|asked| {
        is_this_machine(asked) || options.hosts.iter().any(|known| known.eq_ignore_ascii_case(asked))
    });
    if open || known {
        return next.run(request).await;
    }
    let detail = match asked {
        Some(asked) => format!(
            "this server does not answer for the host {asked:?}, expected localhost or one that it was told of"
        ),
        None => "the request does not say for which host it is, expected a header Host".to_owned(),
    };
    Problem::new(Kind::ForeignHost, detail).into_response()
}
