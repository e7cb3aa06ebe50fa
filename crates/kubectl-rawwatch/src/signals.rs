//! Handles the signals that end a process: completes the current line, then lets the signal end the process.
//!
//! A write to a pipe that is not read may block forever. So a thread ends the process after a
//! moment, or later if [`mark_ending`] shows that the process is already ending. The shared library
//! holds signals back only while a change may be in progress, and a watch changes nothing.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kubectl_plugin::runtime::{TerminationSignals, handled_signals};
use signal_hook::low_level::emulate_default_handler;

/// The timeout for completing the current line.
const LINE_TIMEOUT: Duration = Duration::from_millis(200);
/// The timeout for the rest, such as writing a large resume file to a slow disk.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);

static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Handles the signals for the rest of the process. Needs a tokio runtime.
pub(crate) fn handle() -> io::Result<TerminationSignals> {
    spawn_terminator()?;
    TerminationSignals::listen()
}

/// Marks that all lines are complete and that the process is ending.
pub(crate) fn mark_ending() {
    IS_ENDING.store(true, Ordering::SeqCst);
}

/// Starts the thread that ends the process. A pipe wakes it, because a signal handler may do little
/// more than write to a pipe.
#[cfg(unix)]
fn spawn_terminator() -> io::Result<()> {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use signal_hook::flag::register_usize;
    use signal_hook::low_level::pipe;

    let last = Arc::new(AtomicUsize::new(0));
    let (mut woken, waker) = UnixStream::pair()?;
    for &number in handled_signals() {
        register_usize(
            number,
            Arc::clone(&last),
            usize::try_from(number).unwrap_or(0),
        )?;
        pipe::register(number, waker.try_clone()?)?;
    }
    thread::Builder::new().spawn(move || {
        if woken.read_exact(&mut [0]).is_ok() {
            wait_for_exit();
            end_by(i32::try_from(last.load(Ordering::SeqCst)).unwrap_or(0));
        }
    })?;
    Ok(())
}

/// Starts the thread that ends the process. It has its own listener for the signals.
#[cfg(not(unix))]
fn spawn_terminator() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    thread::Builder::new().spawn(move || {
        let signal = runtime
            .block_on(async { Ok::<_, io::Error>(TerminationSignals::listen()?.next().await) });
        if let Ok(signal) = signal {
            wait_for_exit();
            end_by(signal);
        }
    })?;
    Ok(())
}

fn wait_for_exit() {
    thread::sleep(LINE_TIMEOUT);
    if IS_ENDING.load(Ordering::SeqCst) {
        thread::sleep(EXIT_TIMEOUT);
    }
}

/// Ends the process with the signal's default action.
fn end_by(signal: i32) {
    let _ = emulate_default_handler(signal);
}
