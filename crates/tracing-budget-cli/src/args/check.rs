//! Arguments of `check`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum, ValueHint};

use tracing_budget::Usd;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// What is checked: summary files, folders of them, `-` for standard input, or runs of the history.
    #[arg(value_name = "RUN|FILE", default_value = "last", value_hint = ValueHint::AnyPath)]
    pub(crate) runs: Vec<String>,

    /// The most that a run may cost, in USD. A run whose cost is unknown fails: nothing shows that it kept to it.
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost_usd: Option<Usd>,

    /// The most tokens that a run may use.
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_tokens: Option<u64>,

    /// The most seconds that a run may take.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_seconds: Option<f64>,

    /// A gate that must have run and passed; give it again for several.
    #[arg(long = "require-gate", value_name = "NAME")]
    pub(crate) gates: Vec<String>,

    /// The run to hold them against: a run, a summary file, or `last-passing` of the same pipeline.
    #[arg(long, value_name = "RUN|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) baseline: Option<Baseline>,

    /// How much more than the baseline is accepted.
    #[arg(long, value_name = "PERCENT", default_value = "10%", requires = "baseline")]
    pub(crate) max_regression: Percent,

    /// What is held against the baseline.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "cost,tokens",
        requires = "baseline",
        value_name = "FIGURES"
    )]
    pub(crate) regression_of: Vec<Figure>,

    /// A run that failed does not fail the check by that alone.
    #[arg(long)]
    pub(crate) any_status: bool,

    /// Also write the outcome as JUnit XML.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) junit: Option<PathBuf>,

    /// Also append the outcome as Markdown; GitHub shows such a file on the page of the workflow run.
    #[arg(long, value_name = "FILE", env = "GITHUB_STEP_SUMMARY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) step_summary: Option<PathBuf>,
}

/// What a run is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// The newest run of the same pipeline before it that completed and of which no gate failed.
    LastPassing,
    /// This run.
    Run(String),
}

impl FromStr for Baseline {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "last-passing" { Self::LastPassing } else { Self::Run(text.to_owned()) })
    }
}

/// A figure that must not grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Figure {
    /// USD.
    Cost,
    /// Tokens.
    Tokens,
    /// Seconds.
    Duration,
}

/// A part of a whole: `10%`, or `10`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percent(pub(crate) f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().trim_end_matches('%').trim_end();
        match number.parse::<f64>() {
            Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(Self(percent)),
            _ => Err("expected a percentage of 0 or more, such as 10%".to_owned()),
        }
    }
}
