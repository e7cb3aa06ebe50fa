//! Detects that the reader of stdout is gone.
//!
//! A write to a pipe without a reader fails, but an idle watch writes nothing: in `rawwatch … |
//! head -1`, it would linger until the next event, which may never come. A thread waits for the
//! hangup, because tokio accepts no descriptor that is also used elsewhere.

use std::io;
use std::thread;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use tokio::sync::oneshot;

/// Completes when the reader of stdout is gone. Never completes for a file.
pub(crate) async fn reader_closed() -> Error {
    let (sender, receiver) = oneshot::channel();
    let watching = thread::Builder::new().spawn(move || {
        if wait_for_hangup() {
            let _ = sender.send(());
        }
    });
    match (watching, receiver.await) {
        (Ok(_), Ok(())) => Kind::Output(io::ErrorKind::BrokenPipe.into()).into(),
        _ => std::future::pending().await,
    }
}

/// Waits until the reader is gone. `poll` always reports a hangup, even without any requested
/// events.
#[cfg(unix)]
fn wait_for_hangup() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;

    let stdout = io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    loop {
        match poll(&mut asked, None) {
            Err(Errno::INTR) => {}
            polled => return polled.is_ok_and(|count| count > 0),
        }
    }
}

#[cfg(not(unix))]
fn wait_for_hangup() -> bool {
    false
}
