//! The rules for a manifest: those of krew, those of krew-index's checks, and what its reviewers ask.
//!
//! krew: `pkg/index/validate.go`, `internal/installation`; krew-index: `validate-krew-manifest`
//! (krew, `cmd/validate-krew-manifest`), its bot's words on every new plugin, and the naming guide
//! (krew.sigs.k8s.io/docs/developer-guide/develop/naming-guide).

use semver::Version;

use super::manifest::{Installation, Manifest, Spec};
use crate::target::{TARGETS, Target};

/// What a manifest is held against.
pub(super) struct Expected<'a> {
    /// The crate, which is the program too.
    pub(super) plugin: &'a str,
    /// The name that krew shall know it by, which is that of the file.
    pub(super) name: &'a str,
    /// With a `v`.
    pub(super) tag: &'a str,
    pub(super) homepage: &'a str,
    /// The folder of the archives' addresses, without a slash at its end.
    pub(super) base_url: &'a str,
}

/// All that is wrong with a manifest, a line each; nothing when it is in order.
///
/// `sum` knows the SHA-256 of an archive by its file name.
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
    let mut problems = Problems(Vec::new());
    problems.of_form(text, &manifest);
    problems.of_name(&manifest.metadata.name, expected);
    problems.of_texts(&manifest.spec, expected);
    problems.of_platforms(&manifest.spec.platforms, expected, sum);
    problems.0
}

/// What was found so far.
struct Problems(Vec<String>);

impl Problems {
    fn unless(&mut self, holds: bool, problem: impl Into<String>) {
        if !holds {
            self.0.push(problem.into());
        }
    }

    fn of_form(&mut self, text: &str, manifest: &Manifest) {
        self.unless(
            manifest.api_version == "krew.googlecontainertools.github.com/v1alpha2",
            format!("apiVersion {} is not krew's", manifest.api_version),
        );
        self.unless(
            manifest.kind == "Plugin",
            format!("kind {} is not Plugin", manifest.kind),
        );
        let quoted = text.lines().find(|line| {
            let value = line.split_once(": ").map_or("", |(_, value)| value.trim());
            value.len() > 1
                && ['"', '\'']
                    .iter()
                    .any(|&mark| value.starts_with(mark) && value.ends_with(mark))
        });
        self.unless(
            quoted.is_none(),
            format!("quotes that are not needed:{}", quoted.unwrap_or_default()),
        );
    }

