//! Runs `kubectl-rawwatch` in isolation, and follows its output.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Piece, Reply};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Outcome, admin, unique};

/// The longest time to wait for something that should happen promptly.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The collection that most tests watch.
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Returns the binary with a kubeconfig and an otherwise clean environment.
pub(crate) fn command(kubeconfig: &Path) -> Command {
    support::command(env!("CARGO_BIN_EXE_kubectl-rawwatch"), kubeconfig)
}

/// The events that a run prints.
pub(crate) trait Events {
    /// Returns each line as `TYPE name`, in brackets when it is synthetic.
    fn short(&self) -> Vec<String>;
}

impl Events for Outcome {
    fn short(&self) -> Vec<String> {
        self.lines().into_iter().map(short).collect()
    }
}

/// Returns a line's `TYPE name`, in brackets for a synthetic line.
pub(crate) fn short(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let name = event["object"]["metadata"]["name"]
        .as_str()
        .unwrap_or_default();
    let text = format!("{} {name}", event["type"].as_str().unwrap())
        .trim_end()
        .to_owned();
    if event["rawwatch"]["synthetic"] == true {
        format!("[{text}]")
    } else {
        text
    }
}

/// A running `kubectl-rawwatch`, or another program to compare it with.
pub(crate) struct Run {
    child: Child,
    incoming: Receiver<String>,
    /// The lines that the test has read.
    stdout: String,
    stderr: Arc<Mutex<String>>,
    /// The thread that reads stderr.
    stderr_reader: Option<JoinHandle<()>>,
}

impl Run {
    /// Starts a command without stdin.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, incoming) = channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).unwrap() > 0 {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                line.clear();
            }
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut pipe = BufReader::new(child.stderr.take().unwrap());
        let shared = Arc::clone(&stderr);
        let stderr_reader = thread::spawn(move || {
            let mut line = String::new();
            while pipe.read_line(&mut line).unwrap() > 0 {
                shared.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        Self {
            child,
            incoming,
            stdout: String::new(),
            stderr,
            stderr_reader: Some(stderr_reader),
        }
    }

    /// Waits for the next line.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let line = self
            .incoming
            .recv_timeout(TIMEOUT)
            .unwrap_or_else(|_| panic!("no line after {:?}; {}", self.stdout, self.stderr()));
        self.stdout.push_str(&line);
        line.strip_suffix('\n').unwrap_or(&line).to_owned()
    }

    /// Waits for the next line, and asserts its `TYPE name`.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &str) -> String {
        let line = self.line();
        assert_eq!(short(&line), expected, "{line}; {}", self.stderr());
        line
    }

    /// Waits until stderr contains a text.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, text: &str) {
        wait_until(
            || self.stderr().contains(text),
            || format!("{text:?} is not in {:?}", self.stderr()),
        );
    }

    /// Returns the output on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }

    /// Reports whether the program is still running.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the program to end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Outcome {
        let start = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > TIMEOUT {
                self.child.kill().unwrap();
                self.stdout.extend(self.incoming.iter());
                panic!(
                    "the program does not end: {:?}; {}",
                    self.stdout,
                    self.stderr()
                );
            }
            thread::sleep(Duration::from_millis(1));
        };
        self.stdout.extend(self.incoming.iter());
        self.stderr_reader.take().unwrap().join().unwrap();
        Outcome {
            code: status.code(),
            signal: status.signal(),
            stdout: std::mem::take(&mut self.stdout),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary to its end as the admin of the shared control plane.
pub(crate) fn rawwatch(arguments: &[&str]) -> Outcome {
    start(arguments).wait()
}

/// Starts the binary as the admin of the shared control plane.
pub(crate) fn start(arguments: &[&str]) -> Run {
    Run::start(command(&admin()).args(arguments))
}

/// Waits until a condition is true, and otherwise fails with a message.
#[track_caller]
pub(crate) fn wait_until(is_true: impl Fn() -> bool, message: impl Fn() -> String) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < TIMEOUT, "{}", message());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns a value for the label `of` that only one test uses, and the flag that selects it.
pub(crate) fn label() -> (String, String) {
    let value = unique("test");
    let selector = format!("--selector=of={value}");
    (value, selector)
}

