//! The cluster and the user of all pictures.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use control_plane::{ControlPlane, build_plugins};
use jiff::Timestamp;
use serde_json::json;

use crate::pictures::recorder;
use crate::pictures::recorder::Environment;
use crate::pictures::scenes::Scene;
use crate::pictures::screen::{Colour, Line, Screen};
use crate::pictures::svg;

/// The start of the validity of jane's certificate.
const NOT_BEFORE: &str = "2026-01-05T08:00:00Z";
/// The remaining validity of jane's certificate, a little more than what `kubectl whoami` shows.
const VALIDITY: Duration = Duration::from_mins(20 * 60 + 30);

const SERVER: &str = "https://127.0.0.1:6443";
const FILE: &str = "/home/jane/.kube/config";
const EXPIRY: &str = "2027-01-05 08:00 UTC";
const FINGERPRINT: &str = "5c1e8a03…";
const TIME: &str = "12:03:04Z";

/// Waits at the end until the API server applies the roles.
const SET_UP: &str = "
kubectl create clusterrole developer --verb '*' --resource deployments.apps,deployments.apps/scale
kubectl create clusterrolebinding developers --clusterrole developer --group developers
until kubectl auth can-i patch deployments.apps --as jane --as-group developers; do sleep 0.1; done
";
const BEFORE_SCENE: &str = "
kubectl delete deployment web --ignore-not-found
kubectl create deployment web --image nginx --replicas 2
";

/// A control plane with a user jane, who may change Deployments.
pub(super) struct Stage {
    _control_plane: ControlPlane,
    admin: Environment,
    jane: Environment,
    /// Values that differ in each run, and their replacements in pictures.
    replacements: Vec<(String, &'static str)>,
}

impl Stage {
    /// Builds the plugins, and starts a control plane.
    pub(super) fn set_up() -> Result<Self> {
        let plugins = build_plugins(|_| true)?;
        let control_plane = ControlPlane::builder().start()?;
        let mut admin = control_plane.environment(Some(&plugins))?;
        admin.push(("HOME", control_plane.folder().into()));
        recorder::prepare(SET_UP, &admin)?;

        let expiry = SystemTime::now() + VALIDITY;
        let kubeconfig = write_kubeconfig(&control_plane, expiry)?;
        let file = kubeconfig.display().to_string();
        let mut jane = admin.clone();
        jane.retain(|(name, _)| *name != "KUBECONFIG");
        jane.push(("KUBECONFIG", kubeconfig.into()));
        let expiry = Timestamp::try_from(expiry)?.strftime("%Y-%m-%d %H:%M UTC");
        Ok(Self {
            replacements: vec![
                (control_plane.url().to_owned(), SERVER),
                (expiry.to_string(), EXPIRY),
                (file, FILE),
            ],
            _control_plane: control_plane,
            admin,
            jane,
        })
    }

    /// Runs the commands of a scene as jane, and draws them with their output.
    pub(super) fn record(&self, scene: &Scene) -> Result<String> {
        recorder::prepare(BEFORE_SCENE, &self.admin)?;
        let mut lines: Vec<Line> = Vec::new();
        for step in scene.steps {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            let mut prompt = Screen::default();
            prompt.print(&format!("# {}\n", step.comment), Colour::Grey);
            prompt.print("$ ", Colour::Green);
            prompt.print(step.command, Colour::Default);
            lines.extend(prompt.into_lines());
            let output = self.without_random_values(recorder::record(step, &self.jane)?);
            lines.extend(Screen::interpret(&output)?.into_lines());
        }
        Ok(svg::draw(scene.title, &lines))
    }

    fn without_random_values(&self, output: String) -> String {
        let output = self
            .replacements
            .iter()
            .fold(output, |output, (value, instead)| {
                output.replace(value, instead)
            });
        without_fingerprints(&without_times(&output))
    }
}

/// Replaces each SHA-256 in hexadecimal digits.
fn without_fingerprints(output: &str) -> String {
    let is_digit = |character: char| matches!(character, '0'..='9' | 'a'..='f');
    replace_runs(output, is_digit, |run| run.len() == 64, FINGERPRINT)
}

/// Replaces each time of day in UTC, as in `13:21:29Z`.
fn without_times(output: &str) -> String {
    let is_part = |character: char| matches!(character, '0'..='9' | ':' | 'Z');
    let is_time = |run: &str| {
        let shape = run
            .bytes()
            .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        shape.eq(*b"00:00:00Z")
    };
    replace_runs(output, is_part, is_time, TIME)
}

/// Replaces each run of characters that are a part of a value, if the whole run is one.
fn replace_runs(
    output: &str,
    is_part: impl Fn(char) -> bool,
    is_value: impl Fn(&str) -> bool,
    replacement: &str,
) -> String {
    let mut result = String::new();
    let mut rest = output;
    while let Some(start) = rest.find(&is_part) {
        let run = &rest[start..];
        let end = run.find(|character| !is_part(character));
        let (run, after) = run.split_at(end.unwrap_or(run.len()));
        result.push_str(&rest[..start]);
        result.push_str(if is_value(run) { replacement } else { run });
        rest = after;
    }
    result + rest
}

/// Writes the kubeconfig of jane, whose context is `staging`. Returns its path.
fn write_kubeconfig(control_plane: &ControlPlane, expiry: SystemTime) -> Result<PathBuf> {
    let not_before: Timestamp = NOT_BEFORE.parse().context("parse NOT_BEFORE")?;
    let (certificate, key) =
        control_plane.client_certificate("jane", &["developers"], not_before.into()..expiry)?;
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "staging", "cluster": {
            "server": control_plane.url(),
            "certificate-authority": control_plane.certificate_authority(),
        }}],
        "users": [{"name": "jane", "user": {
            "client-certificate": certificate,
            "client-key": key,
        }}],
        "contexts": [{"name": "staging", "context": {"cluster": "staging", "user": "jane"}}],
        "current-context": "staging",
    });
    let path = control_plane.folder().join("jane");
    fs::write(&path, kubeconfig.to_string())
        .with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_replaced_and_other_numbers_are_not() {
        let output = format!("at {}:12 abc\n", "0f".repeat(32));
        assert_eq!(
            without_fingerprints(&output),
            format!("at {FINGERPRINT}:12 abc\n")
        );
    }
}
