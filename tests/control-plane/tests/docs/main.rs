//! README, the pages of docs/ and the plugins' help: every command in them is run against a control
//! plane, and what it prints is compared with what is shown.
//!
//! # Layout
//! - `page.rs`: what a page has its reader do; how pages are written stands there
//! - `shown.rs`: what `…` means, and whether an output is what is shown
//! - `shell.rs`: the shell in which the commands are typed
//! - `reader.rs`: does what the page says

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

use page::{Kind, Part};
use reader::Cluster;

/// A test for each page; with `cargo test --test docs NAME` one page is read.
macro_rules! pages {
    ($($name:ident: $page:literal),* $(,)?) => {
        const PAGES: &[&str] = &[$($page),*];
        $(#[test]
        fn $name() -> Result<()> {
            read_page($page)
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

/// How long a command of a page may take.
const PATIENCE: Duration = Duration::from_secs(90);

fn read_page(page: &str) -> Result<()> {
    let parts = parts(page)?;
    let folder = tempfile::tempdir().context("create a folder for a page")?;
    let cluster = PageCluster::start(folder.path())?;
    let control_plane = &cluster.control_plane;
    let mut environment = control_plane.environment(Some(&PLUGINS_FOLDER))?;
    // For pages that show what happens when it hangs.
    let etcd = control_plane.etcd().process_id().context("no etcd")?;
    environment.push(("ETCD", etcd.to_string().into()));
    let errors = reader::read(&parts, folder.path(), &environment, &cluster, PATIENCE)?;
    assert!(
        errors.is_empty(),
        "{page} is not what happens:\n\n{}\n",
        errors.join("\n\n")
    );
    Ok(())
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn parts(page: &str) -> Result<Vec<Part>> {
    let text =
        fs::read_to_string(workspace().join(page)).with_context(|| format!("read {page}"))?;
    page::parts(&text).with_context(|| page.to_owned())
}

/// The folder with the plugins, built once.
static PLUGINS_FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| build_plugins(|_| true).expect("the plugins can be built"));

/// The control plane of a page.
struct PageCluster {
    control_plane: ControlPlane,
    /// Where the API server writes down each watch that it begins to answer.
    audit_log: PathBuf,
}

/// Audits watches when their reply begins, which is behind their start.
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
        // The API server watches a lot itself.
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
fn no_page_is_left_out() -> Result<()> {
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

/// All of them; each has a page.
const PLUGINS: &[&str] = &["rawpatch", "rawwatch", "whoami"];

/// Pages are run by tests, so the examples are, too.
#[test]
fn every_example_of_help_is_on_the_plugins_page() -> Result<()> {
    for name in PLUGINS {
        let page = format!("docs/{name}.md");
        let parts = parts(&page)?;
        let on_page = |example: &str| {
            parts.iter().any(|part| match &part.kind {
                Kind::Typed { command, .. } => command == example,
                Kind::Script(_) | Kind::Restart => false,
            })
        };
        let examples = examples(&help(name, "--help")?)?;
        assert_eq!(examples.len(), 3, "{examples:?}");
        for example in examples {
            assert!(on_page(&example), "{page} does not show:\n{example}");
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
        let end = places[0] + first_example.context("no end of the first example")?;
        assert!(end <= 24, "{name}: the first example ends in line {end}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
    }
    Ok(())
}

#[test]
fn short_help_is_one_screen_and_connection_flags_have_a_page_of_their_own() -> Result<()> {
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

/// What a plugin prints on stdout.
fn help(name: &str, flag: &str) -> Result<String> {
    let plugin = PLUGINS_FOLDER.join(format!("kubectl-{name}"));
    let output = Command::new(plugin)
        .arg(flag)
        .env("COLUMNS", "80")
        .output()?;
    ensure!(output.status.success(), "{name} {flag}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// What stands under `Examples:`, each without its comment and its indentation.
fn examples(help: &str) -> Result<Vec<String>> {
    let (_, behind) = help.split_once("Examples:\n").context("no examples")?;
    let is_example = |line: &&str| line.is_empty() || line.starts_with("  ");
    let section: Vec<&str> = behind.lines().take_while(is_example).collect();
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
