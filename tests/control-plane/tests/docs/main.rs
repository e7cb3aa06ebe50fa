//! Tests the README, the pages in docs/ and the plugins' help: runs every command in them against a
//! control plane, and compares its output with the page.
//!
//! # Layout
//! - `page.rs`: parses a page into steps, and explains how to write one
//! - `reader.rs`: follows the steps of a page
//! - `shell.rs`: the shell that runs the commands
//! - `shown.rs`: compares an output with the page, where `…` matches any text

mod page;
mod reader;
mod shell;
mod shown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use control_plane::{ControlPlane, build_plugins};

use page::{Kind, Step};
use reader::Cluster;

/// Defines one test per page, so `cargo test --test docs NAME` tests one page.
macro_rules! pages {
    ($($name:ident: $page:literal),* $(,)?) => {
        const PAGES: &[&str] = &[$($page),*];
        $(#[test]
        fn $name() -> Result<()> {
            test_page($page)
        })*
    };
}

pages! {
    comparison: "docs/comparison.md",
    completion: "docs/completion.md",
    connection: "docs/connection.md",
    contributing: "CONTRIBUTING.md",
    exit_codes: "docs/exit-codes.md",
    krew: "krew/README.md",
    rawpatch: "docs/rawpatch.md",
    rawwatch: "docs/rawwatch.md",
    raw_mode_by_hand: "docs/raw-mode-by-hand.md",
    readme: "README.md",
    reporting: "SECURITY.md",
    security: "docs/security.md",
    whoami: "docs/whoami.md",
}

/// The longest time that a command on a page may take.
const TIMEOUT: Duration = Duration::from_secs(90);

fn test_page(page: &str) -> Result<()> {
    let steps = steps(page)?;
    let folder = tempfile::tempdir().context("create a folder for a page")?;
    let cluster = PageCluster::start(folder.path())?;
    let control_plane = &cluster.control_plane;
    let mut environment = control_plane.environment(Some(&PLUGINS_FOLDER))?;
    // A page suspends etcd to show a server that hangs.
    let etcd = control_plane
        .etcd()
        .process_id()
        .context("etcd is not running")?;
    environment.push(("ETCD", etcd.to_string().into()));
    let errors = reader::follow(&steps, folder.path(), &environment, &cluster, TIMEOUT)?;
    assert!(
        errors.is_empty(),
        "{page} does not match what happens:\n\n{}\n",
        errors.join("\n\n")
    );
    Ok(())
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn steps(page: &str) -> Result<Vec<Step>> {
    let text =
        fs::read_to_string(workspace().join(page)).with_context(|| format!("read {page}"))?;
    page::steps(&text).with_context(|| page.to_owned())
}

/// The folder of the built plugins.
static PLUGINS_FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| build_plugins(|_| true).expect("the plugins compile"));

/// The control plane of a page.
struct PageCluster {
    control_plane: ControlPlane,
    /// The file in which the API server logs each watch that it starts to serve.
    audit_log: PathBuf,
}

/// Logs each watch when its response begins, because it misses no events from then on.
const AUDIT_POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1",
  "kind": "Policy",
  "omitStages": ["RequestReceived", "ResponseComplete", "Panic"],
  "rules": [{"level": "Metadata", "verbs": ["watch"]}]
}"#;

impl PageCluster {
    fn start(folder: &Path) -> Result<Self> {
        let policy = folder.join("audit-policy");
        let audit_log = folder.join("audit.log");
        fs::write(&policy, AUDIT_POLICY).context("write the audit policy")?;
        let control_plane = ControlPlane::builder()
            .api_server_flag(format!("--audit-policy-file={}", policy.display()))
            .api_server_flag(format!("--audit-log-path={}", audit_log.display()))
            .start()?;
        Ok(Self {
            control_plane,
            audit_log,
        })
    }
}

impl Cluster for PageCluster {
    fn watches(&self) -> Result<usize> {
        let log = fs::read_to_string(&self.audit_log).context("read the audit log")?;
        // The API server itself also watches many collections.
        let lines = log.lines();
        Ok(lines
            .filter(|line| !line.contains("\"userAgent\":\"kube-apiserver/"))
            .count())
    }

