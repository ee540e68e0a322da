//! Arguments of `top`.

use std::time::Duration;

use clap::Args;

/// Arguments of `top`.
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Only runs of this project.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// Only runs of this pipeline (the root span's name).
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,

    /// Seconds between two looks at the history.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) interval: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || format!("{text:?} is not a number of seconds from 0.1 to 3600");
    let seconds: f64 = text.parse().map_err(|_| expected())?;
    (0.1..=3_600.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds)).ok_or_else(expected)
}
