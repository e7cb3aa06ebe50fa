//! A control plane cleans up, however its owner ends.

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use control_plane::{ControlPlane, restore_default_signals};
use rustix::process::{Pid, Signal, kill_process_group};

use support::{assert_cleaned_up, processes_of};

#[test]
fn killing_the_owner_leaves_no_process_and_no_folder() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    // etcd, kube-apiserver and the watchdog.
    assert_eq!(processes_of(&folder)?.len(), 3);
    owner.kill()?;
    owner.wait()?;
    assert_cleaned_up(&folder)
}

#[test]
fn ctrl_c_in_a_terminal_leaves_no_process_and_no_folder() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    kill_process_group(Pid::from_child(&owner), Signal::INT)?;
    owner.wait()?;
    assert_cleaned_up(&folder)
}

#[test]
fn a_finished_owner_leaves_no_process_and_no_folder() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    drop(owner.stdin.take());
    assert!(owner.wait()?.success());
    assert!(!folder.exists());
    assert_cleaned_up(&folder)
}

#[test]
fn a_child_of_the_owner_does_not_keep_the_servers_alive() -> Result<()> {
    let control_plane = ControlPlane::builder().start()?;
    let folder = control_plane.folder().to_path_buf();
    let mut child = Command::new("sleep").arg("30").spawn()?;
    let start = Instant::now();
    drop(control_plane);
    let time = start.elapsed();
    child.kill()?;
    child.wait()?;
    assert!(
        time < Duration::from_secs(5),
        "cleaned up only after {time:?}"
    );
    assert_cleaned_up(&folder)
}

#[test]
fn a_restarted_server_is_cleaned_up_too() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    let before = processes_of(&folder)?;
    owner.stdin.as_mut().context("no pipe")?.write_all(b"\n")?;
    let mut lines = BufReader::new(owner.stdout.as_mut().context("no pipe")?).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "restarted kube-apiserver")));
    assert_eq!(processes_of(&folder)?.len(), before.len());
    owner.kill()?;
    owner.wait()?;
    assert_cleaned_up(&folder)
}

/// Starts a process that owns a control plane until its standard input ends, and returns the control
/// plane's folder.
fn start_owner() -> Result<(Child, PathBuf)> {
    restore_default_signals();
    let mut owner = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .arg("hold")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A shell in a terminal starts a command in the same way.
        .process_group(0)
        .spawn()?;
    let mut lines = BufReader::new(owner.stdout.as_mut().context("no pipe")?).lines();
    let folder = lines
        .find_map(|line| line.ok()?.strip_prefix("FOLDER=").map(PathBuf::from))
        .context("the owner did not print its folder")?;
    Ok((owner, folder))
}
