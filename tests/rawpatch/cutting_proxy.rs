//! A proxy in front of the real API server that forwards each PATCH and then breaks its response.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use control_plane::ControlPlane;

/// The fate of a PATCH that stores something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The response arrives.
    None,
    /// The PATCH never reaches the server.
    LostRequest,
    /// The server applies the PATCH, and the connection breaks after this many bytes of the response.
    Cut(usize),
    /// The server applies the PATCH, and a gateway answers 504 with `Retry-After: 1`.
    GatewayTimeout,
    /// The server applies the PATCH, the connection breaks, and another writer empties the list.
    RewrittenAfter,
    /// Another writer empties the list, the server processes the PATCH, and the connection breaks.
    RewrittenBefore,
}

/// A proxy that accepts plain HTTP, and authenticates as the admin.
pub(crate) struct CuttingProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    faults: Mutex<VecDeque<Fault>>,
    /// The bodies of the patches that arrived, apart from dry runs.
    patches: Mutex<Vec<Vec<u8>>>,
}

/// A request from a client.
struct Request {
    method: String,
    target: String,
    content_type: String,
    body: Vec<u8>,
}

impl CuttingProxy {
    /// Starts a proxy with the fates of the next patches. The patches after them succeed.
    pub(crate) fn start(faults: impl IntoIterator<Item = Fault>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            faults: Mutex::new(faults.into_iter().collect()),
            patches: Mutex::default(),
        });
        // The thread ends with the process.
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(&client.unwrap()));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn server_flag(&self) -> String {
        format!("--server=http://{}", self.address)
    }

    /// Returns the bodies of the patches that arrived, apart from dry runs.
    pub(crate) fn patches(&self) -> Vec<Vec<u8>> {
        self.shared.patches.lock().unwrap().clone()
    }
}

impl Shared {
    fn serve(&self, client: &TcpStream) {
        let mut reader = BufReader::new(client);
        while let Some(request) = read_request(&mut reader) {
            let fault = self.fault(&request);
            if matches!(fault, Fault::LostRequest) {
                break;
            }
            if matches!(fault, Fault::RewrittenBefore) {
                empty_list(&request.target);
            }
            let response = forward(&request);
            if matches!(fault, Fault::RewrittenAfter) {
                empty_list(&request.target);
            }
            let mut client = client;
            let _ = match fault {
                Fault::None | Fault::LostRequest => client.write_all(&response),
                Fault::GatewayTimeout => client.write_all(
                    b"HTTP/1.1 504 Gateway Timeout\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
                ),
                Fault::RewrittenAfter | Fault::RewrittenBefore => break,
                Fault::Cut(length) => {
                    let _ = client.write_all(&response[..length.min(response.len() - 1)]);
                    break;
                }
            };
        }
        let _ = client.shutdown(std::net::Shutdown::Both);
    }

    fn fault(&self, request: &Request) -> Fault {
        if request.method != "PATCH" || request.target.contains("dryRun=All") {
            return Fault::None;
        }
        self.patches.lock().unwrap().push(request.body.clone());
        self.faults
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Fault::None)
    }
}

/// Empties the list of the object, as another writer.
fn empty_list(target: &str) {
    let path = target.split('?').next().unwrap();
    forward(&Request {
        method: "PATCH".to_owned(),
        target: format!("{path}?fieldManager=another"),
        content_type: "application/merge-patch+json".to_owned(),
        body: br#"{"spec":{"list":[]}}"#.to_vec(),
    });
}

/// Sends a request to the API server, and returns the whole response.
fn forward(request: &Request) -> Vec<u8> {
    let body = (!request.body.is_empty()).then_some((&*request.content_type, &*request.body));
    let server = ControlPlane::shared();
    let (status, text) = server
        .request(&request.method, &request.target, body)
        .unwrap();
    format!(
        "HTTP/1.1 {status} Forwarded\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
    .into_bytes()
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first()?.split(' ').map(str::to_owned);
    let header = |wanted: &str| {
        lines.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
        })
    };
    let length = header("Content-Length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method: words.next()?,
        target: words.next()?,
        content_type: header("Content-Type").unwrap_or_default(),
        body,
    })
}
