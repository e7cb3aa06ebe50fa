//! Nothing is left of a control plane, however its owner ends.

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use control_plane::ControlPlane;
use rustix::process::{Pid, Signal, kill_process_group};

use support::{assert_nothing_is_left_of, processes_of};

#[test]
fn a_killed_owner_leaves_neither_processes_nor_folder() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    // etcd, kube-apiserver, and the watchdog.
    assert_eq!(processes_of(&folder)?.len(), 3);
    owner.kill()?;
    owner.wait()?;
    assert_nothing_is_left_of(&folder)
}

#[test]
fn ctrl_c_in_a_terminal_leaves_neither_processes_nor_folder() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    kill_process_group(Pid::from_child(&owner), Signal::INT)?;
    owner.wait()?;
    assert_nothing_is_left_of(&folder)
}

#[test]
fn an_owner_that_is_done_leaves_neither_processes_nor_folder() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    drop(owner.stdin.take());
    assert!(owner.wait()?.success());
    assert!(!folder.exists());
    assert_nothing_is_left_of(&folder)
}

#[test]
fn a_child_of_the_owner_does_not_keep_the_servers() -> Result<()> {
    let control_plane = ControlPlane::builder().start()?;
    let folder = control_plane.folder().to_path_buf();
    let mut child = Command::new("sleep").arg("30").spawn()?;
    let start = Instant::now();
    drop(control_plane);
    let time = start.elapsed();
    child.kill()?;
    child.wait()?;
    assert!(time < Duration::from_secs(5), "gone after {time:?}");
    assert_nothing_is_left_of(&folder)
}

#[test]
fn a_server_that_was_started_again_goes_as_well() -> Result<()> {
    let (mut owner, folder) = start_owner()?;
    let before = processes_of(&folder)?;
    owner.stdin.as_mut().context("no pipe")?.write_all(b"\n")?;
    let mut lines = BufReader::new(owner.stdout.as_mut().context("no pipe")?).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "kube-apiserver was started again")));
    assert_eq!(processes_of(&folder)?.len(), before.len());
    owner.kill()?;
    owner.wait()?;
    assert_nothing_is_left_of(&folder)
}

/// A process that holds a control plane until its standard input ends.
fn start_owner() -> Result<(Child, PathBuf)> {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .arg("hold")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // As a shell starts a command in a terminal.
        .process_group(0)
        .spawn()?;
    let mut lines = BufReader::new(owner.stdout.as_mut().context("no pipe")?).lines();
    let folder = lines
        .find_map(|line| line.ok()?.strip_prefix("FOLDER=").map(PathBuf::from))
        .context("the owner named no folder")?;
    Ok((owner, folder))
}
