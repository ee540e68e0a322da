//! Programs of spans as text, and what they must leave: the parser. It knows no `tracing`.
//!
//! A file has several programs. Each begins with `# title`, may have headers, and has spans, one per line, indented by two spaces
//! below the span that they are in. The expected rows follow after `=>`.
//!
//! ```text
//! # A late name counts from then on
//! stages: review
//! pipeline
//!   step stage=_
//!     chat(m-a) | .in=100 .out=10
//!     | stage=review
//!     ! INFO "a log line" tokens=8000
//! =>
//! stage step: 1 calls, 100/10, 0 attempts
//! stage review
//! ```
//!
//! - **Span:** `name`, or `operation(model)`, `agent(name)`, `tool(name)`, `gate(name)`; then options, then fields. Fields before
//!   the first `|` are set at the opening. `run(name)` opens an explicit run, and a value that is recorded on it fails it. Each
//!   further group is recorded when everything inside has closed.
//!   A line that begins with `|` records on the enclosing span at that place.
//! - **Options:** `root` (`parent: None`), `late` (closed after the outermost span), `@target`, a level, `file=".."`.
//! - **Fields:** `name=value`; a name that begins with a dot is a long name of the GenAI conventions, see [`LONG`].
//!   Values: `7` u64, `-7` i64, `1.5` f64, `true`, `word` or `"text"`, `?debug`, `%display`, `u128:7`, `i128:7`, `i64:7`,
//!   `error:"text"`, and `_` for `Empty`.
//! - **Event:** `! LEVEL`, then options as above, `name(..)`, a message in quotes, fields. **Step:** `> finish` and the like.
//! - **Expected:** `none`, or for each run `run NAME: clauses`, `total: ..`, `stage KEY: ..`, `agent KEY: ..`, `model KEY: ..`,
//!   `operation KEY: ..`, `gate NAME: verdict`, `warning: part of its text`. Clauses are `3 calls`, `100/10`, `$0.5`, `failed`, ….
//!   What a listed row does not state is 0. Stages, agents and warnings that are not listed must not exist.

/// Short forms of the long names.
const LONG: [(&str, &str); 16] = [
    (".in", "gen_ai.usage.input_tokens"),
    (".out", "gen_ai.usage.output_tokens"),
    (".total", "gen_ai.usage.total_tokens"),
    (".cached", "gen_ai.usage.cache_read.input_tokens"),
    (".written", "gen_ai.usage.cache_creation.input_tokens"),
    (".reasoning", "gen_ai.usage.reasoning.output_tokens"),
    (".cost", "gen_ai.usage.cost"),
    (".currency", "gen_ai.usage.cost.currency"),
    (".op", "gen_ai.operation.name"),
    (".model", "gen_ai.request.model"),
    (".answered", "gen_ai.response.model"),
    (".provider", "gen_ai.provider.name"),
    (".id", "gen_ai.response.id"),
    (".agent", "gen_ai.agent.name"),
    (".tool", "gen_ai.tool.name"),
    (".evaluation", "gen_ai.evaluation.name"),
];

#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) title: String,
    /// The text that it was read from.
    pub(crate) text: String,
    pub(crate) headers: Vec<(String, Vec<String>)>,
    pub(crate) spans: Vec<Step>,
    /// Empty if no run is expected.
    pub(crate) runs: Vec<Run>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Span(Span),
    Event(Event),
    /// Values that are recorded on the enclosing span.
    Record(Vec<Field>),
    /// A call of this crate's API, word by word.
    Do(Vec<String>),
}

/// What spans and events have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callsite {
    pub(crate) name: String,
    pub(crate) target: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) is_root: bool,
    pub(crate) is_late: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) callsite: Callsite,
    /// The pipeline's name, if this is an explicit run and no plain span.
    pub(crate) run: Option<String>,
    /// What it declares, in order.
    pub(crate) declared: Vec<String>,
    pub(crate) at_opening: Vec<Field>,
    /// Recorded when everything inside has closed, one group after the other.
    pub(crate) at_end: Vec<Vec<Field>>,
    pub(crate) inside: Vec<Step>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    pub(crate) callsite: Callsite,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    U64(u64),
    I64(i64),
    U128(u128),
    I128(i128),
    F64(f64),
    Bool(bool),
    Text(String),
    Debug(String),
    Display(String),
    Error(String),
    Empty,
}

/// One expected run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) name: Option<String>,
    pub(crate) clauses: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) warnings: Vec<String>,
}

