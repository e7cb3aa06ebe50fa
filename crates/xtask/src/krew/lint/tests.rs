//! Each rule, seen to find the fault that it is for; what else is found fails the test too.

use super::super::template;
use super::*;

const BASE_URL: &str = "https://example.com/v1.2.3";

/// A manifest in order: the real template.
fn manifest() -> String {
    template::render(
        include_str!("../../../../../krew/rawpatch.yaml"),
        "v1.2.3",
        |address| {
            let archive = address.rsplit('/').next().unwrap();
            Ok((format!("{BASE_URL}/{archive}"), sum(archive).unwrap()))
        },
    )
    .unwrap()
}

/// A sum of its own for each archive.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the linter asks for sums that there may not be"
)]
fn sum(archive: &str) -> Option<String> {
    let digits = archive.bytes().rev().cycle().take(64);
    Some(
        digits
            .map(|byte| char::from(b"0123456789abcdef"[usize::from(byte % 16)]))
            .collect(),
    )
}

fn found(manifest: &str) -> Vec<String> {
    found_as(manifest, "rawpatch")
}

fn found_as(manifest: &str, name: &str) -> Vec<String> {
    let expected = Expected {
        plugin: "kubectl-rawpatch",
        name,
        tag: "v1.2.3",
        homepage: env!("CARGO_PKG_REPOSITORY"),
        base_url: BASE_URL,
    };
    problems(manifest, &expected, sum)
}

/// What is found once `old` is replaced, the first time it is there.
#[track_caller]
fn after(old: &str, new: &str) -> Vec<String> {
    let manifest = manifest();
    assert!(manifest.contains(old), "no {old:?} in {manifest}");
    found(&manifest.replacen(old, new, 1))
}

#[test]
fn a_manifest_in_order_has_no_problem() {
    assert_eq!(found(&manifest()), Vec::<String>::new());
}

#[test]
fn what_krew_would_not_read_is_refused() {
    for (old, new, expected) in [
        ("homepage:", "homePage:", "unknown field `homePage`"),
        (
            "  platforms:",
            "  files: []\n  platforms:",
            "unknown field `files`",
        ),
        (
            "    bin: kubectl-rawpatch\n",
            "    files: []\n    bin: kubectl-rawpatch\n",
            "unknown field `files`",
        ),
        (
            "os: linux",
            "os: linux\n        version: 7",
            "unknown field `version`",
        ),
        (
            "  name: rawpatch",
            "  labels: {}\n  name: rawpatch",
            "unknown field `labels`",
        ),
        ("    bin: kubectl-rawpatch\n", "", "missing field `bin`"),
        (
            "matchLabels:",
            "matchExpressions:",
            "unknown field `matchExpressions`",
        ),
        ("kind: Plugin", "kind: Plugin\nkind: Plugin", "duplicate"),
    ] {
        let problems = after(old, new);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
}

#[test]
fn each_rule_finds_its_fault() {
    let long = "x".repeat(51);
    let wide = format!("description: |\n    {}", "x".repeat(81));
    let wide_caveats = format!("caveats: |\n    {}", "x".repeat(81));
    for (old, new, expected) in [
        (
            "/v1alpha2",
            "/v1",
            "apiVersion krew.googlecontainertools.github.com/v1 is not krew's",
        ),
        ("kind: Plugin", "kind: Plug", "kind Plug is not Plugin"),
        (
            "os: linux",
            "os: 'linux'",
            "quotes that are not needed:        os: 'linux'",
        ),
        (
            "version: v1.2.3",
            "version: v1.2.4",
            "the version is v1.2.4, and the release v1.2.3",
        ),
        (
            "homepage: ",
            "homepage: https://x/",
            "the homepage is https://x/",
        ),
        (
            "Send a PATCH to a raw API path",
            "|\n    One line\n    and one more",
            "shortDescription is not one line",
        ),
        (
            "Send a PATCH to a raw API path",
            &long,
            "shortDescription has 51 characters, more than 50",
        ),
        (
            "Send a PATCH to a raw API path",
            "A kubectl tool",
            "shortDescription says that it is a plugin",
        ),
        (
            "Send a PATCH to a raw API path",
            "A Plugin",
            "shortDescription says that it is a plugin",
        ),
        ("a raw API path", "a path.", "ends in a full stop"),
        (
            "description: |",
            &wide,
            "description has 81 columns, more than 80",
        ),
        (
            "caveats: |",
            &wide_caveats,
            "caveats has 81 columns, more than 80",
        ),
        (
            "description: |",
            "description: |\n    $ kubectl rawpatch",
            "description shows how to use it",
        ),
        (
            "description: |",
            "description: |\n    kubectl rawpatch /api",
            "description shows how to use it",
        ),
        (
            "description: |",
            "description: |\n    Usage: it",
            "description shows how to use it",
        ),
        (
            "caveats: |",
            "caveats: |\n    It is now installed!",
            "caveats say that it is installed",
        ),
        (
            "bin: kubectl-rawpatch.exe",
            "bin: kubectl-rawpatch",
            "windows/amd64: bin is kubectl-rawpatch, and the program",
        ),
        (
            "bin: kubectl-rawpatch\n",
            "bin: ./kubectl-rawpatch\n",
            "linux/amd64: bin is ./kubectl-rawpatch, and the program",
        ),
        ("msvc.zip", "msvc.tar.gz", "windows/amd64: uri is"),
        ("-v1.2.3-", "-1.2.3-", "linux/amd64: uri is"),
        (
            "https://example.com",
            "http://example.com",
            "linux/amd64: uri is http:",
        ),
    ] {
        let problems = after(old, new);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains(expected)),
            "{old} → {new}: {problems:#?}"
        );
    }
}

