//! Arguments of the commands that bring runs in, write them out, and reckon them anew.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum, ValueHint};

use super::FilterArgs;
use crate::when;
use tracing_budget::summary::Timestamp;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Summary files (.json), files with one summary a line (.jsonl), journals, folders of them, `-` for standard
    /// input.
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Only say what would be stored.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// These runs; without any, all that match.
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<String>,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// What is written: a JSON list, a summary a line, or a row a run.
    #[arg(long = "as", value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) written_as: ExportFormat,

    /// Where to; standard output unless given. A file that is there is replaced.
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

/// What an export is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One list of whole summaries.
    Json,
    /// One whole summary a line; `import` reads it back.
    #[default]
    Jsonl,
    /// One row a run, without its stages, models and gates.
    Csv,
}

/// Arguments of `reprice`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("how").required(true).multiple(true).args(["as_of", "with", "model_swap"]))]
pub(crate) struct RepriceArgs {
    /// These runs, or summary files; without any, all that match.
    #[arg(value_name = "RUN|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) runs: Vec<String>,

    #[command(flatten)]
    pub(crate) filter: FilterArgs,

    /// At the prices of this day or time, instead of when each run started.
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) as_of: Option<Timestamp>,

    /// With these prices: a TOML file (docs/prices.md), or a data.json of genai-prices.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) with: Option<PathBuf>,

    /// As if B had been called wherever A was, with as many tokens; give it again for several.
    #[arg(long, value_name = "A=B")]
    pub(crate) model_swap: Vec<Swap>,

    /// Put the new figures in place of the stored ones; the old documents are kept beside them.
    #[arg(long)]
    pub(crate) write: bool,
}

/// One model in place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl FromStr for Swap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=').map(|(from, to)| (from.trim(), to.trim())) {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                Ok(Self { from: from.to_owned(), to: to.to_owned() })
            }
            _ => Err("expected A=B, such as openai/gpt-5=openai/gpt-5-mini".to_owned()),
        }
    }
}
