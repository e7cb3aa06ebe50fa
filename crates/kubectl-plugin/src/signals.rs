//! SIGINT and SIGTERM while something is in flight whose outcome the user must be told.
//!
//! A signal ends the process by itself, as it ends any other program of a shell loop. Only
//! while a [`Hold`] lives is it waited for instead, so that a line can be said first; after it,
//! the default action is back, also in the middle of a blocked write.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register_conditional_default;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether the signals have their default action. A handler cannot be taken away again, so the
/// one that is installed with the first [`Hold`] asks this.
static DEFAULT_ACTION: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Holds the signals back as long as it lives.
pub(crate) struct Hold {
    default_action: Arc<AtomicBool>,
    interrupt: Signal,
    terminate: Signal,
}

impl Hold {
    /// Begins to hold them back. Needs a tokio runtime around it.
    pub(crate) fn start() -> io::Result<Self> {
        let default_action = if let Some(default_action) = DEFAULT_ACTION.get() {
            Arc::clone(default_action)
        } else {
            let default_action = Arc::new(AtomicBool::new(false));
            register_conditional_default(SIGINT, Arc::clone(&default_action))?;
            register_conditional_default(SIGTERM, Arc::clone(&default_action))?;
            Arc::clone(DEFAULT_ACTION.get_or_init(|| default_action))
        };
        default_action.store(false, Ordering::SeqCst);
        Ok(Self {
            default_action,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them; its number.
    pub(crate) async fn signal(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.default_action.store(true, Ordering::SeqCst);
    }
}
