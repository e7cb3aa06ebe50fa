//! Tests installation from a manifest and an archive, without an index.

use std::process::Command;

use control_plane::Tool;

use support::run;

use super::client::{Krew, path, tools};
use super::release::{Release, TARGETS, VERSION, archive, binary, files, plugins};

/// Returns krew's form of our version.
fn version() -> String {
    format!("v{VERSION}")
}

#[test]
fn every_archive_installs_on_its_platform() {
    let release = Release::shared();
    let manifests = release.manifests(VERSION, &[]);
    for plugin in plugins() {
        for (target, platform) in TARGETS {
            let Some((os, arch)) = platform else { continue };
            let krew = Krew::new();
            let manifest = manifests.path().join(format!("{plugin}.yaml"));
            let archive = release.archives().join(archive(&plugin, VERSION, target));
            let mut install = krew.krew(["install"]);
            install
                .arg(format!("--manifest={}", manifest.display()))
                .arg(format!("--archive={}", archive.display()))
                .envs([("KREW_OS", os), ("KREW_ARCH", arch)]);
            let outcome = run(&mut install, "").succeeded();
            assert!(
                outcome
                    .stderr
                    .contains(&format!("Installed plugin: {plugin}")),
                "{outcome:?}"
            );
            assert_eq!(krew.linked(), [binary(&plugin, target)]);
            assert_eq!(
                krew.stored(&plugin, &version()),
                files(&plugin, target),
                "{target}"
            );
        }
    }
}

#[test]
fn kubectl_finds_and_runs_downloaded_plugins() {
    let krew = Krew::new();
    let manifests = Release::shared().manifests(VERSION, &[]);
    for plugin in plugins() {
        let manifest = manifests.path().join(format!("{plugin}.yaml"));
        run(krew.krew(["install", "--manifest"]).arg(manifest), "").succeeded();
    }
    let outcome = run(
        &mut krew.kubectl_with_plugins(["plugin", "list", "--name-only"]),
        "",
    )
    .succeeded();
    let names: Vec<_> = plugins()
        .iter()
        .map(|plugin| format!("kubectl-{plugin}"))
        .collect();
    assert_eq!(
        outcome.stdout.lines().skip(2).collect::<Vec<_>>(),
        names,
        "{outcome:?}"
    );
    assert_eq!(outcome.stderr, "");
    for plugin in plugins() {
        let outcome = run(
            &mut krew.kubectl_with_plugins([plugin.as_str(), "--version"]),
            "",
        )
        .succeeded();
        assert_eq!(outcome.stdout, format!("kubectl-{plugin} {VERSION}\n"));
    }
}

#[test]
fn an_archive_with_another_checksum_is_refused() {
    let release = Release::shared();
    let manifests = release.manifests(VERSION, &[]);
    let manifest = manifests.path().join("rawpatch.yaml");
    let other = archive("rawwatch", VERSION, "x86_64-unknown-linux-musl");
    let krew = Krew::new();
    let mut install = krew.krew(["install", "--manifest"]);
    install
        .arg(manifest)
        .arg(format!(
            "--archive={}",
            release.archives().join(other).display()
        ))
        .envs([("KREW_OS", "linux"), ("KREW_ARCH", "amd64")]);
    let outcome = run(&mut install, "").failed();
    outcome.says("checksum does not match");
}

#[test]
fn every_manifest_passes_the_check_of_krew_index() {
    let release = Release::shared();
    for in_krew_index in [&[][..], &["--krew-index"]] {
        let manifests = release.manifests(VERSION, in_krew_index);
        for manifest in manifests.path().read_dir().unwrap() {
            let mut check = Command::new(Tool::ValidateKrewManifest.path().unwrap());
            check
                .arg("-manifest")
                .arg(manifest.unwrap().path())
                .env_clear()
                .env("PATH", format!("{}:{}", tools().display(), path()));
            let outcome = run(&mut check, "").succeeded();
            let all = "all 6 spec.platforms installed fine";
            assert!(outcome.stderr.contains(all), "{outcome:?}");
        }
    }
}

/// In krew-index, `whoami` is another plugin, so ours has another name there.
#[test]
fn help_shows_the_name_under_which_a_plugin_is_installed() {
    let manifests = Release::shared().manifests(VERSION, &["--krew-index"]);
    let krew = Krew::new();
    let manifest = manifests.path().join("raw-whoami.yaml");
    run(krew.krew(["install", "--manifest"]).arg(manifest), "").succeeded();
    assert_eq!(krew.linked(), ["kubectl-raw_whoami"]);
    let help = run(&mut krew.kubectl_with_plugins(["raw-whoami", "--help"]), "")
        .succeeded()
        .stdout;
    assert!(
        help.contains("\nUsage: kubectl raw-whoami [flags]\n"),
        "{help}"
    );
    assert!(!help.contains("kubectl whoami"), "{help}");
    let listed = run(
        &mut krew.kubectl_with_plugins(["plugin", "list", "--name-only"]),
        "",
    )
    .succeeded();
    assert!(
        listed.stdout.ends_with("\nkubectl-raw_whoami\n"),
        "{listed:?}"
    );
    assert_eq!(listed.stderr, "");
}
