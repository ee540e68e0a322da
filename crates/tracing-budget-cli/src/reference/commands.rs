//! docs/cli.md, out of the definitions of the arguments.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use crate::args::Cli;
use crate::exit::CODES;

const HEAD: &str = "\
# The command line

<!-- Written by `tracing-budget reference cli`; a test holds it against the program. -->

For a person or a script with runs to look at: which command answers which question, with which options?

`tracing-budget` reads the run history, judges it, and looks prices up. Install it with

```sh
cargo install tracing-budget-cli
```

A pipeline fills the history with `.history(\"runs.db\")` of the crate `tracing-budget-history`, or its summary files are stored
afterwards with `tracing-budget import target/budget`.

- Standard output is data, standard error is talk. `--format json` is everything there is to say and keeps its keys;
  tables are for people and may change.
- What is unknown is `—` in tables, `null` in JSON and empty in CSV, never 0. `≥` is at least: a part of it is unknown.
- A RUN is an id, the beginning of an id that is clear, `last` or `last-failed`.
- A WHEN is a day (`2026-11-01`, `today`, `yesterday`), a time (`2026-11-01T09:30`, local unless it has an offset), so
  long ago (`90m`, `12h`, `7d`, `4w`), or `now`. Days are those of the local time zone (`TZ`).
";

/// The page.
pub(super) fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = HEAD.to_owned();
    text += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
    for (code, meaning) in CODES {
        let _ = writeln!(text, "| {code} | {meaning} |");
    }
    text += "\n## Everywhere\n\n";
    options(&mut text, root.get_arguments().filter(|option| option.is_global_set()));
    describe(&mut text, &root, &[]);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn describe(text: &mut String, command: &Command, above: &[&str]) {
    let path: Vec<&str> = above.iter().copied().chain([command.get_name()]).collect();
    let hidden = |name: &str| name == "help";
    let inner: Vec<&Command> =
        command.get_subcommands().filter(|inner| !inner.is_hide_set() && !hidden(inner.get_name())).collect();
    if !above.is_empty() {
        let _ = write!(text, "\n## {}\n\n", path[1..].join(" "));
        let about = command.get_long_about().or(command.get_about());
        let _ = writeln!(text, "{}", about.map(|about| sentence(&about.to_string())).unwrap_or_default());
        if inner.is_empty() {
            let _ = write!(text, "\n```text\n{}\n```\n", usage(command, &path));
            options(text, command.get_arguments().filter(|option| !option.is_global_set()));
        }
    }
    for inner in inner {
        describe(text, inner, &path);
    }
}

/// One line: the command, what it must have, what it may have.
fn usage(command: &Command, path: &[&str]) -> String {
    let mut line = path.join(" ");
    let own = || command.get_arguments().filter(|option| !option.is_global_set() && !option.is_hide_set());
    if own().any(|option| !option.is_positional() && !built_in(option)) {
        line += " [OPTIONS]";
    }
    for place in own().filter(|option| option.is_positional()) {
        let name = value_names(place);
        let many = if place.get_num_args().is_some_and(|range| range.max_values() > 1) { "..." } else { "" };
        line +=
            &if place.is_required_set() { format!(" <{name}>{many}") } else { format!(" [{name}]{many}") };
    }
    line
}

fn built_in(option: &Arg) -> bool {
    matches!(option.get_id().as_str(), "help" | "version")
}

fn options<'a>(text: &mut String, options: impl Iterator<Item = &'a Arg>) {
    let shown: Vec<&Arg> = options.filter(|option| !option.is_hide_set() && !built_in(option)).collect();
    if shown.is_empty() {
        return;
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text.push_str("| argument | what it says |\n|---|---|\n");
    for option in shown {
        let _ = writeln!(text, "| {} | {} |", spelled(option), told(option));
    }
}

fn spelled(option: &Arg) -> String {
    if option.is_positional() {
        return format!("`{}`", value_names(option).replace('|', "\\|"));
    }
    let mut names = Vec::new();
    names.extend(option.get_short().map(|short| format!("-{short}")));
    names.extend(option.get_long().map(|long| format!("--{long}")));
    let takes = option.get_action().takes_values();
    let value = if takes { format!(" {}", value_names(option).replace('|', "\\|")) } else { String::new() };
    format!("`{}{value}`", names.join(", "))
}

fn value_names(option: &Arg) -> String {
    let names: Vec<&str> =
        option.get_value_names().unwrap_or_default().iter().map(|name| name.as_str()).collect();
    names.join(" ")
}

fn told(option: &Arg) -> String {
    let mut words = option.get_help().map(|help| sentence(&help.to_string())).unwrap_or_default();
    let named = option.get_possible_values();
    if !named.is_empty() && option.get_action().takes_values() {
        let values: Vec<String> = named
            .iter()
            .map(|value| match value.get_help() {
                Some(help) => format!("`{}` ({})", value.get_name(), help.to_string().trim_end_matches('.')),
                None => format!("`{}`", value.get_name()),
            })
            .collect();
        let _ = write!(words, " One of: {}.", values.join(", "));
    }
    let defaults: Vec<String> =
        option.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if !defaults.is_empty() && option.get_action().takes_values() {
        let _ = write!(words, " Unless given: {}.", defaults.join(", "));
    }
    if let Some(variable) = option.get_env() {
        let _ = write!(words, " Also taken from `{}`.", variable.to_string_lossy());
    }
    words.replace('|', "\\|")
}

/// clap takes the full stop off a help text.
fn sentence(help: &str) -> String {
    if help.is_empty() || help.ends_with('.') { help.to_owned() } else { format!("{help}.") }
}