/// One expected row: its dimension, its key, and its clauses.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) dimension: String,
    pub(crate) key: String,
    pub(crate) clauses: Vec<String>,
}

/// Reads the programs of one file.
pub(crate) fn parse(text: &str) -> Vec<Program> {
    let mut programs = Vec::new();
    for block in format!("\n{text}").split("\n# ").skip(1) {
        let (title, body) = block.split_once('\n').unwrap_or((block, ""));
        let (spans, expected) = body.split_once("\n=>").unwrap_or_else(|| panic!("no `=>` in {title:?}"));
        let lines: Vec<&str> = spans.lines().filter(|line| !line.trim().is_empty()).collect();
        let is_header = |line: &&&str| line.split_once(": ").is_some_and(|(key, _)| HEADERS.contains(&key));
        let headers = lines.iter().take_while(is_header).count();
        programs.push(Program {
            title: title.trim().into(),
            text: body.trim_end().into(),
            headers: lines[..headers].iter().map(|line| header(line)).collect(),
            spans: steps(&lines[headers..], 0),
            runs: runs(expected),
        });
    }
    assert!(!programs.is_empty(), "no programs");
    programs
}

const HEADERS: [&str; 7] =
    ["stages", "roots", "usage_events", "error_events", "exclusive_cache", "project", "limit_tokens"];

fn header(line: &str) -> (String, Vec<String>) {
    let (key, values) = line.split_once(": ").unwrap();
    (key.into(), values.split(", ").map(|value| value.trim().trim_matches('"').to_owned()).collect())
}

/// The steps of these lines, which are all at this depth or below.
fn steps(lines: &[&str], depth: usize) -> Vec<Step> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut steps = Vec::new();
    let mut rest = lines;
    while let Some((line, below)) = rest.split_first() {
        assert_eq!(indent(line), 2 * depth, "the indentation of {line:?}");
        let inside = below.iter().take_while(|line| indent(line) > 2 * depth).count();
        let mut step = step(line.trim());
        match &mut step {
            Step::Span(span) => {
                span.inside = self::steps(&below[..inside], depth + 1);
                for inner in &span.inside {
                    if let Step::Record(fields) = inner {
                        declare(&mut span.declared, fields);
                    }
                }
            }
            _ => assert_eq!(inside, 0, "nothing may be inside {line:?}"),
        }
        steps.push(step);
        rest = &below[inside..];
    }
    steps
}

fn declare(declared: &mut Vec<String>, fields: &[Field]) {
    for field in fields {
        if !declared.contains(&field.name) {
            declared.push(field.name.clone());
        }
    }
}

fn step(line: &str) -> Step {
    if let Some(fields) = line.strip_prefix("| ") {
        return Step::Record(words(fields).iter().map(|word| field(word)).collect());
    }
    if let Some(step) = line.strip_prefix("> ") {
        return Step::Do(words(step));
    }
    let mut groups = groups(line).into_iter();
    let first = groups.next().unwrap_or_default();
    if let Some(level) = first.first().filter(|word| *word == "!") {
        assert_eq!(level, "!");
        let mut event = Event::default();
        for word in &first[1..] {
            match word.strip_prefix("name(").and_then(|name| name.strip_suffix(')')) {
                Some(name) => event.callsite.name = name.into(),
                None if option(&mut event.callsite, word) => {}
                None if word.starts_with('"') => {
                    event.fields.push(Field { name: "message".into(), value: Value::Debug(unquoted(word)) });
                }
                None => event.fields.push(field(word)),
            }
        }
        return Step::Event(event);
    }
    let mut span = Span { run: explicit_run(&first[0]), ..Span::default() };
    let (name, mut fields) = opened(&first[0]);
    span.callsite.name = name;
    for word in &first[1..] {
        if !option(&mut span.callsite, word) {
            fields.push(field(word));
        }
    }
    span.at_end = groups.map(|group| group.iter().map(|word| field(word)).collect()).collect();
    declare(&mut span.declared, &fields);
    span.at_end.iter().for_each(|fields| declare(&mut span.declared, fields));
    span.at_opening = fields;
    Step::Span(span)
}

/// The name of an explicit run, if a span's form opens one.
fn explicit_run(word: &str) -> Option<String> {
    Some(unquoted(word.strip_prefix("run(")?.strip_suffix(')')?))
}

