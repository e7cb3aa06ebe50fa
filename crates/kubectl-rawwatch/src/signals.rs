//! Handles the signals that end a process: saves the resume file, then lets the signal end the
//! process.
//!
//! A write to stdout whose reader does not read is given up when a signal arrives. If the process
//! still does not end, for example because a disk is slow, a thread ends it after a while, or at the
//! second signal. The shared library holds signals back only while a change may be in progress, and
//! a watch changes nothing.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use kubectl_plugin::runtime::{TerminationSignals, handled_signals};
use signal_hook::low_level::emulate_default_handler;

/// The minimum time that the process has to end by itself, whatever signals arrive.
const MIN_TIME: Duration = Duration::from_millis(200);
/// The maximum time, such as for writing a large resume file to a slow disk.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Handles the signals for the rest of the process. From the first one on, and from the deadline on,
/// no write to stdout waits for a reader. Needs a tokio runtime.
pub(crate) fn handle(deadline: Option<Instant>) -> io::Result<TerminationSignals> {
    spawn_terminator()?;
    limit_writes(deadline)?;
    TerminationSignals::listen()
}

/// Ends the writes to stdout at a signal. A signal handler may do little more than write to a pipe.
#[cfg(unix)]
fn limit_writes(deadline: Option<Instant>) -> io::Result<()> {
    kubectl_plugin::output::limit_waiting(signal_pipe()?.into(), deadline);
    Ok(())
}

#[cfg(not(unix))]
fn limit_writes(_: Option<Instant>) -> io::Result<()> {
    Ok(())
}

/// Returns a pipe that gets a byte with each signal.
#[cfg(unix)]
fn signal_pipe() -> io::Result<std::os::unix::net::UnixStream> {
    let (receiver, sender) = std::os::unix::net::UnixStream::pair()?;
    for &number in handled_signals() {
        signal_hook::low_level::pipe::register(number, sender.try_clone()?)?;
    }
    Ok(receiver)
}

/// Starts the thread that ends the process.
#[cfg(unix)]
fn spawn_terminator() -> io::Result<()> {
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let last = Arc::new(AtomicUsize::new(0));
    for &number in handled_signals() {
        let value = usize::try_from(number).unwrap_or(0);
        signal_hook::flag::register_usize(number, Arc::clone(&last), value)?;
    }
    let mut signals = signal_pipe()?;
    thread::Builder::new().spawn(move || {
        if signals.read_exact(&mut [0]).is_ok() {
            thread::sleep(MIN_TIME);
            let _ = signals.set_read_timeout(Some(MAX_TIME));
            let _ = signals.read_exact(&mut [0]);
            end_by(i32::try_from(last.load(Ordering::SeqCst)).unwrap_or(0));
        }
    })?;
    Ok(())
}

/// Starts the thread that ends the process. It has its own listener for the signals.
#[cfg(not(unix))]
fn spawn_terminator() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    thread::Builder::new().spawn(move || {
        let signal = runtime.block_on(async {
            let mut signals = TerminationSignals::listen()?;
            let signal = signals.next().await;
            tokio::time::sleep(MIN_TIME).await;
            let _ = tokio::time::timeout(MAX_TIME, signals.next()).await;
            Ok::<_, io::Error>(signal)
        });
        if let Ok(signal) = signal {
            end_by(signal);
        }
    })?;
    Ok(())
}

/// Ends the process with the signal's default action.
fn end_by(signal: i32) {
    let _ = emulate_default_handler(signal);
}
