//! Tests that each rule finds its fault, and nothing else.

use super::*;
use crate::krew::template;

const BASE_URL: &str = "https://example.com/v1.2.3";

/// Renders the real template, which has no problems.
fn manifest() -> String {
    template::render(
        include_str!("../../../../../krew/rawpatch.yaml"),
        "v1.2.3",
        |url| {
            let archive = url.rsplit('/').next().unwrap();
            Ok((format!("{BASE_URL}/{archive}"), sum(archive).unwrap()))
        },
    )
    .unwrap()
}

/// Returns a different checksum for each archive.
#[expect(clippy::unnecessary_wraps, reason = "a checksum may be missing")]
fn sum(archive: &str) -> Option<String> {
    let digits = archive.bytes().rev().cycle().take(64);
    Some(
        digits
            .map(|byte| char::from(b"0123456789abcdef"[usize::from(byte % 16)]))
            .collect(),
    )
}

fn problems_of(manifest: &str) -> Vec<String> {
    problems_under_name(manifest, "rawpatch")
}

fn problems_under_name(manifest: &str, name: &str) -> Vec<String> {
    let expected = Expected {
        plugin: "kubectl-rawpatch",
        name,
        tag: "v1.2.3",
        homepage: env!("CARGO_PKG_REPOSITORY"),
        base_url: BASE_URL,
    };
    problems(manifest, &expected, sum)
}

/// Returns the problems after the first occurrence of `old` is replaced.
#[track_caller]
fn problems_after_replacing(old: &str, new: &str) -> Vec<String> {
    let manifest = manifest();
    assert!(manifest.contains(old), "no {old:?} in {manifest}");
    problems_of(&manifest.replacen(old, new, 1))
}

#[test]
fn the_real_template_has_no_problem() {
    assert_eq!(problems_of(&manifest()), Vec::<String>::new());
}

#[test]
fn a_field_that_krew_does_not_know_is_a_problem() {
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
        let problems = problems_after_replacing(old, new);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
}

/// Checks that each replacement causes exactly one problem.
#[track_caller]
fn assert_single_problems(cases: &[(&str, &str, &str)]) {
    for (old, new, expected) in cases {
        let problems = problems_after_replacing(old, new);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains(expected)),
            "{old} → {new}: {problems:#?}"
        );
    }
}

#[test]
fn each_rule_for_fields_and_texts_finds_its_fault() {
    let long = "x".repeat(51);
    let wide = format!("description: |\n    {}", "x".repeat(81));
    let wide_caveats = format!("caveats: |\n    {}", "x".repeat(81));
    assert_single_problems(&[
        (
            "/v1alpha2",
            "/v1",
            "apiVersion must be krew.googlecontainertools.github.com/v1alpha2, not krew.googlecontainertools.github.com/v1",
        ),
        (
            "kind: Plugin",
            "kind: Plug",
            "kind must be Plugin, not Plug",
        ),
        (
            "os: linux",
            "os: 'linux'",
            "unnecessary quotes: os: 'linux'",
        ),
        (
            "version: v1.2.3",
            "version: v1.2.4",
            "the version is v1.2.4, but the release is v1.2.3",
        ),
        (
            "homepage: ",
            "homepage: https://x/",
            "the homepage is https://x/",
        ),
        (
            "Send a PATCH to a raw API path",
            "|\n    One line\n    and one more",
            "shortDescription must be one line",
        ),
        (
            "Send a PATCH to a raw API path",
            &long,
            "shortDescription has 51 characters; the limit is 50",
        ),
        (
            "Send a PATCH to a raw API path",
            "A kubectl tool",
            "shortDescription must not mention kubectl or plugins",
        ),
        (
            "Send a PATCH to a raw API path",
            "A Plugin",
            "shortDescription must not mention kubectl or plugins",
        ),
        (
            "a raw API path",
            "a path.",
            "shortDescription must not end with a period",
        ),
        (
            "description: |",
            &wide,
            "description is 81 columns wide; the limit is 80",
        ),
        (
            "caveats: |",
            &wide_caveats,
            "caveats is 81 columns wide; the limit is 80",
        ),
        (
            "description: |",
            "description: |\n    $ kubectl rawpatch",
            "description must not show usage; --help does",
        ),
        (
            "description: |",
            "description: |\n    kubectl rawpatch /api",
            "description must not show usage; --help does",
        ),
        (
            "description: |",
            "description: |\n    Usage: it",
            "description must not show usage; --help does",
        ),
        (
            "caveats: |",
            "caveats: |\n    It is now installed!",
            "caveats must not report the installation; krew does",
        ),
    ]);
}

