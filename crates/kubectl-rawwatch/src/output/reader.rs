//! Whether anybody still reads stdout.
//!
//! A write to a pipe without a reader fails, but an idle watch writes nothing: behind `| head -1` it
//! would stay until the next event, which may never come. A thread waits for it, as tokio takes no
//! descriptor that others use too.

use std::io;
use std::thread;

use kubectl_plugin::Error;
use kubectl_plugin::error::Kind;
use tokio::sync::oneshot;

/// Lasts until the reader of stdout has gone. Files and what else cannot tell keep it waiting.
pub(crate) async fn reader_closed() -> Error {
    let (sender, receiver) = oneshot::channel();
    let watching = thread::Builder::new().spawn(move || {
        if has_hung_up() {
            let _ = sender.send(());
        }
    });
    match (watching, receiver.await) {
        (Ok(_), Ok(())) => Kind::Output(io::ErrorKind::BrokenPipe.into()).into(),
        _ => std::future::pending().await,
    }
}

/// Waits for the end of the reader, which `poll` tells without being asked for any event.
#[cfg(unix)]
fn has_hung_up() -> bool {
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
fn has_hung_up() -> bool {
    false
}