#[test]
fn a_version_is_v_and_a_semantic_one() {
    for version in ["1.2.3", "v1.2", "v01.2.3", "v1.2.3.4", "latest"] {
        let problems = after("version: v1.2.3", &format!("version: {version}"));
        let expected = format!("the version {version} is not v and a semantic version");
        assert_eq!(problems.first(), Some(&expected));
    }
}

#[test]
fn a_description_has_words() {
    let manifest = manifest();
    let (start, rest) = manifest.split_once("  description: |\n").unwrap();
    let (_, end) = rest.split_once("  caveats:").unwrap();
    let problems = found(&format!("{start}  description: ''\n  caveats:{end}"));
    assert!(
        problems.contains(&"description is empty".to_owned()),
        "{problems:?}"
    );
}

#[test]
fn a_sum_is_the_archives_and_in_lower_case() {
    let archive = "kubectl-rawpatch-v1.2.3-x86_64-unknown-linux-musl.tar.gz";
    let sum = sum(archive).unwrap();
    assert_eq!(
        after(&sum, &"0".repeat(64)),
        [format!("linux/amd64: sha256 is not that of {archive}")]
    );
    for wrong in [sum.to_uppercase(), sum[1..].to_owned(), format!("{sum}0")] {
        let problems = after(&sum, &wrong);
        assert_eq!(
            problems.first().map(String::as_str),
            Some("linux/amd64: sha256 is not 64 hexadecimal digits in lower case")
        );
    }
    let expected = Expected {
        plugin: "kubectl-rawpatch",
        name: "rawpatch",
        tag: "v1.2.3",
        homepage: env!("CARGO_PKG_REPOSITORY"),
        base_url: BASE_URL,
    };
    let problems = problems(&manifest(), &expected, |_| None);
    assert_eq!(problems.len(), 6, "{problems:?}");
    assert_eq!(problems[0], format!("linux/amd64: there is no {archive}"));
}

#[test]
fn there_are_six_platforms_once_each() {
    assert_eq!(
        after("arch: arm64", "arch: amd64"),
        [
            "linux/amd64 is there 2 times instead of once",
            "linux/arm64 is there 0 times instead of once"
        ]
    );
    for (old, new, known) in [
        ("os: linux", "os: Linux", "Linux/amd64"),
        ("arch: amd64", "arch: s390x", "linux/s390x"),
    ] {
        assert_eq!(
            after(old, new),
            [
                "linux/amd64 is there 0 times instead of once".to_owned(),
                format!("nothing is released for {known}"),
            ]
        );
    }
}

#[test]
fn a_name_is_that_of_the_file_and_of_the_guide() {
    assert_eq!(
        after("name: rawpatch", "name: raw-patch"),
        ["the name is raw-patch, and that of the file rawpatch"]
    );
    for (name, expected) in [
        ("RawPatch", "is not of lower-case words joined by dashes"),
        ("raw_patch", "is not of lower-case words joined by dashes"),
        ("raw--patch", "is not of lower-case words joined by dashes"),
        ("-rawpatch", "is not of lower-case words joined by dashes"),
        ("kube-patch", "says that it is about Kubernetes"),
        ("kubernetes-patch", "says that it is about Kubernetes"),
        ("kubectl-rawpatch", "says that it is about Kubernetes"),
        ("patch-k8s", "says that it is about Kubernetes"),
        ("nul", "Windows has a device called nul"),
        ("com1", "Windows has a device called com1"),
    ] {
        let renamed = manifest().replacen("name: rawpatch", &format!("name: {name}"), 1);
        let problems = found_as(&renamed, name);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains(expected)),
            "{name}: {problems:?}"
        );
    }
    let renamed = manifest().replacen("name: rawpatch", "name: raw-patch", 1);
    assert_eq!(found_as(&renamed, "raw-patch"), Vec::<String>::new());
}
