//! Lists the crates in a binary as CycloneDX 1.5 (cyclonedx.org), for scanners.
//!
//! `cargo tree` lists exactly the crates that are linked into a plugin for a target; cargo's metadata adds
//! licenses and dependencies. cargo-cyclonedx would have to be installed in every job, and it applies the
//! features of the whole workspace to each plugin.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::target::Target;
use crate::workspace::cargo;

/// Renders the bill of materials of a plugin for a target.
pub(super) fn render(plugin: &str, target: Target, time: Timestamp) -> Result<String> {
    let linked = linked(plugin, target)?;
    let metadata: Value = serde_json::from_str(&cargo(&[
        "metadata",
        "--locked",
        "--format-version=1",
        "--filter-platform",
        target.triple,
    ])?)
    .context("read cargo's metadata")?;

    let mut packages: Vec<Package<'_>> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Package::parse)
        .filter(|package| linked.contains(&package.key()))
        .collect();
    packages.sort_by_key(Package::url);
    let (main, libraries): (Vec<_>, Vec<_>) =
        packages.iter().partition(|package| package.name == plugin);
    let main = main
        .first()
        .with_context(|| format!("{plugin} is missing in its own tree"))?;

    let dependencies: Vec<Value> = packages
        .iter()
        .map(|package| {
            let depends_on = package.dependencies(&metadata, &packages);
            json!({"ref": package.url(), "dependsOn": depends_on})
        })
        .collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.to_string(),
            "component": main.component("application"),
        },
        "components": libraries.iter().map(|package| package.component("library")).collect::<Vec<_>>(),
        "dependencies": dependencies,
    });
    Ok(format!("{bill:#}\n"))
}

/// Returns name and version of each crate in the binary. Procedural macros, build scripts and tests are
/// not part of it.
fn linked(plugin: &str, target: Target) -> Result<BTreeSet<(String, String)>> {
    let tree = cargo(&[
        "tree",
        "--locked",
        "--package",
        plugin,
        "--target",
        target.triple,
        "--edges=normal,no-proc-macro",
        "--prefix=none",
        "--format={p}",
    ])?;
    Ok(tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let version = words.next()?.strip_prefix('v')?;
            Some((name.to_owned(), version.to_owned()))
        })
        .collect())
}

/// A crate in cargo's metadata.
struct Package<'a> {
    id: &'a str,
    name: &'a str,
    version: &'a str,
    license: Option<&'a str>,
}

impl<'a> Package<'a> {
    fn parse(package: &'a Value) -> Option<Self> {
        Some(Self {
            id: package["id"].as_str()?,
            name: package["name"].as_str()?,
            version: package["version"].as_str()?,
            license: package["license"].as_str(),
        })
    }

    fn key(&self) -> (String, String) {
        (self.name.to_owned(), self.version.to_owned())
    }

    /// Returns the package URL, which identifies a crate to scanners.
    fn url(&self) -> String {
        // A version may contain `+`, which must be escaped in a URL.
        format!(
            "pkg:cargo/{}@{}",
            self.name,
            self.version.replace('+', "%2B")
        )
    }

    fn component(&self, kind: &str) -> Value {
        let mut component = json!({
            "type": kind,
            "bom-ref": self.url(),
            "name": self.name,
            "version": self.version,
            "purl": self.url(),
        });
        if let Some(license) = self.license {
            // Old crates write `MIT/Apache-2.0`, which is not an SPDX expression.
            component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
        }
        component
    }

    /// Returns the URLs of the crates in the binary that this one depends on.
    fn dependencies(&self, metadata: &Value, packages: &[Package<'_>]) -> BTreeSet<String> {
        let nodes = metadata["resolve"]["nodes"].as_array();
        let node = nodes
            .into_iter()
            .flatten()
            .find(|node| node["id"] == self.id);
        let used = node.and_then(|node| node["deps"].as_array());
        let used = used.into_iter().flatten().filter(|used| {
            let kinds = used["dep_kinds"].as_array();
            kinds
                .into_iter()
                .flatten()
                .any(|kind| kind["kind"].is_null())
        });
        used.filter_map(|used| packages.iter().find(|package| used["pkg"] == package.id))
            .map(Package::url)
            .collect()
    }
}
