//! Checks that a control plane has cleaned up.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Waits up to 2 s until the folder is gone, and with it every process that has it in its arguments,
/// as the servers and the watchdog do.
pub(crate) fn assert_cleaned_up(folder: &Path) -> Result<()> {
    let start = Instant::now();
    loop {
        let processes = processes_of(folder)?;
        if processes.is_empty() && !folder.exists() {
            return Ok(());
        }
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "not cleaned up within 2 s: processes {processes:?}, folder exists: {}",
            folder.exists(),
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the command lines that contain a folder. They are read from `/proc`, so `ps` need not be
/// installed. A zombie has no command line.
pub(crate) fn processes_of(folder: &Path) -> Result<Vec<String>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // A process may end between the listing and the read.
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
