//! A server process that can be stopped, killed, and restarted with the same port and data.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;
use crate::watchdog::Watchdog;

/// The longest time a start may take. An idle machine needs 5 s, a busy one much more.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// How long to wait after SIGTERM. By default the API server serves open watches for another minute.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// etcd or kube-apiserver.
pub struct Server {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) log: PathBuf,
    pub(crate) client: Arc<Client>,
    /// The server is ready when each of these paths returns 200.
    pub(crate) ready_paths: &'static [&'static str],
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) process: Mutex<Option<Child>>,
}

impl Server {
    /// Starts the process and waits until the server is ready.
    ///
    /// # Errors
    /// Fails when the server is already running. Fails with the end of the server's log when the
    /// process exits, or is not ready within 90 s.
    pub fn start(&self) -> Result<()> {
        let mut process = self.process();
        ensure!(
            process.is_none(),
            "{} is already running: stop or kill it first",
            self.name
        );
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("open {}", self.log.display()))?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            // etcd also reads its settings from environment variables.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share the log")?)
            .stderr(log)
            // Only the owner handles Ctrl-C.
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))?;
        let child = process.insert(child);
        let guarded = self.watchdog.guard(child.id());
        let ready = guarded.and_then(|()| self.wait_until_ready(child));
        if ready.is_err() {
            self.kill_and_reap(&mut process)?;
        }
        ready
    }

    /// Sends SIGTERM and waits for the process to end. Sends SIGKILL after 15 s.
    pub fn stop(&self) -> Result<()> {
        let mut process = self.process();
        if let Some(child) = process.as_mut() {
            let process_id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let process_id = process_id.context("the process id is invalid")?;
            kill_process(process_id, Signal::TERM)
                .with_context(|| format!("send SIGTERM to {}", self.name))?;
            let start = Instant::now();
            while child
                .try_wait()
                .with_context(|| format!("wait for {}", self.name))?
                .is_none()
                && start.elapsed() < STOP_TIMEOUT
            {
                thread::sleep(Duration::from_millis(20));
            }
        }
        self.kill_and_reap(&mut process)
    }

    /// Sends SIGKILL and waits for the process to end.
    pub fn kill(&self) -> Result<()> {
        self.kill_and_reap(&mut self.process())
    }

    /// Returns the process id while the server is running.
    pub fn process_id(&self) -> Option<u32> {
        self.process().as_ref().map(Child::id)
    }

    /// Returns everything that the server has logged since its first start.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("read {}", self.log.display()))
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill_and_reap(&self, process: &mut Option<Child>) -> Result<()> {
        let Some(mut child) = process.take() else {
            return Ok(());
        };
        child
            .kill()
            .with_context(|| format!("kill {}", self.name))?;
        child
            .wait()
            .with_context(|| format!("wait for {}", self.name))?;
        self.watchdog.release(child.id())
    }

    fn wait_until_ready(&self, child: &mut Child) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = child
                .try_wait()
                .with_context(|| format!("wait for {}", self.name))?
            {
                bail!("{} ended with {status}:\n{}", self.name, self.end_of_log()?);
            }
            let is_ready = |path: &&str| {
                self.client
                    .request("GET", path, None)
                    .is_ok_and(|(status, _)| status == 200)
            };
            if self.ready_paths.iter().all(is_ready) {
                return Ok(());
            }
            if start.elapsed() > START_TIMEOUT {
                let limit = START_TIMEOUT.as_secs();
                bail!(
                    "{} was not ready within {limit} s:\n{}",
                    self.name,
                    self.end_of_log()?
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn end_of_log(&self) -> Result<String> {
        let log = self.log()?;
        let lines: Vec<&str> = log.lines().collect();
        Ok(lines[lines.len().saturating_sub(20)..].join("\n"))
    }
}

/// Returns an unused port of 127.0.0.1.
///
/// The port is below the ephemeral range, so no outgoing connection takes it while a server is
/// restarted. Another process can still take it first; see [`crate::Builder::start`].
pub(crate) fn free_port() -> Result<u16> {
    const RANGE: std::ops::Range<u16> = 20_000..32_000;
    let count = u64::from(RANGE.end - RANGE.start);
    for _ in 0..100 {
        // `RandomState` is the standard library's only source of random numbers.
        let random = RandomState::new().build_hasher().finish() % count;
        let port = RANGE.start
            + u16::try_from(random).expect("the remainder is less than the number of ports");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("found no free port of 127.0.0.1 in {RANGE:?} in 100 attempts")
}
