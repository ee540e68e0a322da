//! As much of HTTP/1.1 as a client library needs to be content: one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::messages::Messages;
use crate::responses::Responses;
use crate::{Answered, Streams};

pub(crate) fn serve(connection: TcpStream, streams: Streams, tally: &Mutex<Answered>) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    let Some((path, request)) = read_request(&mut reader)? else { return Ok(()) };
    let (tokens, whole, pieces) = if path.ends_with("/chat/completions") {
        let chat = Chat::new(&request);
        (chat.tokens(), chat.whole(), chat.pieces())
    } else if path.ends_with("/responses") {
        let responses = Responses::new(&request);
        (responses.tokens(), responses.whole(), responses.pieces())
    } else if path.ends_with("/messages") {
        let messages = Messages::new(&request);
        (messages.tokens(), messages.whole(), messages.pieces())
    } else {
        let error = json!({"error": {"message": format!("nothing answers at {path}")}});
        return respond(&mut writer, "404 Not Found", &error);
    };

    // Counted before it is sent: a client that has read the reply finds it in the tally.
    let count = || {
        let mut answered = tally.lock().unwrap_or_else(PoisonError::into_inner);
        answered.calls += 1;
        answered.tokens += tokens;
    };
    if request["stream"] != true {
        count();
        return respond(&mut writer, "200 OK", &whole);
    }

    writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    if streams == Streams::Stalled {
        for piece in &pieces[..2] {
            write_event(&mut writer, piece)?;
        }
        // Ends when the client hangs up.
        return io::copy(&mut reader, &mut io::sink()).map(drop);
    }
    count();
    for piece in &pieces {
        write_event(&mut writer, piece)?;
    }
    writer.write_all(b"data: [DONE]\n\n")
}

/// Reads the path and the JSON body; `None` if the client hung up before it had sent anything.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<(String, Value)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let request = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Some((path, request)))
}

fn respond(writer: &mut impl Write, status: &str, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let length = body.len();
    write!(
        writer,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// The event's name is for the API that has one; the other leaves it unread.
fn write_event(writer: &mut impl Write, piece: &Value) -> io::Result<()> {
    if let Some(name) = piece["type"].as_str() {
        writeln!(writer, "event: {name}")?;
    }
    write!(writer, "data: {piece}\n\n")?;
    writer.flush()
}
