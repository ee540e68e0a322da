//! Where the server listens, and whom it answers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes any that is free. Beyond the loopback interface there must be a token.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7417")]
    pub(crate) listen: SocketAddr,

    /// A file with the token that every request must bring; without it the variable TRACING_BUDGET_TOKEN may have one.
    /// A browser brings it once, as http://ADDRESS:PORT/?token=TOKEN.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,

    /// A host name that requests may be for, beside localhost; may be repeated.
    #[arg(long, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub(crate) allow_host: Vec<String>,

    /// A site whose scripts may read the API, such as `https://example.org`; may be repeated.
    #[arg(long, value_name = "ORIGIN", value_hint = ValueHint::Url)]
    pub(crate) allow_origin: Vec<String>,
}
