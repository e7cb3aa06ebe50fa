//! One server process: started, stopped, killed and started again on the same port and data.

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

/// How long a start may take on a busy machine; an idle one needs 5 s.
const START_LIMIT: Duration = Duration::from_secs(90);

/// How long a server may go on after SIGTERM: the API server serves open watches for a minute.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// etcd or kube-apiserver.
pub struct Server {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) log: PathBuf,
    pub(crate) client: Arc<Client>,
    /// Ready means that each of these paths answers 200.
    pub(crate) ready_paths: &'static [&'static str],
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) process: Mutex<Option<Child>>,
}

impl Server {
    /// Starts the process, and waits until it is ready.
    ///
    /// # Errors
    /// When it runs already, and when it ends or is not ready in time; with the end of its log.
    pub fn start(&self) -> Result<()> {
        let mut process = self.process();
        ensure!(
            process.is_none(),
            "{} runs already: stop or kill it first",
            self.name
        );
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("open {}", self.log.display()))?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            // etcd reads its settings from variables, too.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share the log")?)
            .stderr(log)
            // Ctrl-C is for the owner to handle.
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))?;
        let child = process.insert(child);
        let guarded = self.watchdog.guard(child.id());
        let ready = guarded.and_then(|()| self.wait_until_ready(child));
        if ready.is_err() {
            self.end(&mut process)?;
        }
        ready
    }

    /// SIGTERM, and waits for the end of the process; after 15 s SIGKILL.
    pub fn stop(&self) -> Result<()> {
        let mut process = self.process();
        if let Some(child) = process.as_mut() {
            let process_id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let process_id = process_id.context("a process id that is none")?;
            kill_process(process_id, Signal::TERM)
                .with_context(|| format!("send SIGTERM to {}", self.name))?;
            let asked = Instant::now();
            while child.try_wait().context("wait for a server")?.is_none()
                && asked.elapsed() < STOP_LIMIT
            {
                thread::sleep(Duration::from_millis(20));
            }
        }
        self.end(&mut process)
    }

    /// SIGKILL, and waits for the end of the process.
    pub fn kill(&self) -> Result<()> {
        self.end(&mut self.process())
    }

    /// The process id, while the server runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process().as_ref().map(Child::id)
    }

    /// Everything that the server has logged, over all its starts.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("read {}", self.log.display()))
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, process: &mut Option<Child>) -> Result<()> {
        let Some(mut child) = process.take() else {
            return Ok(());
        };
        child
            .kill()
            .with_context(|| format!("kill {}", self.name))?;
        child
            .wait()
            .with_context(|| format!("wait for the end of {}", self.name))?;
        self.watchdog.release(child.id())
    }

    fn wait_until_ready(&self, child: &mut Child) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().context("wait for a server")? {
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
            if start.elapsed() > START_LIMIT {
                let limit = START_LIMIT.as_secs();
                bail!(
                    "{} is not ready after {limit} s:\n{}",
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

/// A port of 127.0.0.1 that nobody listens on.
///
/// Below the range from which systems pick the ports of outgoing connections, so that none of
/// those has taken the port when a server is started again. Another process may still be faster
/// with it; see [`crate::Builder::start`].
pub(crate) fn free_port() -> Result<u16> {
    const RANGE: std::ops::Range<u16> = 20_000..32_000;
    let count = u64::from(RANGE.end - RANGE.start);
    for _ in 0..100 {
        // The seeds of `RandomState` are the random numbers that std has.
        let random = RandomState::new().build_hasher().finish() % count;
        let port = RANGE.start + u16::try_from(random).expect("less than the count of ports");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("found no free port of 127.0.0.1 in {RANGE:?} in 100 tries")
}