#[test]
fn each_rule_for_platforms_finds_its_fault() {
    assert_single_problems(&[
        (
            "bin: kubectl-rawpatch.exe",
            "bin: kubectl-rawpatch",
            "windows/amd64: bin is kubectl-rawpatch, but the program is kubectl-rawpatch.exe",
        ),
        (
            "bin: kubectl-rawpatch\n",
            "bin: ./kubectl-rawpatch\n",
            "linux/amd64: bin is ./kubectl-rawpatch, but the program is kubectl-rawpatch",
        ),
        ("msvc.zip", "msvc.tar.gz", "windows/amd64: uri is"),
        ("-v1.2.3-", "-1.2.3-", "linux/amd64: uri is"),
        (
            "https://example.com",
            "http://example.com",
            "linux/amd64: uri is http:",
        ),
    ]);
}

#[test]
fn a_version_must_be_v_and_a_semantic_version() {
    for version in ["1.2.3", "v1.2", "v01.2.3", "v1.2.3.4", "latest"] {
        let problems = problems_after_replacing("version: v1.2.3", &format!("version: {version}"));
        let expected = format!("the version {version} must be v and a semantic version");
        assert_eq!(problems.first(), Some(&expected));
    }
}

#[test]
fn a_description_must_not_be_empty() {
    let manifest = manifest();
    let (start, rest) = manifest.split_once("  description: |\n").unwrap();
    let (_, end) = rest.split_once("  caveats:").unwrap();
    let problems = problems_of(&format!("{start}  description: ''\n  caveats:{end}"));
    assert!(
        problems.contains(&"description is empty".to_owned()),
        "{problems:?}"
    );
}

#[test]
fn a_checksum_must_match_the_archive_in_lower_case() {
    let archive = "kubectl-rawpatch-v1.2.3-x86_64-unknown-linux-musl.tar.gz";
    let sum = sum(archive).unwrap();
    assert_eq!(
        problems_after_replacing(&sum, &"0".repeat(64)),
        [format!("linux/amd64: sha256 does not match {archive}")]
    );
    for wrong in [sum.to_uppercase(), sum[1..].to_owned(), format!("{sum}0")] {
        let problems = problems_after_replacing(&sum, &wrong);
        assert_eq!(
            problems.first().map(String::as_str),
            Some("linux/amd64: sha256 must be 64 hexadecimal digits in lower case")
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
    assert_eq!(problems[0], format!("linux/amd64: cannot read {archive}"));
}

#[test]
fn each_of_the_six_platforms_must_appear_once() {
    assert_eq!(
        problems_after_replacing("arch: arm64", "arch: amd64"),
        [
            "linux/amd64 must appear once, but appears 2 times",
            "linux/arm64 must appear once, but appears 0 times"
        ]
    );
    for (old, new, unknown) in [
        ("os: linux", "os: Linux", "Linux/amd64"),
        ("arch: amd64", "arch: s390x", "linux/s390x"),
    ] {
        assert_eq!(
            problems_after_replacing(old, new),
            [
                "linux/amd64 must appear once, but appears 0 times".to_owned(),
                format!("no release for {unknown}"),
            ]
        );
    }
}

#[test]
fn a_name_must_match_the_file_and_follow_the_naming_guide() {
    assert_eq!(
        problems_after_replacing("name: rawpatch", "name: raw-patch"),
        ["the name is raw-patch, but the file is rawpatch.yaml"]
    );
    for (name, expected) in [
        (
            "RawPatch",
            "must consist of lower-case words joined by dashes",
        ),
        (
            "raw_patch",
            "must consist of lower-case words joined by dashes",
        ),
        (
            "raw--patch",
            "must consist of lower-case words joined by dashes",
        ),
        (
            "-rawpatch",
            "must consist of lower-case words joined by dashes",
        ),
        ("kube-patch", "must not mention Kubernetes"),
        ("kubernetes-patch", "must not mention Kubernetes"),
        ("kubectl-rawpatch", "must not mention Kubernetes"),
        ("patch-k8s", "must not mention Kubernetes"),
        ("nul", "the name nul is reserved on Windows"),
        ("com1", "the name com1 is reserved on Windows"),
    ] {
        let renamed = manifest().replacen("name: rawpatch", &format!("name: {name}"), 1);
        let problems = problems_under_name(&renamed, name);
        assert!(
            matches!(problems.as_slice(), [problem] if problem.contains(expected)),
            "{name}: {problems:?}"
        );
    }
    let renamed = manifest().replacen("name: rawpatch", "name: raw-patch", 1);
    assert_eq!(
        problems_under_name(&renamed, "raw-patch"),
        Vec::<String>::new()
    );
}
