//! The process' own machinery: waiting for asynchronous work, and signals.

pub(crate) mod signals;

use crate::Error;

pub use signals::TerminationSignals;

/// Waits for what needs a runtime. One request at a time needs no second thread, whose start costs
/// more than the request.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::usage(format!("no resources to run with: {error}")))?;
    let outcome = runtime.block_on(work);
    // A name that nobody looks up takes the platform half a minute to give up on.
    runtime.shutdown_background();
    Ok(outcome)
}
