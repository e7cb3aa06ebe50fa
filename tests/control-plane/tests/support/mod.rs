//! What is left of a control plane.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Waits up to 2 s until neither the folder nor any process that names it is there: the servers
/// and the watchdog have it in their arguments.
pub(crate) fn assert_nothing_is_left_of(folder: &Path) -> Result<()> {
    let start = Instant::now();
    loop {
        let processes = processes_of(folder)?;
        if processes.is_empty() && !folder.exists() {
            return Ok(());
        }
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "after 2 s: processes {processes:?}, folder exists: {}",
            folder.exists(),
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// The command lines (`/proc`, so that `ps` need not be installed) that name a folder. A process
/// that has ended and waits to be reaped has none.
pub(crate) fn processes_of(folder: &Path) -> Result<Vec<String>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // Others come and go in the meantime.
        let Ok(command) = fs::read(entry?.path().join("cmdline")) else {
            continue;
        };
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(&*folder.to_string_lossy()) {
            processes.push(command.chars().take(80).collect());
        }
    }
    Ok(processes)
}
