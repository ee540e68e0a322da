//! Clients that send or read slowly, or not at all: they neither keep others out nor the server from its end.

use std::time::{Duration, Instant};

use crate::harness::{TestServer, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing_budget::Status;
use tracing_budget_server::ServeOptions;

/// Far above every time that the server promises here, for machines that do other work.
const LONG: Duration = Duration::from_secs(30);

/// The time that the tests give clients.
const SHORT: Duration = Duration::from_millis(300);

/// A connection on which these bytes were sent.
async fn connection(server: &TestServer, sent: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(sent.as_bytes()).await.expect("sent");
    stream
}

/// Reads until the server closes the connection.
async fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the server closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn is_healthy(server: &TestServer) -> bool {
    let answer = timeout(LONG, reqwest::get(format!("{}/healthz", server.url))).await;
    answer.expect("an answer").expect("an answer").status() == 200
}

const HALF_A_HEADER: &str = "GET /projects HTTP/1.1\r\nHost: localhost\r\nX-Half:";
const GET: &str = "GET /projects HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HALF_A_BODY: &str = "POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{";

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sent_header_and_an_idle_connection_are_closed() {
    let server = TestServer::empty(ServeOptions::new().client_timeout(SHORT));
    assert_eq!(read_to_end(connection(&server, "").await).await, "");
    assert_eq!(read_to_end(connection(&server, HALF_A_HEADER).await).await, "");
    // After an answer, too.
    let answer = read_to_end(connection(&server, GET).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_headers_keep_no_client_out() {
    // The connections would be open for an hour.
    let hour = Duration::from_secs(3_600);
    let server = TestServer::empty(ServeOptions::new().max_connections(20).client_timeout(hour));
    let mut half_sent = Vec::new();
    for number in 0..200 {
        half_sent.push(connection(&server, HALF_A_HEADER).await);
        if number % 50 == 49 {
            assert!(is_healthy(&server).await);
        }
    }
    // The oldest were closed for the newest.
    assert_eq!(read_to_end(half_sent.remove(0)).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_not_closed_for_others_while_its_request_is_answered() {
    let server = TestServer::empty(ServeOptions::new().max_connections(8));
    let mut in_flight = run("live", "apprentice", 1);
    in_flight.status = Status::Running;
    in_flight.completed_at = None;
    server.beat(&in_flight);
    let mut stream = connection(&server, "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.expect("an answer");
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(connection(&server, HALF_A_HEADER).await);
    }
    assert!(is_healthy(&server).await);
    in_flight.status = Status::Completed;
    server.end(&in_flight);
    let mut rest = vec![0; 1 << 16];
    let mut seen = String::new();
    while !seen.contains("event: run_ended") {
        let read =
            timeout(LONG, stream.read(&mut rest)).await.expect("an event").expect("the stream is open");
        assert!(read > 0, "the stream was closed: {seen}");
        seen.push_str(&String::from_utf8_lossy(&rest[..read]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_is_ended_by_the_timeout_of_requests() {
    let server = TestServer::empty(ServeOptions::new().timeout(SHORT));
    let mut stream = connection(&server, HALF_A_BODY).await;
    // A piece now and then does not help.
    for _ in 0..20 {
        tokio::time::sleep(SHORT / 10).await;
        let _ = stream.write_all(b" ").await;
    }
    let answer = read_to_end(stream).await;
    assert!(answer.starts_with("HTTP/1.1 503") || answer.is_empty(), "{answer}");
    assert!(is_healthy(&server).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_loses_its_connection() {
    let server = TestServer::empty(ServeOptions::new().client_timeout(SHORT));
    // Pipelined requests with answers of some kilobytes: more than the sockets' buffers hold.
    let mut stream = connection(&server, "").await;
    let requests = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let closed = async {
        loop {
            // Writing fails once the server has closed the connection.
            if stream.write_all(requests.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    timeout(LONG, closed).await.expect("the server closes the connection");
    assert!(is_healthy(&server).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_stops_in_time_whatever_clients_do() {
    let mut server = TestServer::seeded();
    let mut clients = Vec::new();
    for sent in ["", HALF_A_HEADER, HALF_A_BODY, GET, "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        clients.push(connection(&server, sent).await);
    }
    // The requests have arrived.
    assert!(is_healthy(&server).await);
    tokio::time::sleep(SHORT).await;
    let started = Instant::now();
    timeout(LONG, server.stop()).await.expect("the server stops");
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_requests_in_progress_a_server_stops_without_waiting() {
    let hour = Duration::from_secs(3_600);
    let mut server = TestServer::with_runs(ServeOptions::new().stop_timeout(hour));
    let mut clients = Vec::new();
    for sent in ["", HALF_A_HEADER, GET, "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        clients.push(connection(&server, sent).await);
    }
    assert!(is_healthy(&server).await);
    tokio::time::sleep(SHORT).await;
    timeout(LONG, server.stop()).await.expect("the server stops");
}
