//! Checks a manifest by the rules of krew, of krew-index's checks, and of its reviewers.
//!
//! krew: `pkg/index/validate.go`, `internal/installation`. krew-index: `validate-krew-manifest` (krew,
//! `cmd/validate-krew-manifest`), its bot's comment on every new plugin, and the naming guide
//! (krew.sigs.k8s.io/docs/developer-guide/develop/naming-guide).

use semver::Version;

use crate::krew::manifest::{Installation, Manifest, Spec};
use crate::target::{Platform, TARGETS, Target};

const API_VERSION: &str = "krew.googlecontainertools.github.com/v1alpha2";
/// The maximum length of a `shortDescription`, in characters.
const SHORT_DESCRIPTION_LIMIT: usize = 50;
/// The maximum width of a line of text, in characters.
const WIDTH_LIMIT: usize = 80;

/// The values that a manifest must have.
pub(super) struct Expected<'a> {
    /// The name of the crate and the program.
    pub(super) plugin: &'a str,
    /// The plugin's name in krew, which is also the name of the file.
    pub(super) name: &'a str,
    /// The version with a `v`.
    pub(super) tag: &'a str,
    pub(super) homepage: &'a str,
    /// The URL of the folder with the archives, without a slash at its end.
    pub(super) base_url: &'a str,
}

/// Returns all problems of a manifest, one line each.
///
/// `sum` returns the SHA-256 of an archive by its file name.
pub(super) fn problems(
    text: &str,
    expected: &Expected<'_>,
    sum: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let manifest: Manifest = match serde_saphyr::from_str(text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let error = error.to_string();
            return vec![error.lines().next().unwrap_or_default().to_owned()];
        }
    };
    let spec = &manifest.spec;
    let mut problems = Problems(Vec::new());
    problems.check_format(text, &manifest);
    problems.check_name(&manifest.metadata.name, expected);
    problems.check_release(spec, expected);
    problems.check_short_description(&spec.short_description);
    problems.check_description(&spec.description);
    problems.check_caveats(spec.caveats.as_deref().unwrap_or_default());
    problems.check_platforms(&spec.platforms, expected, sum);
    problems.0
}

/// Returns the targets that krew installs, each with its platform.
fn released() -> impl Iterator<Item = (Target, Platform)> {
    TARGETS
        .into_iter()
        .filter_map(|target| Some((target, target.platform?)))
}

fn is_for(installation: &Installation, platform: Platform) -> bool {
    let labels = &installation.selector.match_labels;
    labels.os == platform.os && labels.arch == platform.arch
}

