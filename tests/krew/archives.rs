//! Tests the contents of archives, and that they are reproducible.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;

use support::{run, write_program};

use super::release::{
    Release, TARGETS, TIME, VERSION, archive, binaries, binary, dist, files, plugins, xtask,
};

/// A file in an archive.
#[derive(Debug, PartialEq)]
struct Entry {
    name: String,
    mode: u32,
    bytes: Vec<u8>,
}

/// Returns the files of an archive. Checks that they are plain files without an owner, with the given time.
fn entries(path: &Path) -> Vec<Entry> {
    let file = File::open(path).unwrap();
    if path.extension().unwrap() == "zip" {
        let mut archive = zip::ZipArchive::new(file).unwrap();
        return (0..archive.len())
            .map(|index| {
                let mut entry = archive.by_index(index).unwrap();
                assert!(entry.is_file());
                // A zip stores times without a zone, in steps of two seconds.
                assert_eq!(
                    entry.last_modified().unwrap().to_string(),
                    "2023-11-14 22:13:20"
                );
                let mode = entry.unix_mode().unwrap();
                assert_eq!(mode & 0o170_000, 0o100_000);
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                let name = entry.name().unwrap().into_owned();
                Entry {
                    name,
                    mode: mode & 0o7777,
                    bytes,
                }
            })
            .collect();
    }
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let header = entry.header();
            assert!(header.entry_type().is_file());
            assert!(header.as_ustar().is_some());
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap().to_string(), TIME);
            let (name, mode) = (
                entry.path().unwrap().display().to_string(),
                header.mode().unwrap(),
            );
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            Entry { name, mode, bytes }
        })
        .collect()
}

#[test]
fn an_archive_has_the_program_and_its_documents_only() {
    let release = Release::shared();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for plugin in plugins() {
        for (target, _) in TARGETS {
            let entries = entries(&release.archives().join(archive(&plugin, VERSION, target)));
            let program = binary(&plugin, target);
            let expected: Vec<_> = files(&plugin, target)
                .into_iter()
                .map(|name| (name.clone(), if name == program { 0o755 } else { 0o644 }))
                .collect();
            let found = entries.iter().map(|entry| (entry.name.clone(), entry.mode));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{target}");
            let bytes = |name: &str| {
                &entries
                    .iter()
                    .find(|entry| entry.name == name)
                    .unwrap()
                    .bytes
            };
            for name in ["LICENSE", "README.md"] {
                assert_eq!(*bytes(name), fs::read(root.join(name)).unwrap());
            }
            let bash = bytes(&format!("kubectl-{plugin}.bash"));
            assert!(bash.starts_with(b"# Completion for kubectl-"), "{bash:?}");
            let page = String::from_utf8(bytes(&format!("kubectl-{plugin}.1")).clone()).unwrap();
            for section in [
                "NAME",
                "SYNOPSIS",
                "\"OPTIONS\"",
                "\"EXAMPLES\"",
                "\"EXIT CODES\"",
            ] {
                assert!(
                    page.contains(&format!("\n.SH {section}\n")),
                    "{section}: {page}"
                );
            }
        }
    }
}

