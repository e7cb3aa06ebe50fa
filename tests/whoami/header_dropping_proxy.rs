use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use control_plane::ControlPlane;

/// Starts a proxy in front of the shared API server, and returns its URL. Like `kubectl proxy`, it speaks
/// plain HTTP and sends the requests as the admin. Unlike `kubectl proxy`, it passes on no header, so it
/// drops every `Impersonate-*`. It runs until the tests end.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(|| serve(stream.unwrap()));
        }
    });
    url
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream) {
    let mut output = stream.try_clone().unwrap();
    let mut input = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let mut body = vec![0; content_length(&mut input)];
        input.read_exact(&mut body).unwrap();
        let body = (!body.is_empty()).then_some(("application/json", body.as_slice()));
        let (status, reply) = ControlPlane::shared()
            .request(method, target, body)
            .unwrap();
        let head = format!(
            "HTTP/1.1 {status} Passed On\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            reply.len()
        );
        output.write_all((head + &reply).as_bytes()).unwrap();
    }
}

/// Reads the headers of a request, and returns the length of its body.
fn content_length(input: &mut impl BufRead) -> usize {
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return length;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
}
