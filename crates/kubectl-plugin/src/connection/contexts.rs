//! All contexts of a kubeconfig, which has one reading and one run of each exec plugin.

use crate::Error;
use crate::connection::auth::exec::shared_run::SharedRuns;
use crate::connection::flags::args::ConnectionArgs;
use crate::connection::{Connection, Files};

/// The contexts of the kubeconfig, and the flags that are for each of them.
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

    /// Returns notes about the files, which are to be shown to the user once.
    pub fn notes(&self) -> &[String] {
        &self.files.notes
    }

    /// The names, in alphabetical order as `kubectl config get-contexts` lists them.
    pub fn names(&self) -> Vec<&str> {
        self.files.kubeconfig.context_names()
    }

    /// The flags for one of them alone.
    pub(crate) fn arguments(&self, name: &str) -> ConnectionArgs {
        ConnectionArgs {
            context: Some(name.to_owned()),
            ..self.arguments.clone()
        }
    }

    /// The way to one of them.
    pub(crate) fn connect(&self, name: &str) -> Result<Connection, Error> {
        self.files.connect(&self.arguments(name), Some(&self.runs))
    }
}
