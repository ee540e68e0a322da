//! `serve` listens, replies, and ends on SIGTERM.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::program::Place;

/// A server that is ended by its own id, should the test fail.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET {head}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn it_serves_until_sigterm() {
    let place = Place::seeded();
    place.write("token", "a-token-for-this-test\n");
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--token-file", "token"]);
    let mut serving = Serving(command.stderr(Stdio::piped()).spawn().expect("it starts"));
    let stderr = serving.0.stderr.take().expect("standard error");
    let line = BufReader::new(stderr).lines().next().expect("a line").expect("a text");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
    assert!(ask(address, "/healthz HTTP/1.1").starts_with("HTTP/1.1 200"), "{line}");
    assert!(ask(address, "/projects HTTP/1.1").starts_with("HTTP/1.1 401"), "{line}");
    let known = ask(address, "/projects HTTP/1.1\r\nAuthorization: Bearer a-token-for-this-test");
    assert!(known.starts_with("HTTP/1.1 200") && known.contains("apprentice"), "{known}");
    #[cfg(unix)]
    {
        let killed = Command::new("kill").args(["-TERM", &serving.0.id().to_string()]).status();
        assert!(killed.expect("kill").success());
        assert!(serving.0.wait().expect("it ends").success());
    }
}

#[test]
fn other_interfaces_than_loopback_require_a_token() {
    let place = Place::empty();
    let ended = place.run(&["serve", "--listen", "0.0.0.0:0"]).ended_with(2);
    assert!(ended.talk.contains("without a token"), "{}", ended.talk);
}
