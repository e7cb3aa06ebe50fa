//! The real programs are found, or built once, and say so.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use control_plane::Tool;

/// The smallest tool; the others are built in the same way.
const TOOL: &str = "validate-krew-manifest";

#[test]
fn two_processes_build_a_tool_once() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let start = || -> Result<_> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
        command.args(["tool", TOOL]);
        use_cache(&mut command, cache.path())?;
        Ok(command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?)
    };
    let (first, second) = (start()?, start()?);
    let outputs = [first.wait_with_output()?, second.wait_with_output()?];

    let text = outputs
        .each_ref()
        .map(|output| String::from_utf8_lossy(&output.stderr));
    let builds = text.iter().filter(|text| text.contains("building")).count();
    let waits = text
        .iter()
        .filter(|text| text.contains("waiting for another process"))
        .count();
    assert_eq!((builds, waits), (1, 1), "{text:?}");
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    let program = String::from_utf8_lossy(&outputs[0].stdout);
    assert!(
        program.starts_with(&*cache.path().to_string_lossy()),
        "{program}"
    );
    // It explains itself with code 0.
    assert!(
        Command::new(program.trim_end())
            .arg("--help")
            .output()?
            .status
            .success()
    );
    Ok(())
}

/// Also the child of the next test, which gives it an empty cache.
#[test]
fn a_tool_is_there() -> Result<()> {
    assert!(Tool::ValidateKrewManifest.path()?.is_file());
    Ok(())
}

#[test]
fn progress_is_seen_although_the_test_runner_captures_output() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let mut runner = Command::new(env::current_exe()?);
    runner
        .args(["--exact", "a_tool_is_there"])
        .env_remove("RUST_TEST_NOCAPTURE");
    use_cache(&mut runner, cache.path())?;
    let output = runner.output()?;
    let text = String::from_utf8(output.stderr)?;
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("building validate-krew-manifest v0."),
        "{text}"
    );
    assert!(text.contains("usually 5 s on two cores"), "{text}");
    Ok(())
}

#[test]
fn assets_are_used_as_they_are() -> Result<()> {
    let assets = tempfile::tempdir()?;
    let program = assets.path().join("etcd");
    fs::write(&program, "")?;
    let output = tool("etcd")
        .env("KUBEBUILDER_ASSETS", assets.path())
        .output()?;
    assert_eq!(
        String::from_utf8(output.stdout)?,
        format!("{}\n", program.display())
    );
    Ok(())
}

#[test]
fn assets_without_the_tool_are_an_error_that_names_both_ways_out() -> Result<()> {
    let assets = tempfile::tempdir()?;
    let output = tool("etcd")
        .env("KUBEBUILDER_ASSETS", assets.path())
        .output()?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr)?,
        format!(
            "error: KUBEBUILDER_ASSETS={} has no etcd: put it there, or unset the variable to \
             have it built with Go\n",
            assets.path().display(),
        )
    );
    Ok(())
}

#[test]
fn no_go_is_an_error_that_names_both_ways_out() -> Result<()> {
    let empty = tempfile::tempdir()?;
    let mut command = tool("etcd");
    use_cache(&mut command, empty.path())?;
    let output = command.env("PATH", empty.path()).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr)?,
        "error: etcd is missing: install Go 1.26.0 or later to have it built, or set \
         KUBEBUILDER_ASSETS to a folder that has it\n"
    );
    Ok(())
}

#[test]
fn a_failed_build_shows_the_words_of_go() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let go = folder.path().join("go");
    fs::write(
        &go,
        "#!/bin/sh\necho 'no space left on device' >&2\nexit 1\n",
    )?;
    fs::set_permissions(&go, fs::Permissions::from_mode(0o755))?;
    let mut command = tool("etcd");
    use_cache(&mut command, folder.path())?;
    let output = command.env("PATH", folder.path()).output()?;
    let text = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("go could not build etcd (exit status: 1):\nno space left"),
        "{text}"
    );
    Ok(())
}

fn tool(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    command.args(["tool", name]);
    command
}

/// An empty cache for tools, and still the cache of Go, which is in the same place by default.
fn use_cache(command: &mut Command, folder: &std::path::Path) -> Result<()> {
    let go_cache = Command::new("go")
        .args(["env", "GOCACHE"])
        .output()
        .context("run go")?;
    command
        .env("XDG_CACHE_HOME", folder)
        .env("GOCACHE", String::from_utf8(go_cache.stdout)?.trim_end())
        .env_remove("KUBEBUILDER_ASSETS");
    Ok(())
}
