//! The list of commands, and the way from the arguments to an exit code.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::check::{self, CheckArgs};
use crate::exit::{Exit, ExitCodes, code_of};
use crate::export::{self, ExportArgs};
use crate::filter_args::ScopeArgs;
use crate::import::{self, ImportArgs};
use crate::mcp::{self, McpArgs};
use crate::prices::{self, PricesCommand};
use crate::recover::{self, RecoverArgs};
use crate::reference::{self, CompletionsArgs, ManArgs, ReferenceArgs};
use crate::reprice::{self, RepriceArgs};
use crate::runs::{self, RunsCommand};
use crate::serve::{self, ServeArgs};
use crate::session::{GlobalArgs, Session};
use crate::stats;
use crate::store::{self, StoreCommand};
use crate::top::{self, TopArgs};

/// Where an LLM pipeline's tokens, money and time went: the run history, checks for CI, and prices.
#[derive(Debug, Parser)]
#[command(name = "tracing-budget", version, after_help = ExitCodes.to_string(), propagate_version = true, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,

    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// List, show, compare, judge and delete runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Figures by stage over a period, most expensive first; default: the last 30 days.
    Stages(ScopeArgs),
    /// Figures by model over a period, most expensive first; default: the last 30 days.
    Models(ScopeArgs),
    /// Verdicts by gate over a period, most failures first; default: the last 30 days.
    Gates(ScopeArgs),
    /// Check runs against limits, gates and a baseline; for CI.
    Check(CheckArgs),
    /// Store summaries from files and folders in the run history.
    Import(ImportArgs),
    /// Write whole runs as JSON, JSON lines or CSV.
    Export(ExportArgs),
    /// Store the runs of killed processes, read from their journals.
    Recover(RecoverArgs),
    /// Check the run history's file.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Costs of stored runs at other prices or with another model.
    Reprice(RepriceArgs),
    /// List, find, apply and compare prices.
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Serve the dashboard and the HTTP API.
    Serve(ServeArgs),
    /// Live panel of the running runs.
    Top(TopArgs),
    /// Serve the run history to an agent over standard input and output (Model Context Protocol).
    Mcp(McpArgs),
    /// Write a shell's completion script to standard output.
    Completions(CompletionsArgs),
    /// Write the manual pages.
    Man(ManArgs),
    /// Write docs/cli.md or docs/metrics.md to standard output.
    #[command(hide = true)]
    Reference(ReferenceArgs),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Printing fails if the reader closed the pipe (`--help | head`): that is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let session = Session::new(&cli.global);
    let ended = run(&cli.command, &session).and_then(|exit| {
        session.screen.flush()?;
        Ok(exit)
    });
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            // The data before the error: on a terminal both streams are one, and the error must be the last line.
            let _ = session.screen.flush();
            session.screen.message(format!("error: {}", report(&error)));
            ExitCode::from(code_of(&error))
        }
    }
}

fn run(command: &Command, session: &Session) -> anyhow::Result<Exit> {
    match command {
        Command::Runs(command) => runs::run(command, session),
        Command::Stages(args) => stats::stages(args, session),
        Command::Models(args) => stats::models(args, session),
        Command::Gates(args) => stats::gates(args, session),
        Command::Check(args) => check::run(args, session),
        Command::Import(args) => import::run(args, session),
        Command::Export(args) => export::run(args, session),
        Command::Recover(args) => recover::run(args, session),
        Command::Store(command) => store::run(command, session),
        Command::Reprice(args) => reprice::run(args, session),
        Command::Prices(command) => prices::run(command, session),
        Command::Serve(args) => serve::run(args, session),
        Command::Top(args) => top::run(args, session),
        Command::Mcp(args) => mcp::run(args, session),
        Command::Completions(args) => reference::completions(args, Cli::command(), session),
        Command::Man(args) => reference::manual(args, Cli::command(), session),
        Command::Reference(args) => reference::document(args, Cli::command(), session),
    }
}

/// Returns the error and its causes in one line, and the advice below it.
fn report(error: &anyhow::Error) -> String {
    let mut advice = String::new();
    let mut causes = Vec::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let (first, rest) = cause.split_once('\n').unwrap_or((&cause, ""));
        causes.push(first.to_owned());
        if !rest.is_empty() {
            advice = format!("\n{rest}");
        }
    }
    // Some errors repeat their source's text in their own; without this the reader sees it twice.
    causes.dedup_by(|inner, outer| outer.contains(inner.as_str()));
    format!("{}{advice}", causes.join(": "))
}