    fn of_name(&mut self, name: &str, expected: &Expected<'_>) {
        self.unless(
            name == expected.name,
            format!("the name is {name}, and that of the file {}", expected.name),
        );
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        self.unless(
            name.split('-').all(is_word),
            format!("the name {name} is not of lower-case words joined by dashes"),
        );
        let affixes = ["kube-", "kubernetes-", "kubectl-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || name.ends_with("-k8s");
        self.unless(
            !affixes,
            format!("the name {name} says that it is about Kubernetes, as all do"),
        );
        let reserved = ["con", "prn", "aux", "nul"].contains(&name)
            || ["com", "lpt"].iter().any(|device| {
                name.strip_prefix(device)
                    .is_some_and(|rest| rest.len() == 1 && is_word(rest))
            });
        self.unless(!reserved, format!("Windows has a device called {name}"));
    }

    fn of_texts(&mut self, spec: &Spec, expected: &Expected<'_>) {
        let version = spec.version.strip_prefix('v').map(Version::parse);
        self.unless(
            matches!(version, Some(Ok(_))),
            format!(
                "the version {} is not v and a semantic version",
                spec.version
            ),
        );
        self.unless(
            spec.version == expected.tag,
            format!(
                "the version is {}, and the release {}",
                spec.version, expected.tag
            ),
        );
        self.unless(
            spec.homepage == expected.homepage,
            format!(
                "the homepage is {}, and the repository {}",
                spec.homepage, expected.homepage
            ),
        );
        let short = spec.short_description.as_str();
        self.unless(
            !short.trim().is_empty() && !short.contains(['\n', '\r']),
            "shortDescription is not one line",
        );
        self.unless(
            short.chars().count() <= 50,
            format!(
                "shortDescription has {} characters, more than 50",
                short.chars().count()
            ),
        );
        let lower = short.to_lowercase();
        self.unless(
            !["kubectl", "plugin"]
                .iter()
                .any(|word| lower.contains(word))
                && !short.ends_with('.'),
            "shortDescription says that it is a plugin for kubectl, or ends in a full stop",
        );
        self.unless(!spec.description.trim().is_empty(), "description is empty");
        for (field, text) in [
            ("description", Some(spec.description.as_str())),
            ("caveats", spec.caveats.as_deref()),
        ] {
            let text = text.unwrap_or_default();
            let widest = text
                .lines()
                .map(|line| line.chars().count())
                .max()
                .unwrap_or_default();
            self.unless(
                widest <= 80,
                format!("{field} has {widest} columns, more than 80"),
            );
        }
        let shows_usage = spec.description.lines().map(str::trim_start).any(|line| {
            ["$ ", "kubectl ", "usage", "example"]
                .iter()
                .any(|start| line.to_lowercase().starts_with(start))
        });
        self.unless(
            !shows_usage,
            "description shows how to use it, which --help does",
        );
        self.unless(
            !spec
                .caveats
                .as_deref()
                .unwrap_or_default()
                .contains("installed"),
            "caveats say that it is installed, as krew does",
        );
    }

    fn of_platforms(
        &mut self,
        platforms: &[Installation],
        expected: &Expected<'_>,
        sum: impl Fn(&str) -> Option<String>,
    ) {
        let released = TARGETS
            .into_iter()
            .filter_map(|target| Some((target, target.platform?)));
        for (target, platform) in released {
            let found: Vec<_> = platforms
                .iter()
                .filter(|installation| {
                    let labels = &installation.selector.match_labels;
                    labels.os == platform.os && labels.arch == platform.arch
                })
                .collect();
            let name = format!("{}/{}", platform.os, platform.arch);
            match found.as_slice() {
                [installation] => self.of_installation(&name, installation, target, expected, &sum),
                found => self.unless(
                    false,
                    format!("{name} is there {} times instead of once", found.len()),
                ),
            }
        }
        for installation in platforms {
            let labels = &installation.selector.match_labels;
            let known = TARGETS.iter().any(|target| {
                target.platform.is_some_and(|platform| {
                    platform.os == labels.os && platform.arch == labels.arch
                })
            });
            self.unless(
                known,
                format!("nothing is released for {}/{}", labels.os, labels.arch),
            );
        }
    }

    fn of_installation(
        &mut self,
        platform: &str,
        installation: &Installation,
        target: Target,
        expected: &Expected<'_>,
        sum: impl Fn(&str) -> Option<String>,
    ) {
        let binary = target.binary(expected.plugin);
        self.unless(
            installation.bin == binary,
            format!(
                "{platform}: bin is {}, and the program {binary}",
                installation.bin
            ),
        );
        let version = expected.tag.trim_start_matches('v');
        let archive = target.archive(expected.plugin, version);
        let address = format!("{}/{archive}", expected.base_url);
        self.unless(
            installation.uri == address,
            format!(
                "{platform}: uri is {}, and the archive {address}",
                installation.uri
            ),
        );
        let is_sum = installation.sha256.len() == 64
            && installation
                .sha256
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        self.unless(
            is_sum,
            format!("{platform}: sha256 is not 64 hexadecimal digits in lower case"),
        );
        match sum(&archive) {
            Some(sum) => self.unless(
                installation.sha256 == sum,
                format!("{platform}: sha256 is not that of {archive}"),
            ),
            None => self.unless(false, format!("{platform}: there is no {archive}")),
        }
    }
}

#[cfg(test)]
mod tests;
