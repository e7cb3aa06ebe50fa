//! Runs of exec plugins that several contexts share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::Error;
use crate::connection::auth::exec::exec_credential;
use crate::connection::auth::exec::exec_credential::ExecCredentialStatus;

/// The runs, by the plugin's key.
#[derive(Default)]
pub(crate) struct SharedRuns(RefCell<HashMap<String, Arc<SharedRun>>>);

/// A run and its result, which is `None` before the run starts.
#[derive(Default)]
pub(crate) struct SharedRun(Mutex<Option<Result<Arc<ExecCredentialStatus>, SharedError>>>);

/// An error that is returned several times.
struct SharedError {
    line: String,
    hint: Option<String>,
}

impl SharedRuns {
    pub(crate) fn run_for(&self, key: String) -> Arc<SharedRun> {
        Arc::clone(self.0.borrow_mut().entry(key).or_default())
    }
}

impl SharedRun {
    /// Returns the result of `run`, or the result of a run for another context. A failure is not
    /// retried.
    pub(crate) async fn credential_status(
        &self,
        run: impl Future<Output = Result<ExecCredentialStatus, Error>>,
    ) -> Result<Arc<ExecCredentialStatus>, Error> {
        // The lock is held during the run, so that the other contexts wait for it.
        let mut outcome = self.0.lock().await;
        match &*outcome {
            Some(Ok(status)) if status.is_unexpired() => return Ok(Arc::clone(status)),
            Some(Err(failure)) => return Err(failure.error()),
            _ => {}
        }
        // This result remains if the run is cancelled. Otherwise, each other context would run the
        // plugin again.
        let unfinished = exec_credential::failure("exec: the plugin did not finish in time");
        *outcome = Some(Err(SharedError::from_error(&unfinished)));
        let result = run.await.map(Arc::new);
        *outcome = Some(match &result {
            Ok(status) => Ok(Arc::clone(status)),
            Err(error) => Err(SharedError::from_error(error)),
        });
        result
    }

    /// Discards the result `refused`, so that the next caller runs the plugin again. A newer result
    /// is kept.
    pub(crate) async fn forget(&self, refused: &Arc<ExecCredentialStatus>) {
        let mut outcome = self.0.lock().await;
        if matches!(&*outcome, Some(Ok(status)) if Arc::ptr_eq(status, refused)) {
            *outcome = None;
        }
    }
}

impl SharedError {
    fn from_error(error: &Error) -> Self {
        Self {
            line: error.to_string(),
            hint: error.hint().map(str::to_owned),
        }
    }

    fn error(&self) -> Error {
        let error = Error::connection(&*self.line);
        match &self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