/// The problems found so far.
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    fn require(&mut self, holds: bool, problem: impl Into<String>) {
        if !holds {
            self.add(problem);
        }
    }

    fn check_format(&mut self, text: &str, manifest: &Manifest) {
        let Manifest {
            api_version, kind, ..
        } = manifest;
        self.require(
            api_version == API_VERSION,
            format!("apiVersion must be {API_VERSION}, not {api_version}"),
        );
        self.require(kind == "Plugin", format!("kind must be Plugin, not {kind}"));
        let has_quotes = |line: &&str| {
            let value = line.split_once(": ").map_or("", |(_, value)| value.trim());
            let is_between = |quote: char| value.starts_with(quote) && value.ends_with(quote);
            value.len() > 1 && (is_between('"') || is_between('\''))
        };
        if let Some(line) = text.lines().find(has_quotes) {
            self.add(format!("unnecessary quotes: {}", line.trim()));
        }
    }

    fn check_name(&mut self, name: &str, expected: &Expected<'_>) {
        self.require(
            name == expected.name,
            format!("the name is {name}, but the file is {}.yaml", expected.name),
        );
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        self.require(
            name.split('-').all(is_word),
            format!("the name {name} must consist of lower-case words joined by dashes"),
        );
        let mentions_kubernetes = ["kube-", "kubernetes-", "kubectl-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || name.ends_with("-k8s");
        self.require(
            !mentions_kubernetes,
            format!("the name {name} must not mention Kubernetes"),
        );
        let is_reserved = ["con", "prn", "aux", "nul"].contains(&name)
            || ["com", "lpt"].iter().any(|device| {
                name.strip_prefix(device)
                    .is_some_and(|rest| rest.len() == 1 && is_word(rest))
            });
        self.require(
            !is_reserved,
            format!("the name {name} is reserved on Windows"),
        );
    }

    fn check_release(&mut self, spec: &Spec, expected: &Expected<'_>) {
        let Spec {
            version, homepage, ..
        } = spec;
        let parsed = version.strip_prefix('v').map(Version::parse);
        self.require(
            matches!(parsed, Some(Ok(_))),
            format!("the version {version} must be v and a semantic version"),
        );
        self.require(
            version == expected.tag,
            format!(
                "the version is {version}, but the release is {}",
                expected.tag
            ),
        );
        self.require(
            homepage == expected.homepage,
            format!(
                "the homepage is {homepage}, but the repository is {}",
                expected.homepage
            ),
        );
    }

    fn check_short_description(&mut self, text: &str) {
        self.require(
            !text.trim().is_empty() && !text.contains(['\n', '\r']),
            "shortDescription must be one line",
        );
        let length = text.chars().count();
        self.require(
            length <= SHORT_DESCRIPTION_LIMIT,
            format!(
                "shortDescription has {length} characters; the limit is {SHORT_DESCRIPTION_LIMIT}"
            ),
        );
        let lower = text.to_lowercase();
        self.require(
            !lower.contains("kubectl") && !lower.contains("plugin"),
            "shortDescription must not mention kubectl or plugins",
        );
        self.require(
            !text.ends_with('.'),
            "shortDescription must not end with a period",
        );
    }

    fn check_description(&mut self, text: &str) {
        self.require(!text.trim().is_empty(), "description is empty");
        self.check_width("description", text);
        let shows_usage = text.lines().map(str::trim_start).any(|line| {
            ["$ ", "kubectl ", "usage", "example"]
                .iter()
                .any(|start| line.to_lowercase().starts_with(start))
        });
        self.require(!shows_usage, "description must not show usage; --help does");
    }

    fn check_caveats(&mut self, text: &str) {
        self.check_width("caveats", text);
        self.require(
            !text.contains("installed"),
            "caveats must not report the installation; krew does",
        );
    }

    fn check_width(&mut self, field: &str, text: &str) {
        let widths = text.lines().map(|line| line.chars().count());
        let widest = widths.max().unwrap_or_default();
        self.require(
            widest <= WIDTH_LIMIT,
            format!("{field} is {widest} columns wide; the limit is {WIDTH_LIMIT}"),
        );
    }

    fn check_platforms(
        &mut self,
        installations: &[Installation],
        expected: &Expected<'_>,
        sum: impl Fn(&str) -> Option<String>,
    ) {
        for (target, platform) in released() {
            let name = format!("{}/{}", platform.os, platform.arch);
            let found: Vec<_> = installations
                .iter()
                .filter(|installation| is_for(installation, platform))
                .collect();
            match found.as_slice() {
                [installation] => {
                    self.check_installation(&name, installation, target, expected, &sum);
                }
                found => self.add(format!(
                    "{name} must appear once, but appears {} times",
                    found.len()
                )),
            }
        }
        for installation in installations {
            let labels = &installation.selector.match_labels;
            self.require(
                released().any(|(_, platform)| is_for(installation, platform)),
                format!("no release for {}/{}", labels.os, labels.arch),
            );
        }
    }

    fn check_installation(
        &mut self,
        platform: &str,
        installation: &Installation,
        target: Target,
        expected: &Expected<'_>,
        sum: impl Fn(&str) -> Option<String>,
    ) {
        let Installation {
            bin, uri, sha256, ..
        } = installation;
        let program = target.binary(expected.plugin);
        self.require(
            *bin == program,
            format!("{platform}: bin is {bin}, but the program is {program}"),
        );
        let version = expected.tag.trim_start_matches('v');
        let archive = target.archive(expected.plugin, version);
        let url = format!("{}/{archive}", expected.base_url);
        self.require(
            *uri == url,
            format!("{platform}: uri is {uri}, but the archive is {url}"),
        );
        let is_sum = sha256.len() == 64
            && sha256
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        self.require(
            is_sum,
            format!("{platform}: sha256 must be 64 hexadecimal digits in lower case"),
        );
        match sum(&archive) {
            Some(sum) => self.require(
                *sha256 == sum,
                format!("{platform}: sha256 does not match {archive}"),
            ),
            None => self.add(format!("{platform}: cannot read {archive}")),
        }
    }
}

#[cfg(test)]
mod tests;
