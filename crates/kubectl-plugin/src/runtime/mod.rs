//! The process itself: waiting for asynchronous work, and signals.

pub(crate) mod signals;

use crate::Error;
use crate::text::system_error;

pub use signals::TerminationSignals;

/// Runs asynchronous work. One request at a time needs no second thread, whose start costs more than the
/// request.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::usage(format!("cannot start: {}", system_error::reason(&error))))?;
    let outcome = runtime.block_on(work);
    // Do not wait for a name lookup that nothing needs: the platform may take half a minute to give up.
    runtime.shutdown_background();
    Ok(outcome)
}
