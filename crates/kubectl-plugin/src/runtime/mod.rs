//! The process that runs a plugin.
//!
//! * here: runs asynchronous work
//! * `signals`: holds back and awaits the signals that end a process
//! * `command_name`: the plugin's name, as the user types it

pub(crate) mod command_name;
pub(crate) mod signals;

use crate::Error;
use crate::text::system_error;

pub use signals::{Hold, TerminationSignals, handled as handled_signals};

/// Runs asynchronous work on this thread, because starting another thread costs more than a
/// request.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::usage(format!("cannot start: {}", system_error::reason(&error))))?;
    let outcome = runtime.block_on(work);
    // Do not wait for a name lookup that is no longer needed: the platform may take half a minute
    // to give up.
    runtime.shutdown_background();
    Ok(outcome)
}
