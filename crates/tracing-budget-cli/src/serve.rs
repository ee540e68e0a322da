//! `serve`: the dashboard and the HTTP API, until Ctrl-C or SIGTERM.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
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

    /// Maximum number of open connections. A new one closes the one that has been without a request for longest.
    #[arg(long, value_name = "COUNT", default_value = "2000")]
    pub(crate) max_connections: NonZeroUsize,

    /// Maximum size of a delivered run in MiB.
    #[arg(long, value_name = "MIB", default_value = "4")]
    pub(crate) max_body_mib: NonZeroUsize,
}

const TOKEN: &str = "TRACING_BUDGET_TOKEN";

/// Serves until Ctrl-C or SIGTERM, and a few seconds more for requests in progress; a second signal ends it at once. Creates a missing history: a server may start before the first run.
pub(crate) fn run(args: &ServeArgs, session: &Session) -> anyhow::Result<Exit> {
    let token = token(args)?;
    let has_token = token.is_some();
    let mut options = ServeOptions::new()
        .address(args.listen)
        .max_connections(args.max_connections.get())
        .max_body_bytes(args.max_body_mib.get().saturating_mul(1 << 20));
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
    if let Some(file) = &args.token_file {
        warn_of_readers(file, session);
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

/// Warns of a token file that other users of the machine can read. Not an error: a secret that an orchestrator mounts often has
/// the mode 644, in a container where there are no others.
#[cfg(unix)]
fn warn_of_readers(file: &Path, session: &Session) {
    use std::os::unix::fs::MetadataExt as _;
    let mode = std::fs::metadata(file).map_or(0, |file| file.mode() & 0o777);
    if mode & 0o077 != 0 {
        session.screen.message(format!(
            "warning: other users may read the token file {file:?}: its mode is {mode:03o}, expected 600; chmod 600 it"
        ));
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path, _: &Session) {}
