//! Runs of exec plugins that several contexts share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::Error;
use crate::connection::auth::exec::answer;
use crate::connection::auth::exec::answer::Answer;

/// The runs, by everything that a run depends on.
#[derive(Default)]
pub(crate) struct SharedRuns(RefCell<HashMap<String, Arc<SharedRun>>>);

/// A run and its result; `None` before it starts.
#[derive(Default)]
pub(crate) struct SharedRun(Mutex<Option<Result<Arc<Answer>, Failure>>>);

/// An error that is returned several times.
struct Failure {
    line: String,
    hint: Option<String>,
}

impl SharedRuns {
    pub(crate) fn of(&self, key: String) -> Arc<SharedRun> {
        Arc::clone(self.0.borrow_mut().entry(key).or_default())
    }
}

impl SharedRun {
    /// Returns the result of `run`, or of a run for another context. A failure is not retried.
    pub(crate) async fn answer(
        &self,
        run: impl Future<Output = Result<Answer, Error>>,
    ) -> Result<Arc<Answer>, Error> {
        // Held during the run, so that the others wait for it.
        let mut outcome = self.0.lock().await;
        match &*outcome {
            Some(Ok(answer)) if answer.is_good() => return Ok(Arc::clone(answer)),
            Some(Err(failure)) => return Err(failure.error()),
            _ => {}
        }
        // Counts if this run is cancelled: otherwise each of the others would run the plugin again.
        let unfinished = answer::failure("exec: the plugin did not finish in time");
        *outcome = Some(Err(Failure::of(&unfinished)));
        let result = run.await.map(Arc::new);
        *outcome = Some(match &result {
            Ok(answer) => Ok(Arc::clone(answer)),
            Err(error) => Err(Failure::of(error)),
        });
        result
    }

    /// Lets the next caller run the plugin again, unless that has been done since `refused`.
    pub(crate) async fn forget(&self, refused: &Arc<Answer>) {
        let mut outcome = self.0.lock().await;
        if matches!(&*outcome, Some(Ok(answer)) if Arc::ptr_eq(answer, refused)) {
            *outcome = None;
        }
    }
}

impl Failure {
    fn of(error: &Error) -> Self {
        Self {
            line: error.to_string(),
            hint: error.hint().map(str::to_owned),
        }
    }

    fn error(&self) -> Error {
        let error = Error::connection(&*self.line);
        match &self.hint {
            Some(hint) => error.hinted(hint),
            None => error,
        }
    }
}
