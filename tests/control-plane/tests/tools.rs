//! Tools are found or built once, with progress and errors that help.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use control_plane::Tool;

/// The smallest tool. All others are built in the same way.
const TOOL: &str = "validate-krew-manifest";

const BUILDING: &str =
    "building validate-krew-manifest v0.5.0; needed only once, takes about 5 s on two cores\n";
const WAITING: &str = "waiting for another process to build validate-krew-manifest v0.5.0\n";

#[test]
fn two_processes_build_a_tool_only_once() -> Result<()> {
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
    let builds = text
        .iter()
        .filter(|text| text.starts_with(BUILDING))
        .count();
    let waits = text.iter().filter(|text| text.starts_with(WAITING)).count();
    assert_eq!((builds, waits), (1, 1), "{text:?}");
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    let program = String::from_utf8_lossy(&outputs[0].stdout);
    assert!(
        program.starts_with(&*cache.path().to_string_lossy()),
        "{program}"
    );
    assert!(
        Command::new(program.trim_end())
            .arg("--help")
            .output()?
            .status
            .success()
    );
    Ok(())
}

/// The next test also runs this one in a child process with an empty cache.
#[test]
fn a_tool_has_a_path_to_a_file() -> Result<()> {
    assert!(Tool::ValidateKrewManifest.path()?.is_file());
    Ok(())
}

#[test]
fn the_test_runner_does_not_capture_the_progress() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let mut runner = Command::new(env::current_exe()?);
    runner
        .args(["--exact", "a_tool_has_a_path_to_a_file"])
        .env_remove("RUST_TEST_NOCAPTURE");
    use_cache(&mut runner, cache.path())?;
    let output = runner.output()?;
    let text = String::from_utf8(output.stderr)?;
    assert!(output.status.success(), "{text}");
    // A slow build prints more lines.
    assert!(text.starts_with(BUILDING), "{text}");
    Ok(())
}

#[test]
fn a_program_in_kubebuilder_assets_is_used_unchanged() -> Result<()> {
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
fn an_error_names_both_remedies_when_assets_lack_the_tool() -> Result<()> {
    let assets = tempfile::tempdir()?;
    let output = tool("etcd")
        .env("KUBEBUILDER_ASSETS", assets.path())
        .output()?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr)?,
        format!(
            "error: no etcd in KUBEBUILDER_ASSETS={}: add it, or unset the variable to build it \
             with Go\n",
            assets.path().display(),
        )
    );
    Ok(())
}

#[test]
fn an_error_names_both_remedies_when_go_is_missing() -> Result<()> {
    let empty = tempfile::tempdir()?;
    let mut command = tool("etcd");
    use_cache(&mut command, empty.path())?;
    let output = command.env("PATH", empty.path()).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr)?,
        "error: cannot build etcd: Go is not installed; install Go 1.26.0 or later, or set \
         KUBEBUILDER_ASSETS to a folder that contains etcd\n"
    );
    Ok(())
}

#[test]
fn a_failed_build_shows_the_output_of_go() -> Result<()> {
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
    let error =
        "error: cannot build etcd: go failed with exit status: 1:\nno space left on device\n\n";
    assert!(text.ends_with(error), "{text}");
    Ok(())
}

fn tool(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    command.args(["tool", name]);
    command
}

/// Gives a command its own cache of tools, but not its own cache of Go, which is in the same place by
/// default.
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