    fn restart(&self) -> Result<()> {
        self.control_plane.api_server().kill()?;
        self.control_plane.api_server().start()
    }
}

#[test]
fn every_page_has_a_test() -> Result<()> {
    let mut pages = BTreeSet::new();
    for folder in ["", "docs", "krew"] {
        let Ok(entries) = fs::read_dir(workspace().join(folder)) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.extension().is_some_and(|ending| ending == "md") && name != "CHANGELOG.md" {
                pages.insert(Path::new(folder).join(name).display().to_string());
            }
        }
    }
    assert_eq!(pages, PAGES.iter().map(|&page| page.to_owned()).collect());
    Ok(())
}

/// Every plugin. Each has a page.
const PLUGINS: &[&str] = &["rawpatch", "rawwatch", "whoami"];

/// Tests run the pages, so this makes them run the examples too.
#[test]
fn every_example_in_help_is_on_the_plugins_page() -> Result<()> {
    for name in PLUGINS {
        let page = format!("docs/{name}.md");
        let steps = steps(&page)?;
        let is_on_page = |example: &str| {
            steps.iter().any(|step| match &step.kind {
                Kind::Command { command, .. } => command == example,
                Kind::Script(_) | Kind::Restart => false,
            })
        };
        let examples = examples(&help(name, "--help")?)?;
        assert_eq!(examples.len(), 3, "{examples:?}");
        for example in examples {
            assert!(is_on_page(&example), "{page} does not show:\n{example}");
        }
    }
    Ok(())
}

#[test]
fn help_begins_with_examples_and_ends_with_exit_codes() -> Result<()> {
    for name in PLUGINS {
        let help = help(name, "--help")?;
        let place = |heading: &str| {
            let line = help.lines().position(|line| line == heading);
            line.with_context(|| format!("{name}: no {heading:?} in:\n{help}"))
        };
        let headings = ["Examples:", "Options:", "Help:", "Exit codes:"];
        let places = headings
            .map(place)
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        assert!(places.is_sorted(), "{name}: {places:?}");
        let first_example = help.lines().skip(places[0]).position(str::is_empty);
        let end = places[0] + first_example.context("the first example does not end")?;
        assert!(end <= 24, "{name}: the first example ends in line {end}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
    Ok(())
}

#[test]
fn short_help_is_one_screen_without_the_connection_flags() -> Result<()> {
    for name in PLUGINS {
        let [short, long, connection] =
            ["-h", "--help", "--help-connection"].map(|flag| help(name, flag));
        let (short, long, connection) = (short?, long?, connection?);
        assert!(short.lines().count() <= 40, "{name}:\n{short}");
        assert!(short.contains("\nOptions:\n"), "{short}");
        for page in [&short, &long] {
            assert!(!page.contains("--kubeconfig FILE"), "{page}");
            assert!(page.contains("--help-connection"), "{page}");
        }
        assert!(connection.contains("--kubeconfig FILE"), "{connection}");
        assert!(!connection.contains("--output"), "{connection}");
    }
    Ok(())
}

/// Runs a plugin with one flag, and returns its stdout.
fn help(name: &str, flag: &str) -> Result<String> {
    let plugin = PLUGINS_FOLDER.join(format!("kubectl-{name}"));
    let output = Command::new(plugin)
        .arg(flag)
        .env("COLUMNS", "80")
        .output()?;
    ensure!(output.status.success(), "{name} {flag}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the examples in a help text, each without its comment and indentation.
fn examples(help: &str) -> Result<Vec<String>> {
    let (_, rest) = help.split_once("Examples:\n").context("no examples")?;
    let is_example = |line: &&str| line.is_empty() || line.starts_with("  ");
    let section: Vec<&str> = rest.lines().take_while(is_example).collect();
    Ok(section
        .split(|line| line.is_empty())
        .map(|example| {
            let lines = example
                .iter()
                .map(|line| line.strip_prefix("  ").unwrap_or(line));
            let commands = lines.filter(|line| !line.starts_with("# "));
            commands.collect::<Vec<_>>().join("\n")
        })
        .filter(|example| !example.is_empty())
        .collect())
}
