//! The contexts of a kubeconfig, for a command that uses them all. The files are read once, and
//! each exec plugin runs once.

use crate::Error;
use crate::connection::auth::exec::shared_run::SharedRuns;
use crate::connection::flags::args::ConnectionArgs;
use crate::connection::{Connection, Files};

/// The contexts of a kubeconfig, and the flags that apply to each of them.
pub struct Contexts {
    arguments: ConnectionArgs,
    files: Files,
    runs: SharedRuns,
}

impl Contexts {
    /// Reads the kubeconfig.
    pub fn read(arguments: &ConnectionArgs) -> Result<Self, Error> {
        let arguments = arguments.without_empty();
        let files = Files::read(&arguments)?;
        Ok(Self {
            files,
            arguments,
            runs: SharedRuns::default(),
        })
    }

    /// Returns notes about the files. The caller should show them once.
    pub fn notes(&self) -> &[String] {
        &self.files.notes
    }

    /// Returns the names in alphabetical order, like `kubectl config get-contexts`. Fails if there are
    /// none.
    pub fn names(&self) -> Result<Vec<&str>, Error> {
        let names = self.files.kubeconfig.context_names();
        if names.is_empty() {
            return Err(self.files.kubeconfig.no_context());
        }
        Ok(names)
    }

    /// Returns the flags for one context.
    pub(crate) fn arguments(&self, name: &str) -> ConnectionArgs {
        ConnectionArgs {
            context: Some(name.to_owned()),
            ..self.arguments.clone()
        }
    }

    /// Prepares the connection of one context.
    pub(crate) fn connect(&self, name: &str) -> Result<Connection, Error> {
        self.files.connect(&self.arguments(name), Some(&self.runs))
    }
}
