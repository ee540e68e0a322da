//! The program, what every command takes, and the list of commands.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};

use super::{
    CheckArgs, ExportArgs, ImportArgs, PricesCommand, RecoverArgs, RepriceArgs, RunsCommand, ServeArgs,
    TopArgs, WindowArgs,
};
use crate::exit::Codes;

/// Where an LLM pipeline's tokens, money and time went: the run history, its checks, and the prices behind it.
#[derive(Debug, Parser)]
#[command(name = "tracing-budget", version, after_help = Codes.to_string(), propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// The file of the run history; the platform's data directory unless given.
    #[arg(long, global = true, value_name = "FILE", env = "TRACING_BUDGET_DB", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) db: Option<PathBuf>,

    /// How results are written; a table is for people, and its shape may change.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Whether tables have colours; `auto` looks at the terminal, NO_COLOR and CLICOLOR_FORCE.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: everything there is to say; what is unknown is null.
    Json,
    /// For spreadsheets: the main rows; what is unknown is empty.
    Csv,
}

/// Whether tables have colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Also in a pipe.
    Always,
    /// Nowhere.
    Never,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List, show, compare, judge and delete runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// What the stages took over a stretch of time, dearest first.
    Stages(WindowArgs),
    /// What the models took over a stretch of time, dearest first.
    Models(WindowArgs),
    /// How the gates decided over a stretch of time, the one that fails most first.
    Gates(WindowArgs),
    /// Hold runs against limits, gates and a baseline; for CI.
    Check(CheckArgs),
    /// Store summaries from files and folders.
    Import(ImportArgs),
    /// Write whole runs out: JSON, JSON lines or CSV.
    Export(ExportArgs),
    /// Store the runs of processes that died, out of their journals.
    Recover(RecoverArgs),
    /// What runs would cost at other prices or with another model.
    Reprice(RepriceArgs),
    /// Look prices up.
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Serve the dashboard and the HTTP API.
    Serve(ServeArgs),
    /// Watch the runs in flight.
    Top(TopArgs),
    /// Answer an agent's questions over standard input and output (Model Context Protocol).
    Mcp(McpArgs),
    /// Write the completions of a shell to standard output.
    Completions(CompletionsArgs),
    /// Write the manual pages.
    Man(ManArgs),
    /// Write docs/cli.md or docs/metrics.md to standard output.
    #[command(hide = true)]
    Reference(ReferenceArgs),
}

/// Arguments of `mcp`.
#[derive(Debug, clap::Args)]
pub(crate) struct McpArgs {
    /// Prices of your own, a TOML file, or a newer `data.json`; may be repeated.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) prices: Vec<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Where to put one page a command; without it the first page goes to standard output.
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

/// Arguments of `reference`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReferenceArgs {
    /// Which document.
    #[arg(value_enum, default_value_t)]
    pub(crate) document: Document,
}

/// A document that the program writes about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// The command line.
    #[default]
    Cli,
    /// The figures of a summary.
    Metrics,
}
