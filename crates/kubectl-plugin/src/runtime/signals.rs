//! Holds back termination signals while the user must be told the outcome of a request.
//!
//! Normally, a signal ends the process directly, so that shell loops stop as well. While a [`Hold`]
//! exists, the signal is awaited instead, so that a line can be printed first. After that, the
//! default action applies again, even in the middle of a blocked write. A signal that was ignored when
//! the process started stays ignored, as after `nohup`.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::flag::register_conditional_default;

#[cfg(unix)]
#[path = "signals/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "signals/windows.rs"]
mod platform;

pub(crate) use platform::BROKEN_PIPE;
pub use platform::{TerminationSignals, handled};

/// Whether the signals have their default action. The handler that the first [`Hold`] installs
/// checks this, because a handler cannot be removed.
static DEFAULT_ACTION: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The number of [`Hold`]s.
static HOLDS: AtomicUsize = AtomicUsize::new(0);

/// A guard that holds back the signals until it is dropped. Guards may overlap.
pub struct Hold {
    default_action: Arc<AtomicBool>,
    arrivals: TerminationSignals,
}

impl Hold {
    /// Holds back the signals from now on. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system cannot register a handler.
    pub fn start() -> io::Result<Self> {
        let default_action = if let Some(default_action) = DEFAULT_ACTION.get() {
            Arc::clone(default_action)
        } else {
            let default_action = Arc::new(AtomicBool::new(false));
            for &signal in handled() {
                register_conditional_default(signal, Arc::clone(&default_action))?;
            }
            Arc::clone(DEFAULT_ACTION.get_or_init(|| default_action))
        };
        let arrivals = TerminationSignals::listen()?;
        HOLDS.fetch_add(1, Ordering::SeqCst);
        default_action.store(false, Ordering::SeqCst);
        Ok(Self {
            default_action,
            arrivals,
        })
    }

    /// Waits for a signal, and returns its number.
    pub async fn signal(&mut self) -> i32 {
        self.arrivals.next().await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if HOLDS.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.default_action.store(true, Ordering::SeqCst);
        }
    }
}
