//! `serve`: the dashboard and the HTTP API, until the process is told to end.

use std::sync::Arc;

use anyhow::Context as _;

use super::args::ServeArgs;
use super::exit::End;
use super::session::Session;
use tracing_budget_server::{ServeOptions, Server};

const TOKEN: &str = "TRACING_BUDGET_TOKEN";

/// Serves until Ctrl-C or SIGTERM. A server may be there before the first run is, so the history is begun if need be.
pub(super) fn serve(args: &ServeArgs, session: &Session) -> anyhow::Result<End> {
    let token = token(args)?;
    let guarded = token.is_some();
    let mut options = ServeOptions::new().address(args.listen);
    if let Some(token) = token {
        options = options.token(token);
    }
    options = args.allow_host.iter().fold(options, |options, host| options.allow_host(host));
    options = args.allow_origin.iter().fold(options, |options, origin| options.allow_origin(origin));
    let store = session.store_or_new()?;
    let history = store.path().display().to_string();
    let server = Server::bind(&options, Arc::new(store))?;
    let url = format!("http://{}", server.address());
    session.screen.talk(format!("serving {history} on {url} (Ctrl-C ends it)"));
    if guarded {
        session.screen.talk(format!(
            "a browser opens {url}/?token=TOKEN once; scripts send Authorization: Bearer TOKEN"
        ));
    }
    server.run()?;
    Ok(End::Good)
}

/// Never an argument: those are shown to every user of the machine.
fn token(args: &ServeArgs) -> anyhow::Result<Option<String>> {
    let Some(file) = &args.token_file else {
        return Ok(std::env::var(TOKEN).ok().filter(|token| !token.is_empty()));
    };
    let token =
        std::fs::read_to_string(file).with_context(|| format!("the token file {file:?} cannot be read"))?;
    Ok(Some(token.trim().to_owned()))
}
