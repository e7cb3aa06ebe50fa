//! Runs of exec plugins that several contexts share: one for all who have the same plugin.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use tokio::sync::Mutex;

use crate::Error;
use crate::connection::auth::exec::answer::{self, Answer};

/// The runs, by all that a run depends on.
#[derive(Default)]
pub(crate) struct SharedRuns(RefCell<HashMap<String, Arc<SharedRun>>>);

/// A run and what came of it; nothing before it was begun.
#[derive(Default)]
pub(crate) struct SharedRun(Mutex<Option<Result<Arc<Answer>, Failure>>>);

/// An error for everybody who wanted the answer.
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
    /// What `run` comes to, or what another one has come to. A failure is not tried again.
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
        // Stands when the one who runs it gives up: else each of the others would run it anew.
        let unfinished = answer::failure("exec: the plugin did not end in time");
        *outcome = Some(Err(Failure::of(&unfinished)));
        let result = run.await.map(Arc::new);
        *outcome = Some(match &result {
            Ok(answer) => Ok(Arc::clone(answer)),
            Err(error) => Err(Failure::of(error)),
        });
        result
    }

    /// Runs again for the next one who asks, unless that has been done since `refused`.
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
