//! The memory that rawwatch needs per object: its peak memory with many objects, minus its peak memory
//! with none.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use faulty_server::{Answer, FaultyServer, Piece, Reply};

use crate::measure::report::{Limit, Report};
use crate::measure::usage::Usage;
use crate::release;

const COLLECTION: &str = "/api/v1/configmaps";
const OBJECTS: u32 = 100_000;
/// The page size that rawwatch asks for.
const PAGE: u32 = 500;
/// The namespace of all objects. With a slash and the name it has 40 bytes.
const NAMESPACE: &str = "kube-system";

/// Measures the memory per object.
pub(super) fn measure() -> Result<Report> {
    let rawwatch = release::build("kubectl-rawwatch")?;
    let (with, without) = (peak_memory(&rawwatch, OBJECTS)?, peak_memory(&rawwatch, 0)?);
    let measured = (with - without) / f64::from(OBJECTS);
    Ok(Report {
        title: format!("memory for {OBJECTS} objects with a namespace/name of 40 bytes"),
        programs: Vec::new(),
        limits: vec![Limit {
            name: "index, per object".to_owned(),
            measured,
            at_most: 160.0,
            unit: " bytes",
            is_steady: true,
        }],
    })
}

/// Returns the peak memory of a run that lists objects and ends with the next event, in bytes.
fn peak_memory(rawwatch: &Path, objects: u32) -> Result<f64> {
    let pages = (0..objects.div_ceil(PAGE).max(1)).map(|page| {
        let first = page * PAGE;
        Answer::Reply(Reply::json(200, list(first, objects)))
    });
    let event = format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", object(objects));
    let stream = Answer::Stream(vec![Piece::Send(event.into_bytes()), Piece::End]);
    let server = FaultyServer::start(pages.chain([stream]))?;
    let mut command = Command::new(rawwatch);
    command
        .env_clear()
        .env("KUBECONFIG", server.kubeconfig()?)
        .env("HOME", server.folder())
        .args(["--watch-only", "--count=1", COLLECTION]);
    let usage = Usage::measure(&command)?;
    #[expect(clippy::cast_precision_loss, reason = "memory has fewer than 53 bits")]
    Ok(usage.peak_memory as f64)
}

/// Returns a page of objects without content that starts with object number `first`.
fn list(first: u32, objects: u32) -> String {
    let end = objects.min(first + PAGE);
    let items: Vec<_> = (first..end).map(object).collect();
    let token = if end < objects {
        format!("after-{end}")
    } else {
        String::new()
    };
    format!(
        r#"{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{{"resourceVersion":"{objects}","continue":"{token}"}},"items":[{}]}}"#,
        items.join(",")
    )
}

fn object(number: u32) -> String {
    let mut name = "a-config-map-with-".to_owned();
    let _ = write!(name, "{number:010}");
    debug_assert_eq!(NAMESPACE.len() + 1 + name.len(), 40);
    let version = number + 1;
    format!(
        r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"{NAMESPACE}","uid":"5d59d675-64b8-4f0e-9c3a-{number:012x}","resourceVersion":"{version}"}}}}"#
    )
}
