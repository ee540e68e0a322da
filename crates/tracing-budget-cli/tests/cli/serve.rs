//! `serve` listens, replies, and ends on SIGTERM.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use crate::program::Place;

/// A server that is killed if the test fails.
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

/// Starts the server; returns it, its address, and the lines that it prints.
fn serve(place: &Place, arguments: &[&str]) -> (Serving, String, Lines<BufReader<ChildStderr>>) {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.args(arguments);
    let mut serving = Serving(command.stderr(Stdio::piped()).spawn().expect("it starts"));
    let mut lines = BufReader::new(serving.0.stderr.take().expect("standard error")).lines();
    let line = lines.next().expect("a line").expect("a text");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
    (serving, address.to_owned(), lines)
}

#[cfg(unix)]
fn terminate(serving: &Serving) {
    let killed = std::process::Command::new("kill").args(["-TERM", &serving.0.id().to_string()]).status();
    assert!(killed.expect("kill").success());
}

#[test]
fn it_serves_until_sigterm() {
    let place = Place::seeded();
    place.write("token", "a-token-for-this-test\n");
    let (mut serving, address, _lines) = serve(&place, &["--token-file", "token"]);
    assert!(ask(&address, "/healthz HTTP/1.1").starts_with("HTTP/1.1 200"));
    assert!(ask(&address, "/projects HTTP/1.1").starts_with("HTTP/1.1 401"));
    let known = ask(&address, "/projects HTTP/1.1\r\nAuthorization: Bearer a-token-for-this-test");
    assert!(known.starts_with("HTTP/1.1 200") && known.contains("apprentice"), "{known}");
    #[cfg(unix)]
    {
        terminate(&serving);
        assert!(serving.0.wait().expect("it ends").success());
    }
}

/// It promises 6 s; the bound is for machines that do other work.
#[cfg(unix)]
#[test]
fn sigterm_ends_it_in_time_whatever_clients_do_and_a_second_one_at_once() {
    let place = Place::seeded();
    for signals in [1, 2] {
        let (mut serving, address, _lines) = serve(&place, &[]);
        let body = "POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
        let half = ["", "GET / HTTP/1.1\r\nHost:", "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n", body];
        let clients: Vec<TcpStream> = half
            .iter()
            .map(|sent| {
                let mut stream = TcpStream::connect(&address).expect("a connection");
                stream.write_all(sent.as_bytes()).expect("written");
                stream
            })
            .collect();
        // Requests have arrived before the signal.
        assert!(ask(&address, "/healthz HTTP/1.1").starts_with("HTTP/1.1 200"));
        let started = Instant::now();
        for _ in 0..signals {
            terminate(&serving);
            // Two signals of one kind that are both pending are one.
            std::thread::sleep(Duration::from_millis(200));
        }
        while serving.0.try_wait().expect("its state").is_none() {
            assert!(started.elapsed() < Duration::from_secs(30), "it has not ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        let waited = started.elapsed();
        assert!(serving.0.wait().expect("it ends").success());
        // The half body is waited for; less than that wait shows that the second signal counted.
        assert!(signals == 1 || waited < Duration::from_secs(4), "{waited:?}");
        drop(clients);
    }
}

#[cfg(unix)]
#[test]
fn a_token_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::seeded();
    let token = place.write("token", "a-token-for-this-test\n");
    for (mode, warned) in [(0o640, true), (0o604, true), (0o600, false), (0o400, false)] {
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let (mut serving, _address, lines) = serve(&place, &["--token-file", "token"]);
        // The address is printed before the warning, and the signal may come between.
        std::thread::sleep(Duration::from_millis(500));
        terminate(&serving);
        assert!(serving.0.wait().expect("it ends").success());
        let lines: Vec<String> = lines.map_while(Result::ok).collect();
        let expected = format!("its mode is {mode:03o}, expected 600");
        assert_eq!(lines.iter().any(|line| line.contains(&expected)), warned, "{mode:03o}: {lines:?}");
    }
}

#[test]
fn the_size_of_a_delivery_can_be_set() {
    let place = Place::seeded();
    for (options, large) in [(&[][..], "413"), (&["--max-body-mib", "5"][..], "4")] {
        let (_serving, address, _lines) = serve(&place, options);
        let mut stream = TcpStream::connect(&address).expect("a connection");
        let head = "POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n";
        let body = " ".repeat((4 << 20) + 1);
        // The answer may come before the body was read.
        let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {large}")), "{answer}");
        assert_eq!(answer.ends_with("413"), large == "413", "{answer}");
    }
}

#[test]
fn other_interfaces_than_loopback_require_a_token() {
    let place = Place::empty();
    let ended = place.run(&["serve", "--listen", "0.0.0.0:0"]).ended_with(2);
    assert!(ended.talk.contains("without a token"), "{}", ended.talk);
}