/// Creates a `ConfigMap` whose label `of` has this value, and returns its path.
pub(crate) fn create(control_plane: &ControlPlane, name: &str, label: &str) -> String {
    let object = json!({"metadata": {"name": name, "labels": {"of": label}}, "data": {"key": "0"}});
    control_plane.create(CONFIG_MAPS, &object).unwrap();
    format!("{CONFIG_MAPS}/{name}")
}

/// Changes the data of the object at `path`.
pub(crate) fn change(control_plane: &ControlPlane, path: &str, value: &str) {
    let patch = json!({"data": {"key": value}}).to_string();
    let body = Some(("application/merge-patch+json", patch.as_bytes()));
    let (status, reply) = control_plane.request("PATCH", path, body).unwrap();
    assert_eq!(status, 200, "{reply}");
}

/// Deletes the object at `path`.
pub(crate) fn delete(control_plane: &ControlPlane, path: &str) {
    let (status, reply) = control_plane.request("DELETE", path, None).unwrap();
    assert_eq!(status, 200, "{reply}");
}

// --- against a scripted server ---

/// Returns a list at version 10 that contains `a` at version 1.
pub(crate) fn list() -> Answer {
    list_of("10", &[("a", "1")])
}

/// Returns a list of objects, each with a name and a version.
pub(crate) fn list_of(version: &str, objects: &[(&str, &str)]) -> Answer {
    let items: Vec<Value> = objects
        .iter()
        .map(|(name, version)| json!({"metadata": {"name": name, "uid": name, "resourceVersion": version}}))
        .collect();
    let list = json!({
        "kind": "ConfigMapList", "apiVersion": "v1",
        "metadata": {"resourceVersion": version}, "items": items,
    });
    Answer::Reply(Reply::json(200, list.to_string()))
}

/// Returns an error response with a Status, as the API server sends it.
pub(crate) fn error_response(code: u16, reason: &str, message: &str) -> Reply {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": reason, "message": message, "code": code,
    });
    Reply::json(code, status.to_string())
}

/// Returns a line of a stream, with its newline.
pub(crate) fn event(event_type: &str, name: &str, version: &str) -> String {
    format!(
        "{{\"type\":\"{event_type}\",\"object\":{{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{{\"name\":\"{name}\",\"uid\":\"{name}\",\"resourceVersion\":\"{version}\"}}}}}}\n"
    )
}

/// Returns an `ERROR` line of a stream.
pub(crate) fn error_event(code: u16, reason: &str) -> String {
    format!(
        "{{\"type\":\"ERROR\",\"object\":{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\",\"message\":\"scripted\",\"reason\":\"{reason}\",\"code\":{code}}}}}\n"
    )
}

/// Returns a stream that sends a text in one piece, followed by `last`.
pub(crate) fn stream(text: impl Into<Vec<u8>>, last: Piece) -> Answer {
    Answer::Stream(vec![Piece::Send(text.into()), last])
}

/// Returns a stream that sends a text in one piece, and stays open.
pub(crate) fn open_stream(text: impl Into<Vec<u8>>) -> Answer {
    Answer::Stream(vec![Piece::Send(text.into())])
}

/// Starts the binary against a scripted server, watching [`CONFIG_MAPS`].
pub(crate) fn against(
    script: impl IntoIterator<Item = Answer>,
    arguments: &[&str],
) -> (Run, FaultyServer) {
    let server = FaultyServer::start(script).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let run = Run::start(command(&kubeconfig).arg(CONFIG_MAPS).args(arguments));
    (run, server)
}

/// Returns a query parameter of one of the requests that the server received.
pub(crate) fn query_parameter(server: &FaultyServer, request: usize, name: &str) -> Option<String> {
    let requests = server.requests();
    let (_, query) = requests[request].target.split_once('?')?;
    let prefix = format!("{name}=");
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(&prefix))
        .map(str::to_owned)
}

/// Returns how many watches the server received. Besides, a reconnect may lead to a check.
pub(crate) fn watches(server: &FaultyServer) -> usize {
    let requests = server.requests();
    let watches = requests.iter().filter(|r| r.target.contains("watch=1"));
    watches.count()
}

/// Returns the statistics of `--stats` without the time at their end.
pub(crate) fn without_lag(statistics: &str) -> &str {
    statistics.split(", maximum lag: ").next().unwrap()
}

/// Reads a pipe to its end.
pub(crate) fn read_all(mut pipe: impl Read) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).unwrap();
    text
}
