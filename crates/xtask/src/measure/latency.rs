//! How much later than `curl -N` rawwatch hands on an event of a real API server.
//!
//! Both watch the same object at the same moment, and one process reads from both: the time
//! between the arrivals of one event is what it takes us longer, whatever the server took.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use control_plane::ControlPlane;
use serde_json::{Value, json};

use super::report::{Limit, Report};
use crate::release;

const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";
/// How many changes are made before those that count: the first ones find closed connections.
const WARM_UP: usize = 20;
const CHANGES: usize = 301;
/// How long an event may take until something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// A line of one of the two: of rawwatch if it `is_ours`.
struct Arrival {
    is_ours: bool,
    version: String,
    at: Instant,
}

/// Measures it, in milliseconds.
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
    let _ours = Running::start(&mut ours, true, sender.clone())?;
    let _theirs = Running::start(&mut curl(&control_plane, &start), false, sender)?;

    let (mut later, mut after) = (Vec::new(), [Vec::new(), Vec::new()]);
    for number in 0..WARM_UP + CHANGES {
        let asked = Instant::now();
        let version = change(&control_plane, number)?;
        let (ours, theirs) = wait_for_both(&arrivals, &version)?;
        if number >= WARM_UP {
            later.push(milliseconds(ours, theirs));
            after[0].push(milliseconds(ours, asked));
            after[1].push(milliseconds(theirs, asked));
        }
    }
    let [ours, theirs] = after.map(median_of);
    Ok(Report {
        title: format!(
            "an event at stdout, after the change was asked for: {ours:.2} ms for \
             kubectl-rawwatch, {theirs:.2} ms for curl -N, ratio {:.2}: medians of {CHANGES}",
            ours / theirs
        ),
        programs: Vec::new(),
        limits: vec![Limit {
            what: "later than curl -N".to_owned(),
            measured: median_of(later),
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

/// A watch whose lines are reported when they arrive.
struct Running(Child);

impl Running {
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

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Changes the object; its new version.
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
    Ok(version.context("find a version")?.to_owned())
}

/// When the event of this version arrived from rawwatch and from curl.
fn wait_for_both(arrivals: &Receiver<Arrival>, version: &str) -> Result<(Instant, Instant)> {
    let (mut ours, mut theirs) = (None, None);
    loop {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            return Ok((ours, theirs));
        }
        let arrival = arrivals
            .recv_timeout(PATIENCE)
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

/// How much later one moment is than another; negative when it is earlier.
fn milliseconds(one: Instant, other: Instant) -> f64 {
    let later = one.saturating_duration_since(other).as_secs_f64();
    (later - other.saturating_duration_since(one).as_secs_f64()) * 1000.0
}

fn median_of(mut milliseconds: Vec<f64>) -> f64 {
    milliseconds.sort_by(f64::total_cmp);
    milliseconds[milliseconds.len() / 2]
}
