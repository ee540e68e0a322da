//! From the words that were typed to the command that they mean, and from its end to an exit code.

use std::process::ExitCode;

use clap::Parser as _;

use super::args::{Cli, Command, PricesCommand, RunsCommand};
use super::exit::{End, code_of};
use super::session::Session;
use super::{
    agents, check, export, import, prices, recover, reference, reprice, runs, serving, statistics, watch,
};

/// Runs the command that this process was called with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Whoever asked for help and closed the pipe has seen enough.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let session = Session::new(&cli);
    let ended = run(&cli.command, &session).and_then(|end| {
        session.screen.flush()?;
        Ok(end)
    });
    match ended {
        Ok(end) => end.into(),
        Err(error) => {
            // What was shown before stands before the reason why there is no more.
            let _ = session.screen.flush();
            session.screen.talk(format!("error: {}", told(&error)));
            ExitCode::from(code_of(&error))
        }
    }
}

fn run(command: &Command, session: &Session) -> anyhow::Result<End> {
    match command {
        Command::Runs(RunsCommand::List(args)) => runs::list(args, session),
        Command::Runs(RunsCommand::Show(args)) => runs::show(args, session),
        Command::Runs(RunsCommand::Summary(args)) => runs::summary(args, session),
        Command::Runs(RunsCommand::Compare(args)) => runs::compare(args, session),
        Command::Runs(RunsCommand::Health(args)) => runs::health(args, session),
        Command::Runs(RunsCommand::Delete(args)) => runs::delete(args, session),
        Command::Runs(RunsCommand::Prune(args)) => runs::prune(args, session),
        Command::Stages(args) => statistics::stages(args, session),
        Command::Models(args) => statistics::models(args, session),
        Command::Gates(args) => statistics::gates(args, session),
        Command::Check(args) => check::run(args, session),
        Command::Import(args) => import::run(args, session),
        Command::Export(args) => export::run(args, session),
        Command::Recover(args) => recover::run(args, session),
        Command::Reprice(args) => reprice::run(args, session),
        Command::Prices(PricesCommand::List(args)) => prices::list(args, session),
        Command::Prices(PricesCommand::Find(args)) => prices::find(args, session),
        Command::Prices(PricesCommand::Calc(args)) => prices::calc(args, session),
        Command::Prices(PricesCommand::Diff(args)) => prices::diff(args, session),
        Command::Serve(args) => serving::serve(args, session),
        Command::Top(args) => watch::top(args, session),
        Command::Mcp(args) => agents::serve(args, session),
        Command::Completions(args) => reference::completions(args, session),
        Command::Man(args) => reference::manual(args, session),
        Command::Reference(args) => reference::markdown(args, session),
    }
}

/// The error and its causes on one line, advice below it.
fn told(error: &anyhow::Error) -> String {
    let mut advice = String::new();
    let mut words = Vec::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let (first, rest) = cause.split_once('\n').unwrap_or((&cause, ""));
        words.push(first.to_owned());
        if !rest.is_empty() {
            advice = format!("\n{rest}");
        }
    }
    // Some errors repeat their source's words in their own.
    words.dedup_by(|inner, outer| outer.contains(inner.as_str()));
    format!("{}{advice}", words.join(": "))
}