/// The name of a span, and the fields that its form sets.
fn opened(word: &str) -> (String, Vec<Field>) {
    let Some((form, argument)) = word.strip_suffix(')').and_then(|word| word.split_once('(')) else {
        return (unquoted(word), Vec::new());
    };
    let argument = unquoted(argument);
    let text = |name: &str, value: &str| Field { name: long(name), value: Value::Text(value.into()) };
    let (name, operation, field) = match form {
        "agent" => ("invoke_agent", "invoke_agent", ".agent"),
        "tool" => ("execute_tool", "execute_tool", ".tool"),
        "gate" => return (argument.clone(), vec![text("gate", &argument)]),
        operation => (operation, operation, ".model"),
    };
    let mut fields = vec![text(".op", operation)];
    if !argument.is_empty() {
        fields.push(text(field, &argument));
    }
    (name.into(), fields)
}

/// Takes an option of a callsite. Returns whether the word is one.
fn option(callsite: &mut Callsite, word: &str) -> bool {
    match word {
        "root" => callsite.is_root = true,
        "late" => callsite.is_late = true,
        "ERROR" | "WARN" | "INFO" | "DEBUG" | "TRACE" => callsite.level = Some(word.into()),
        _ => match (word.strip_prefix('@'), word.strip_prefix("file=")) {
            (Some(target), _) => callsite.target = Some(target.into()),
            (_, Some(file)) => callsite.file = Some(unquoted(file)),
            _ => return false,
        },
    }
    true
}

fn long(name: &str) -> String {
    let known = LONG.iter().find(|(short, _)| *short == name).map(|(_, long)| *long);
    assert!(known.is_some() || !name.starts_with('.'), "{name} is no short form of a name");
    known.unwrap_or(name).into()
}

fn field(word: &str) -> Field {
    let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("{word:?} is no field"));
    Field { name: long(name), value: value_of(value) }
}

fn value_of(text: &str) -> Value {
    let number = |kind| text.strip_prefix(kind);
    if text == "_" {
        Value::Empty
    } else if text.starts_with('"') {
        Value::Text(unquoted(text))
    } else if let Some(text) = text.strip_prefix('?') {
        Value::Debug(unquoted(text))
    } else if let Some(text) = text.strip_prefix('%') {
        Value::Display(unquoted(text))
    } else if let Some(text) = number("error:") {
        Value::Error(unquoted(text))
    } else if let Some(text) = number("u128:") {
        Value::U128(text.parse().unwrap())
    } else if let Some(text) = number("i128:") {
        Value::I128(text.parse().unwrap())
    } else if let Some(text) = number("i64:") {
        Value::I64(text.parse().unwrap())
    } else if let Ok(number) = text.parse() {
        Value::U64(number)
    } else if let Ok(number) = text.parse() {
        Value::I64(number)
    } else if let Ok(number) = text.parse() {
        Value::F64(number)
    } else if let Ok(truth) = text.parse() {
        Value::Bool(truth)
    } else {
        Value::Text(text.into())
    }
}

fn unquoted(word: &str) -> String {
    let text = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    text.unwrap_or(word).replace("\\n", "\n")
}

/// The words of a line, in groups that `|` separates.
fn groups(line: &str) -> Vec<Vec<String>> {
    words(line).split(|word| word == "|").map(<[String]>::to_vec).collect()
}

/// The words of a line. Spaces within quotes do not separate.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for letter in line.chars() {
        is_quoted ^= letter == '"';
        match words.last_mut() {
            Some(word) if letter != ' ' || is_quoted => word.push(letter),
            _ => words.push(String::new()),
        }
    }
    assert!(!is_quoted, "an open quote in {line:?}");
    words.retain(|word| !word.is_empty());
    words
}

fn runs(expected: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for line in expected.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (row, clauses) = line.split_once(": ").unwrap_or((line, ""));
        let clauses: Vec<String> =
            clauses.split(", ").map(Into::into).filter(|clause: &String| !clause.is_empty()).collect();
        let (dimension, key) = row.split_once(' ').unwrap_or((row, ""));
        if dimension == "none" {
            return Vec::new();
        }
        if dimension == "run" || runs.is_empty() {
            runs.push(Run::default());
        }
        let run = runs.last_mut().unwrap();
        match dimension {
            "run" => (run.name, run.clauses) = ((!key.is_empty()).then(|| unquoted(key)), clauses),
            "warning" => run.warnings.push(line.split_once(": ").unwrap().1.into()),
            "total" | "stage" | "agent" | "model" | "operation" | "gate" => {
                run.rows.push(Row { dimension: dimension.into(), key: unquoted(key), clauses });
            }
            _ => panic!("{line:?} is no row"),
        }
    }
    assert!(!runs.is_empty(), "nothing is expected; write `none`");
    runs
}
