//! The four clients. Each sends a filter its own way, and returns the ids of the runs, or the text of the error.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::history::{Folder, PROJECT, is_run};

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A way to query the history.
pub(crate) trait Client {
    fn name(&self) -> &'static str;

    /// Lists the runs of the project that match.
    fn list(&mut self, filter: Pairs<'_>) -> Result<Vec<String>, String>;

    /// Shows one run; returns its id.
    fn show(&mut self, reference: &str) -> Result<String, String>;
}

/// Starts all of them on one history.
pub(crate) fn clients(folder: &Folder) -> Vec<Box<dyn Client>> {
    vec![
        Box::new(CommandLine { database: folder.database() }),
        Box::new(Api(Server::start(folder))),
        Box::new(Dashboard(Server::start(folder))),
        Box::new(Agent::start(folder)),
    ]
}

/// The program. `TZ` is UTC: its zone is local by default, and that of the API is UTC.
fn program(database: PathBuf) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracing-budget"));
    command.arg("--db").arg(database).env("TZ", "UTC").stdin(Stdio::null());
    for name in ["TRACING_BUDGET_TOKEN", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

struct CommandLine {
    database: PathBuf,
}

impl CommandLine {
    fn run(&self, arguments: &[String]) -> Result<Value, String> {
        let output = program(self.database.clone()).args(arguments).output().expect("the program runs");
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout).expect("JSON"));
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Client for CommandLine {
    fn name(&self) -> &'static str {
        "command line"
    }

    fn list(&mut self, filter: Pairs<'_>) -> Result<Vec<String>, String> {
        let mut arguments: Vec<String> =
            ["runs", "list", "--format", "json", "--project", PROJECT].map(str::to_owned).into();
        for (name, value) in filter.iter().filter(|(name, _)| *name != "project") {
            arguments.extend([format!("--{}", name.replace('_', "-")), (*value).to_owned()]);
        }
        Ok(ids(&self.run(&arguments)?["runs"]))
    }

    fn show(&mut self, reference: &str) -> Result<String, String> {
        let run = self.run(&["runs", "show", "--format", "json", reference].map(str::to_owned))?;
        Ok(text(&run["run_id"]))
    }
}

struct Api(Server);

impl Client for Api {
    fn name(&self) -> &'static str {
        "API"
    }

    fn list(&mut self, filter: Pairs<'_>) -> Result<Vec<String>, String> {
        let body = self.0.get(&format!("/projects/{PROJECT}/runs/summary?{}", query(filter)))?;
        Ok(ids(&json_of(&body)["runs"]))
    }

    fn show(&mut self, reference: &str) -> Result<String, String> {
        let body = self.0.get(&format!("/projects/{PROJECT}/runs/{}", encoded(reference)))?;
        Ok(text(&json_of(&body)["run_id"]))
    }
}

/// The pages; runs are the links of the table.
struct Dashboard(Server);

impl Client for Dashboard {
    fn name(&self) -> &'static str {
        "dashboard"
    }

    fn list(&mut self, filter: Pairs<'_>) -> Result<Vec<String>, String> {
        let page = self.0.get(&format!("/?project={PROJECT}&{}", query(filter)))?;
        // The chart above the table links the same runs, in the order of their starts.
        let table = page.split("<table").nth(1).unwrap_or_default();
        let mut linked: Vec<String> = Vec::new();
        for part in table.split("href=\"/runs/").skip(1) {
            let id = part.split(['"', '#', '?']).next().unwrap_or_default();
            if is_run(id) && !linked.iter().any(|known| known == id) {
                linked.push(id.to_owned());
            }
        }
        Ok(linked)
    }

    fn show(&mut self, reference: &str) -> Result<String, String> {
        let page = self.0.get(&format!("/runs/{}", encoded(reference)))?;
        // The page links the run's document in the API.
        let link = format!("/projects/{PROJECT}/runs/");
        let id = page.split(link.as_str()).nth(1).and_then(|rest| rest.split(['"', '/', '?', '#']).next());
        Ok(id.unwrap_or_default().to_owned())
    }
}

/// The Model Context Protocol over standard input and output, a JSON-RPC message per line.
struct Agent {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    next_id: u64,
}

impl Agent {
    fn start(folder: &Folder) -> Self {
        let mut command = program(folder.database());
        command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program runs");
        let input = child.stdin.take().expect("standard input");
        let output = BufReader::new(child.stdout.take().expect("standard output")).lines();
        let mut agent = Self { child, input, output, next_id: 1 };
        let client = json!({"name": "test", "version": "0"});
        agent.request(
            "initialize",
            &json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}),
        );
        agent.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        agent
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").and_then(|()| self.input.flush()).expect("a message");
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let line = self.output.next().expect("a reply").expect("a line");
            let reply: Value = serde_json::from_str(&line).expect("JSON");
            if reply["id"] == id {
                return reply;
            }
        }
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, String> {
        let reply = self.request("tools/call", &json!({"name": tool, "arguments": arguments}));
        let result = &reply["result"];
        if !reply["error"].is_null() {
            return Err(text(&reply["error"]["message"]));
        }
        if result["isError"] == true {
            return Err(text(&result["content"][0]["text"]));
        }
        Ok(result["structuredContent"].clone())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client for Agent {
    fn name(&self) -> &'static str {
        "agent tools"
    }

    fn list(&mut self, filter: Pairs<'_>) -> Result<Vec<String>, String> {
        let mut arguments = json!({"project": PROJECT});
        for (name, value) in filter {
            match *name {
                "status" | "tag" => {
                    let values = &mut arguments[*name];
                    match values.as_array_mut() {
                        Some(values) => values.push((*value).into()),
                        None => *values = json!([value]),
                    }
                }
                "min_cost_usd" => {
                    arguments[*name] = value.parse::<f64>().map_or_else(|_| json!(value), |cost| json!(cost));
                }
                _ => arguments[*name] = json!(value),
            }
        }
        Ok(ids(&self.call("list_runs", &arguments)?["runs"]))
    }

    fn show(&mut self, reference: &str) -> Result<String, String> {
        Ok(text(&self.call("show_run", &json!({"run": reference}))?["run_id"]))
    }
}

/// `tracing-budget serve` on a free port.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        let mut command = program(folder.database());
        command.args(["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the program runs");
        let stderr = child.stderr.take().expect("standard error");
        let line = BufReader::new(stderr).lines().next().expect("a line").expect("text");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.expect("an address").to_owned();
        Self { child, address }
    }

    /// Returns the body of a page; of an error, its text without HTML entities.
    fn get(&self, path: &str) -> Result<String, String> {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        // A browser's header makes errors HTML on the dashboard; the API's are JSON either way.
        let accept = if path.starts_with("/projects") { "application/json" } else { "text/html" };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        match status {
            "200" => Ok(body.to_owned()),
            "301" | "302" | "303" | "307" | "308" => {
                let location = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("location").then(|| value.to_owned())
                });
                self.get(&location.expect("a location"))
            }
            _ => Err(format!(
                "{status} {}",
                body.replace("&quot;", "\"").replace("&#34;", "\"").replace("\\\"", "\"")
            )),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ids(runs: &Value) -> Vec<String> {
    runs.as_array().expect("a list of runs").iter().map(|run| text(&run["run_id"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn query(filter: Pairs<'_>) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", encoded(value));
    let pairs: Vec<String> = filter.iter().filter(|(name, _)| *name != "project").map(pair).collect();
    pairs.join("&")
}

/// Percent-encodes everything but letters, digits and `-._~` (RFC 3986, unreserved characters).
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
