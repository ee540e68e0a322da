//! `serve`: the dashboard and the HTTP API, until Ctrl-C or SIGTERM.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueHint};

use crate::exit::Exit;
use crate::session::Session;
use tracing_budget_server::{ServeOptions, Server};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 selects a free one. Other interfaces than loopback require a token.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7417")]
    pub(crate) listen: SocketAddr,

    /// File with the token that every request must carry; default: the variable TRACING_BUDGET_TOKEN.
    /// A browser opens http://ADDRESS:PORT/?token=TOKEN once.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,

    /// Host name in requests, besides localhost (repeatable).
    #[arg(long, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub(crate) allow_host: Vec<String>,

    /// Origin of scripts that may read the API, such as `https://example.org` (repeatable).
    #[arg(long, value_name = "ORIGIN", value_hint = ValueHint::Url)]
    pub(crate) allow_origin: Vec<String>,
}

const TOKEN: &str = "TRACING_BUDGET_TOKEN";

/// Serves until Ctrl-C or SIGTERM. Creates a missing history: a server may start before the first run.
pub(crate) fn run(args: &ServeArgs, session: &Session) -> anyhow::Result<Exit> {
    let token = token(args)?;
    let has_token = token.is_some();
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
    session.screen.message(format!("serving {history} on {url} (Ctrl-C ends it)"));
    if has_token {
        session.screen.message(format!(
            "a browser opens {url}/?token=TOKEN once; scripts send Authorization: Bearer TOKEN"
        ));
    }
    server.run()?;
    Ok(Exit::Success)
}

/// The token is never an argument: every user of the machine can list arguments.
fn token(args: &ServeArgs) -> anyhow::Result<Option<String>> {
    let Some(file) = &args.token_file else {
        return Ok(std::env::var(TOKEN).ok().filter(|token| !token.is_empty()));
    };
    let token =
        std::fs::read_to_string(file).with_context(|| format!("cannot read the token file {file:?}"))?;
    Ok(Some(token.trim().to_owned()))
}
