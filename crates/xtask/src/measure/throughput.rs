//! Measures the costs of a busy stream to rawwatch and to `curl -N`, which does not parse events. Both read
//! the same bytes over TLS and discard their output.
//!
//! The stream is like the API server's stream of one collection: a chunk and a TLS record per event, rising
//! versions, and objects that the preceding LIST contains. rawwatch maintains its cursor, its index and a
//! resume file.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use faulty_server::{Answer, FaultyServer, Piece, Reply, TOKEN};
use serde_json::json;

use crate::measure::report::{Costs, Limit, Report};
use crate::measure::usage::Usage;
use crate::release;

const COLLECTION: &str = "/apis/example.com/v1/namespaces/default/webs";
/// The number of objects. They change in turns.
const OBJECTS: u64 = 1000;
/// The version of the LIST. The versions of events have as many digits, so all lines are equally long.
const LISTED: u64 = 1_000_000_000;
/// The length of an event, in bytes.
const EVENT: u64 = 3000;
/// The number of containers of an object. They fill most of an event.
const CONTAINERS: u32 = 9;
/// The length of the stream, in bytes.
const SHORT: u64 = 256 << 20;
/// The length of the stream with `--full`, in bytes.
const FULL: u64 = 1 << 30;
/// The number of runs of each program. The CPU time of such a long run varies little.
const RUNS: usize = 5;

/// Measures both programs.
pub(super) fn measure(is_full: bool) -> Result<Report> {
    let size = if is_full { FULL } else { SHORT };
    let usages = runs(size / EVENT)?;
    let [ours, theirs] = &usages;
    let programs = vec![
        Costs::new("kubectl-rawwatch", ours),
        Costs::new("curl -N", theirs),
    ];
    let limits = vec![
        Limit {
            name: "CPU / curl -N".to_owned(),
            measured: programs[0].cpu / programs[1].cpu,
            // It is about 0.95: finding the end and the identity of an event costs less than what curl
            // spends on more system calls.
            at_most: 1.1,
            unit: "",
            is_steady: true,
        },
        Limit {
            name: "peak memory".to_owned(),
            measured: programs[0].peak_memory,
            at_most: 12.0,
            unit: " MB",
            is_steady: true,
        },
    ];
    Ok(Report {
        title: format!(
            "{} MiB of watch events of {EVENT} bytes: medians of {RUNS} runs; ratio: ours to theirs",
            size >> 20
        ),
        programs,
        limits,
    })
}

/// Runs rawwatch and curl in turns, each with a separate server.
fn runs(events: u64) -> Result<[Vec<Usage>; 2]> {
    let rawwatch = release::build("kubectl-rawwatch")?;
    let mut usages = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        let stream = Answer::Stream(vec![Piece::Series(events, event), Piece::End]);
        let namespace = json!({"metadata": {"name": "kube-system", "uid": uid(OBJECTS), "resourceVersion": "1"}});
        let script = [
            Reply::json(200, namespace.to_string()),
            Reply::json(200, list()),
        ];
        let script = script
            .map(Answer::Reply)
            .into_iter()
            .chain([stream.clone()]);
        let server = FaultyServer::start(script)?;
        usages[0].push(Usage::measure(&watch(&rawwatch, &server, events)?)?);
        let server = FaultyServer::start([stream])?;
        usages[1].push(Usage::measure(&curl(&server)?)?);
    }
    Ok(usages)
}

fn watch(rawwatch: &Path, server: &FaultyServer, events: u64) -> Result<Command> {
    let mut command = Command::new(rawwatch);
    command
        .env_clear()
        .env("KUBECONFIG", server.kubeconfig()?)
        .env("HOME", server.folder())
        .args(["--watch-only", &format!("--count={events}")])
        .arg("--resume-file")
        .arg(server.folder().join("resume"))
        .arg(COLLECTION);
    Ok(command)
}

fn curl(server: &FaultyServer) -> Result<Command> {
    // The file is created together with the kubeconfig.
    let authority = server.kubeconfig()?.with_file_name("ca.crt");
    let mut command = Command::new("curl");
    command
        .args([
            "--disable",
            "--silent",
            "--show-error",
            "--fail",
            "--no-buffer",
        ])
        .arg("--cacert")
        .arg(authority)
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .arg(format!("{}{COLLECTION}?watch=true", server.url()));
    Ok(command)
}

/// Returns a LIST of all objects, without content.
fn list() -> String {
    let items: Vec<_> = (0..OBJECTS)
        .map(|object| {
            json!({"metadata": {
                "name": name(object),
                "namespace": "default",
                "uid": uid(object),
                "resourceVersion": "1",
            }})
        })
        .collect();
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": LISTED.to_string()},
        "items": items,
    })
    .to_string()
}

/// Returns an event of a custom resource. The API server sorts the members of such an object by name, so
/// rawwatch has to skip all managed fields before it gets to the identity.
fn event(number: u64) -> Vec<u8> {
    let object = number % OBJECTS;
    let (name, uid, version) = (name(object), uid(object), LISTED + 1 + number);
    let mut line = r#"{"type":"MODIFIED","object":{"apiVersion":"example.com/v1","kind":"Web","metadata":{"annotations":{"example.com/note":"a \"quoted\" word"},"creationTimestamp":"2026-01-02T03:04:05Z","generation":1,"labels":{"app":"web"},"managedFields":[{"apiVersion":"example.com/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{".":{},"f:containers":{".":{}"#.to_owned();
    for container in 0..CONTAINERS {
        let _ = write!(
            line,
            r#","k:{{\"name\":\"container-{container}\"}}":{{".":{{}},"f:image":{{}},"f:imagePullPolicy":{{}},"f:name":{{}},"f:resources":{{}}}}"#
        );
    }
    let _ = write!(
        line,
        r#"}}}}}},"manager":"controller","operation":"Update","time":"2026-01-02T03:04:05Z"}}],"name":"{name}","namespace":"default","resourceVersion":"{version}","uid":"{uid}"}},"spec":{{"containers":["#
    );
    for container in 0..CONTAINERS {
        let comma = if container == 0 { "" } else { "," };
        let _ = write!(
            line,
            r#"{comma}{{"image":"registry.example/web:1","imagePullPolicy":"IfNotPresent","name":"container-{container}","resources":{{}}}}"#
        );
    }
    line.push_str(r#"]},"status":{"message":""#);
    let end = "\"}}}\n";
    let padding = usize::try_from(EVENT).map_or(0, |event| event - line.len() - end.len());
    line.push_str(&"x".repeat(padding));
    line.push_str(end);
    line.into_bytes()
}

fn name(object: u64) -> String {
    format!("web-{object:04}")
}

fn uid(object: u64) -> String {
    format!("5d59d675-64b8-4f0e-9c3a-{object:012x}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn all_events_are_equally_long_lines_of_json() {
        for number in [0, OBJECTS - 1, 357_000] {
            let line = event(number);
            assert_eq!(line.len() as u64, EVENT);
            let end = line.iter().position(|&byte| byte == b'\n');
            assert_eq!(end, Some(line.len() - 1));
            let event: Value = serde_json::from_slice(&line).expect("JSON");
            let metadata = &event["object"]["metadata"];
            assert_eq!(metadata["name"], name(number % OBJECTS));
            assert_eq!(
                metadata["resourceVersion"],
                (LISTED + 1 + number).to_string()
            );
        }
    }
}