/// The second run has another folder, time zone, locale and file mode.
#[test]
fn two_runs_in_two_folders_give_the_same_bytes() {
    let release = Release::shared();
    let folder = tempfile::tempdir().unwrap();
    for target in ["x86_64-unknown-linux-musl", "x86_64-pc-windows-msvc"] {
        let binaries = binaries(folder.path(), target);
        for plugin in plugins() {
            let program = binaries.join(binary(&plugin, target));
            fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let out = folder.path().join("out");
        let mut dist = dist(target, &binaries, &out);
        dist.env("TZ", "Asia/Tokyo").env("LC_ALL", "C");
        run(&mut dist, "").succeeded();
        for plugin in plugins() {
            let name = archive(&plugin, VERSION, target);
            for name in [format!("{name}.cdx.json"), name] {
                assert!(
                    fs::read(out.join(&name)).unwrap()
                        == fs::read(release.archives().join(&name)).unwrap(),
                    "{name} differs"
                );
            }
        }
    }
}

#[test]
fn sha256sum_verifies_every_file() {
    let archives = Release::shared().archives();
    let sums = fs::read_to_string(archives.join("SHA256SUMS")).unwrap();
    // Each plugin and target has an archive and a bill of materials.
    assert_eq!(
        sums.lines().count(),
        TARGETS.len() * plugins().len() * 2,
        "{sums}"
    );
    let mut check = Command::new("sha256sum");
    check
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(archives);
    run(&mut check, "").succeeded();
}

#[test]
fn a_bill_of_materials_lists_the_linked_crates_only() {
    let archives = Release::shared().archives();
    let bill = |target| {
        let name = archive("rawpatch", VERSION, target);
        let text = fs::read_to_string(archives.join(format!("{name}.cdx.json"))).unwrap();
        let bill: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bill["metadata"]["component"]["name"], "kubectl-rawpatch");
        let components = bill["components"].as_array().unwrap().clone();
        for component in &components {
            assert!(
                component["licenses"][0]["expression"].is_string(),
                "{component}"
            );
        }
        let root = &bill["metadata"]["component"]["bom-ref"];
        let dependencies = bill["dependencies"].as_array().unwrap();
        let of_root = dependencies
            .iter()
            .find(|entry| entry["ref"] == *root)
            .unwrap();
        let plugin = format!("pkg:cargo/kubectl-plugin@{VERSION}");
        assert!(
            of_root["dependsOn"]
                .as_array()
                .unwrap()
                .contains(&plugin.into())
        );
        let names = components
            .into_iter()
            .map(|component| component["name"].clone());
        names.collect::<Vec<_>>()
    };
    let linux = bill("x86_64-unknown-linux-musl");
    for linked in ["kubectl-plugin", "ring", "rustls", "clap"] {
        assert!(linux.contains(&linked.into()), "{linked}");
    }
    // Crates of a macro, a build script, a test, another plugin and another system.
    for not_linked in ["serde_derive", "cc", "insta", "memmap2", "windows-sys"] {
        assert!(!linux.contains(&not_linked.into()), "{not_linked}");
    }
    assert!(bill("x86_64-pc-windows-msvc").contains(&"windows-sys".into()));
}

#[test]
fn only_the_plugin_of_this_version_is_packed() {
    let target = "x86_64-unknown-linux-gnu";
    let folder = tempfile::tempdir().unwrap();
    let binaries = binaries(folder.path(), target);
    let refusal = |script: Option<&str>| {
        let program = binaries.join("kubectl-rawpatch");
        let _ = fs::remove_file(&program);
        if let Some(script) = script {
            write_program(&program, script);
        }
        let mut dist = dist(target, &binaries, &folder.path().join("out"));
        run(&mut dist, "").ended(1).stderr
    };
    let error = refusal(Some("#!/bin/sh\necho kubectl-rawpatch 0.0.1\n"));
    assert!(
        error.contains(&format!(
            "reports its version as \"kubectl-rawpatch 0.0.1\" instead of \"kubectl-rawpatch {VERSION}\""
        )),
        "{error}"
    );
    let error = refusal(Some("#!/bin/sh\necho broken >&2; exit 3\n"));
    assert!(
        error.contains("--version failed (exit status: 3): broken"),
        "{error}"
    );
    let error = refusal(None);
    assert!(
        error.contains("which prints its documents; pack on the system of the target"),
        "{error}"
    );
}

#[test]
fn manifests_need_their_archives() {
    let folder = tempfile::tempdir().unwrap();
    let mut krew = xtask();
    krew.args(["krew", "--archives"]).arg(folder.path());
    krew.arg("--out").arg(folder.path());
    let error = run(&mut krew, "").ended(1).stderr;
    assert!(
        error.contains(&archive(&plugins()[0], VERSION, TARGETS[0].0)),
        "{error}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_templates_pass_the_check() {
    run(xtask().args(["krew", "--check"]), "").succeeded();
}
