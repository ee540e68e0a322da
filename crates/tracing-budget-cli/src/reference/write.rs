//! The commands that write about the program.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::{commands, metrics};
use crate::args::{Cli, CompletionsArgs, Document, ManArgs, ReferenceArgs};
use crate::exit::End;
use crate::session::Session;

/// Writes the completions of a shell.
pub(crate) fn completions(args: &CompletionsArgs, session: &Session) -> anyhow::Result<End> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tracing-budget", &mut script);
    session.screen.data(script)?;
    Ok(End::Good)
}

/// Writes the manual: the first page, or all of them into a directory.
pub(crate) fn manual(args: &ManArgs, session: &Session) -> anyhow::Result<End> {
    let Some(directory) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        session.screen.data(page)?;
        return Ok(End::Good);
    };
    let into = |directory: &Path| {
        fs::create_dir_all(directory)?;
        clap_mangen::generate_to(Cli::command(), directory)
    };
    into(directory).with_context(|| format!("the manual cannot be written to {}", directory.display()))?;
    session.screen.talk(format!("the manual is in {}", directory.display()));
    Ok(End::Good)
}

/// Writes a document.
pub(crate) fn markdown(args: &ReferenceArgs, session: &Session) -> anyhow::Result<End> {
    session.screen.data(match args.document {
        Document::Cli => commands::page(),
        Document::Metrics => metrics::page()?,
    })?;
    Ok(End::Good)
}
