//! Writes to stdout, and can stop waiting for a reader that is slow.
//!
//! A write to a full pipe blocks until its reader reads. A command that must end at a certain time,
//! or save its progress after a signal, limits this wait. Then each write is preceded by a `poll`,
//! and is so short that it does not block.

use std::io;
use std::io::Write as _;

use crate::Error;
use crate::error::Kind;

#[cfg(unix)]
pub use patient::limit_waiting;

/// Writes all bytes.
pub(super) fn write_all(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    #[cfg(unix)]
    if let Some(limit) = patient::limit() {
        return limit
            .write_all(&stdout, bytes)
            .map_err(|error| Kind::Output(error).into());
    }
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| Kind::Output(error).into())
}

/// Reports whether a write was given up because of [`limit_waiting`].
#[cfg_attr(not(unix), expect(clippy::missing_const_for_fn))]
pub fn is_abandoned(error: &Error) -> bool {
    matches!(error.kind(), Kind::Output(error) if error.kind() == io::ErrorKind::TimedOut)
}

#[cfg(unix)]
mod patient {
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{FileType, fstat};
    use rustix::io::{Errno, write};
    use rustix::pipe::PIPE_BUF;

    /// The time that a reader has to take more of a line that it has taken a part of.
    const REST_OF_LINE: Duration = Duration::from_millis(500);

    static LIMIT: OnceLock<Limit> = OnceLock::new();

    /// A limit on the wait for the reader of stdout.
    pub(super) struct Limit {
        /// Becomes readable when the wait must end.
        wake: OwnedFd,
        deadline: Option<Instant>,
    }

    /// Gives up writes to stdout when `wake` becomes readable, and at the deadline. No line is
    /// started after that. A line that was started is completed while its reader takes it.
    pub fn limit_waiting(wake: OwnedFd, deadline: Option<Instant>) {
        let blocks = fstat(io::stdout()).is_ok_and(|stat| {
            let file_type = FileType::from_raw_mode(stat.st_mode);
            matches!(file_type, FileType::Fifo | FileType::Socket)
                || rustix::termios::isatty(io::stdout())
        });
        if blocks {
            LIMIT.get_or_init(|| Limit { wake, deadline });
        }
    }

    pub(super) fn limit() -> Option<&'static Limit> {
        LIMIT.get()
    }

    impl Limit {
        pub(super) fn write_all(&self, stdout: impl AsFd, bytes: &[u8]) -> io::Result<()> {
            let mut rest = bytes;
            while !rest.is_empty() {
                if !self.wait(&stdout, rest.len() < bytes.len())? {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                match write(&stdout, &rest[..rest.len().min(PIPE_BUF)]) {
                    Ok(count) => rest = &rest[count..],
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        }

        /// Waits until a write does not block. Returns whether it came to that.
        fn wait(&self, stdout: impl AsFd, is_started: bool) -> io::Result<bool> {
            let left = self
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let mut fds = [
                PollFd::new(&stdout, PollFlags::OUT),
                PollFd::new(&self.wake, PollFlags::IN),
            ];
            let is_over = left.is_some_and(|left| left.is_zero())
                || !poll_until(&mut fds, left)?
                || !fds[1].revents().is_empty();
            if !is_over {
                return Ok(true);
            }
            Ok(is_started && poll_until(&mut fds[..1], Some(REST_OF_LINE))?)
        }
    }

    /// Returns whether there was an event in time.
    fn poll_until(fds: &mut [PollFd<'_>], left: Option<Duration>) -> io::Result<bool> {
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        loop {
            match poll(fds, timeout.as_ref()) {
                Err(Errno::INTR) => {}
                polled => return Ok(polled? > 0),
            }
        }
    }
}
