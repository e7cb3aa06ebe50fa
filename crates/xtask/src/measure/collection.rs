//! Measures a patch of many objects: `kubectl rawpatch --all`, which lists them first, next to curl and kubectl,
//! which know their names.
//!
//! curl sends the same requests in one process, over HTTP/2, as many at the same time. `kubectl patch` sends
//! five requests a second, so its time is extrapolated from fewer objects.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use control_plane::{ControlPlane, Tool};
use serde_json::json;

use crate::measure::report::{Costs, Limit, Report};
use crate::measure::usage::Usage;
use crate::release;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";
const OBJECTS: usize = 2000;
/// The part of the objects that kubectl patches is one in this number.
const KUBECTL_PART: u32 = 40;
const KUBECTL_OBJECTS: usize = OBJECTS / KUBECTL_PART as usize;
/// The number of runs of rawpatch and curl.
const RUNS: usize = 5;
/// The number of requests at the same time, which is rawpatch's default.
const IN_FLIGHT: &str = "16";

/// Measures the programs in turns.
pub(super) fn measure() -> Result<Report> {
    let rawpatch = release::build("kubectl-rawpatch")?;
    let control_plane = ControlPlane::builder().start()?;
    let objects = (0..OBJECTS).map(
        |number| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name(number)}}),
    );
    control_plane.create_many(COLLECTION, objects)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        ours.push(Usage::measure(&patch_all(&control_plane, &rawpatch, run)?)?);
        theirs.push(Usage::measure(&curl(&control_plane, run)?)?);
    }
    let kubectl = Usage::measure(&kubectl(&control_plane)?)?;
    Ok(report(&ours, &theirs, kubectl))
}

fn report(ours: &[Usage], theirs: &[Usage], kubectl: Usage) -> Report {
    let kubectl = Usage {
        wall: kubectl.wall * KUBECTL_PART,
        cpu: kubectl.cpu * KUBECTL_PART,
        ..kubectl
    };
    let programs = vec![
        Costs::new("kubectl-rawpatch", ours),
        Costs::new("curl -Z", theirs),
        Costs::new("kubectl patch", &[kubectl]),
    ];
    let ratio = |rival: usize| programs[0].wall / programs[rival].wall;
    let limits = vec![
        Limit {
            name: "wall time / curl -Z".to_owned(),
            measured: ratio(1),
            // At least 95 % of the rate.
            at_most: 1.05,
            unit: "",
            is_steady: false,
        },
        Limit {
            name: "wall time / kubectl patch".to_owned(),
            measured: ratio(2),
            at_most: 0.01,
            unit: "",
            is_steady: false,
        },
        Limit {
            name: "peak memory".to_owned(),
            measured: programs[0].peak_memory,
            at_most: 20.0,
            unit: " MB",
            is_steady: true,
        },
    ];
    Report {
        title: format!(
            "{OBJECTS} ConfigMaps patched, {IN_FLIGHT} at the same time: medians of {RUNS} runs; kubectl \
             patch: extrapolated from one run with {KUBECTL_OBJECTS}; ratio: ours to theirs"
        ),
        programs,
        limits,
    }
}

fn patch_all(control_plane: &ControlPlane, rawpatch: &Path, run: usize) -> Result<Command> {
    let mut command = Command::new(rawpatch);
    command
        .env_clear()
        .envs(control_plane.environment(None)?)
        .args([
            "--all",
            "--yes",
            "--type=merge",
            "--max-in-flight",
            IN_FLIGHT,
        ])
        .args(["--patch", &patch("rawpatch", run), COLLECTION]);
    Ok(command)
}

/// Returns a curl command whose file of options has a request for each object.
fn curl(control_plane: &ControlPlane, run: usize) -> Result<Command> {
    let file = options(control_plane, run)?;
    let mut curl = Command::new("curl");
    curl.args(["--disable", "--no-progress-meter"])
        .args(["--parallel", "--parallel-max", IN_FLIGHT])
        .arg("--config")
        .arg(file);
    Ok(curl)
}

/// Writes the file of options, and returns its path.
fn options(control_plane: &ControlPlane, run: usize) -> Result<PathBuf> {
    let (certificate, key) = control_plane.admin_certificate();
    let (authority, url) = (control_plane.certificate_authority(), control_plane.url());
    let patch = patch("curl", run);
    let mut text = String::new();
    for number in 0..OBJECTS {
        if number > 0 {
            text.push_str("next\n");
        }
        let name = name(number);
        let _ = writeln!(
            text,
            "url = \"{url}{COLLECTION}/{name}\"\nrequest = PATCH\nhttp2\nfail\n\
             header = \"Content-Type: application/merge-patch+json\"\ndata = {patch:?}\n\
             cacert = \"{}\"\ncert = \"{}\"\nkey = \"{}\"",
            authority.display(),
            certificate.display(),
            key.display()
        );
    }
    let file = control_plane.folder().join("curl-options");
    fs::write(&file, text).context("write the options of curl")?;
    Ok(file)
}

fn kubectl(control_plane: &ControlPlane) -> Result<Command> {
    let mut kubectl = Command::new(Tool::Kubectl.path()?);
    kubectl
        .env_clear()
        .envs(control_plane.environment(None)?)
        .args(["patch", "configmap", "--type=merge"])
        .args(["--patch", &patch("kubectl", 0)])
        .args((0..KUBECTL_OBJECTS).map(name));
    Ok(kubectl)
}

fn name(number: usize) -> String {
    format!("many-{number}")
}

/// Returns a patch that changes an object. Each program sets another key, and each run another value.
fn patch(program: &str, run: usize) -> String {
    json!({"data": {program: run.to_string()}}).to_string()
}
