//! Measures how much later than `curl -N` rawwatch prints an event of a real API server.
//!
//! Both watch the same object at the same time. The difference between their outputs of one event does not
//! depend on the server.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use control_plane::ControlPlane;
use serde_json::{Value, json};

use crate::measure::report::{Limit, Report};
use crate::release;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";
/// The number of changes before the measured ones, which open connections and fill caches.
const WARM_UP: usize = 20;
const CHANGES: usize = 301;
/// The timeout for an event.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The arrival of an event, from rawwatch if `is_ours`, else from curl.
struct Arrival {
    is_ours: bool,
    version: String,
    at: Instant,
}

/// Measures the difference, in milliseconds.
pub(super) fn measure() -> Result<Report> {
    let rawwatch = release::build("kubectl-rawwatch")?;
    let control_plane = ControlPlane::builder().start()?;
    let object = json!({"metadata": {"name": "watched"}});
    let start = version_of(&control_plane.create(COLLECTION, &object)?)?;

    let mut ours = Command::new(rawwatch);
    ours.env_clear()
        .envs(control_plane.environment(None)?)
        .args(["--resource-version", &start, COLLECTION]);
    let (sender, arrivals) = channel();
    let _ours = Watch::start(&mut ours, true, sender.clone())?;
    let _theirs = Watch::start(&mut curl(&control_plane, &start), false, sender)?;

    let mut differences = Vec::new();
    let mut delays = [Vec::new(), Vec::new()];
    for number in 0..WARM_UP + CHANGES {
        let requested = Instant::now();
        let version = change(&control_plane, number)?;
        let (ours, theirs) = wait_for_both(&arrivals, &version)?;
        if number >= WARM_UP {
            differences.push(milliseconds_between(theirs, ours));
            delays[0].push(milliseconds_between(requested, ours));
            delays[1].push(milliseconds_between(requested, theirs));
        }
    }
    let [ours, theirs] = delays.map(median_of);
    Ok(Report {
        title: format!(
            "from the request for a change to its event on stdout: {ours:.2} ms with \
             kubectl-rawwatch, {theirs:.2} ms with curl -N, ratio {:.2}: medians of {CHANGES}",
            ours / theirs
        ),
        programs: Vec::new(),
        limits: vec![Limit {
            name: "later than curl -N".to_owned(),
            measured: median_of(differences),
            at_most: 1.0,
            unit: " ms",
            is_steady: true,
        }],
    })
}

fn curl(control_plane: &ControlPlane, start: &str) -> Command {
    let (certificate, key) = control_plane.admin_certificate();
    let mut curl = Command::new("curl");
    curl.args([
        "--disable",
        "--silent",
        "--show-error",
        "--fail",
        "--no-buffer",
    ])
    .arg("--cacert")
    .arg(control_plane.certificate_authority())
    .arg("--cert")
    .arg(certificate)
    .arg("--key")
    .arg(key)
    .arg(format!(
        "{}{COLLECTION}?watch=true&resourceVersion={start}",
        control_plane.url()
    ));
    curl
}

/// A process that watches, and reports the arrival of its events.
struct Watch(Child);

impl Watch {
    fn start(command: &mut Command, is_ours: bool, arrivals: Sender<Arrival>) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start a watch")?;
        let lines = BufReader::new(child.stdout.take().context("read from a watch")?);
        thread::spawn(move || -> Result<()> {
            for line in lines.split(b'\n') {
                let (at, line) = (Instant::now(), line?);
                let event: Value = serde_json::from_slice(&line)?;
                let version = version_of(&event["object"])?;
                arrivals.send(Arrival {
                    is_ours,
                    version,
                    at,
                })?;
            }
            Ok(())
        });
        Ok(Self(child))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Changes the object. Returns its new version.
fn change(control_plane: &ControlPlane, number: usize) -> Result<String> {
    let patch = json!({"data": {"number": number.to_string()}}).to_string();
    let body = Some(("application/merge-patch+json", patch.as_bytes()));
    match control_plane.request("PATCH", &format!("{COLLECTION}/watched"), body)? {
        (200, reply) => version_of(&serde_json::from_str(&reply)?),
        (status, reply) => bail!("cannot change an object: {status} {reply}"),
    }
}

fn version_of(object: &Value) -> Result<String> {
    let version = object["metadata"]["resourceVersion"].as_str();
    Ok(version.context("find the resource version")?.to_owned())
}

/// Waits for the event of a version, and returns when it arrived from rawwatch and from curl.
fn wait_for_both(arrivals: &Receiver<Arrival>, version: &str) -> Result<(Instant, Instant)> {
    let (mut ours, mut theirs) = (None, None);
    loop {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            return Ok((ours, theirs));
        }
        let arrival = arrivals
            .recv_timeout(TIMEOUT)
            .with_context(|| format!("wait for the event of version {version}"))?;
        if arrival.version == version {
            let seen = if arrival.is_ours {
                &mut ours
            } else {
                &mut theirs
            };
            *seen = Some(arrival.at);
        }
    }
}

/// Returns the time from `start` to `end`, which is negative if `end` comes first.
fn milliseconds_between(start: Instant, end: Instant) -> f64 {
    let forward = end.saturating_duration_since(start).as_secs_f64();
    let backward = start.saturating_duration_since(end).as_secs_f64();
    (forward - backward) * 1000.0
}

fn median_of(mut milliseconds: Vec<f64>) -> f64 {
    milliseconds.sort_by(f64::total_cmp);
    milliseconds[milliseconds.len() / 2]
}
