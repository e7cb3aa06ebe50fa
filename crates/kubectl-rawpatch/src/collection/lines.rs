//! Writes lines to stdout in another thread, so that a slow reader delays no response and no signal.

use kubectl_plugin::{Error, output};
use tokio::task::{JoinHandle, spawn_blocking};

/// The number of bytes that may wait for the reader before no more requests are sent.
const MAX_WAITING: usize = 64 << 10;

/// The output that has not been written yet.
#[derive(Default)]
pub(crate) struct Lines {
    waiting: Vec<u8>,
    /// Whether the output has colours, and no control characters of others.
    pub(crate) is_coloured: bool,
    write: Option<JoinHandle<Result<(), Error>>>,
}

impl Lines {
    /// Adds output. Needs a tokio runtime.
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.waiting.extend_from_slice(text);
        self.start();
    }

    /// Reports whether the reader is so slow that no more output must be made.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() > MAX_WAITING
    }

    /// Reports whether everything is written.
    pub(crate) fn is_idle(&self) -> bool {
        self.write.is_none()
    }

    /// Waits until a part of the output is written. Cancel safe.
    pub(crate) async fn progress(&mut self) -> Result<(), Error> {
        if let Some(write) = &mut self.write {
            let written = write.await;
            self.write = None;
            if let Ok(Err(error)) = written {
                self.waiting.clear();
                return Err(error);
            }
            self.start();
        }
        Ok(())
    }

    fn start(&mut self) {
        if self.write.is_none() && !self.waiting.is_empty() {
            let text = std::mem::take(&mut self.waiting);
            let is_coloured = self.is_coloured;
            self.write = Some(spawn_blocking(move || {
                if is_coloured {
                    output::write_coloured(&String::from_utf8_lossy(&text))
                } else {
                    output::write(&text)
                }
            }));
        }
    }
}
