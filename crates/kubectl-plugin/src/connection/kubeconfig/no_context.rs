//! Explains why no context is chosen. Departure: kubectl silently uses a Pod's service account or
//! localhost:8080 instead.

use std::path::Path;

use super::{Kubeconfig, default_file};
use crate::Error;
use crate::text::list::first_names;

/// The maximum number of contexts that a hint lists.
const MAX_LISTED: usize = 12;

impl Kubeconfig {
    /// Explains why no context is chosen, and lists the contexts.
    pub(crate) fn no_context(&self) -> Error {
        let paths = |paths: &[&Path]| {
            let paths = paths.iter().map(|path| path.display().to_string());
            paths.collect::<Vec<_>>().join(", ")
        };
        let files: Vec<&Path> = self.files.iter().map(|file| &*file.path).collect();
        let missing: Vec<&Path> = self.missing.iter().map(|path| &**path).collect();
        match (files.as_slice(), missing.as_slice()) {
            ([], []) => {
                let default = default_file().unwrap_or_default();
                Error::usage(format!(
                    "no kubeconfig: {} does not exist",
                    default.display()
                ))
                .with_hint("pass --kubeconfig FILE, or the server's address with -s URL")
            }
            ([], [missing]) => {
                Error::usage(format!("KUBECONFIG: {} does not exist", missing.display()))
                    .with_hint("correct KUBECONFIG, or pass --kubeconfig FILE")
            }
            ([], missing) => Error::usage(format!(
                "KUBECONFIG: none of these files exist: {}",
                paths(missing)
            ))
            .with_hint("correct KUBECONFIG, or pass --kubeconfig FILE"),
            (files, _) => match self.contexts_hint() {
                Some(hint) => {
                    Error::usage(format!("no current-context in {}", paths(files))).with_hint(hint)
                }
                None => Error::usage(format!("no contexts in {}", paths(files))).with_hint(
                    "pass another --kubeconfig FILE, or the server's address with -s URL",
                ),
            },
        }
    }

    /// Lists the contexts to choose from.
    pub(crate) fn contexts_hint(&self) -> Option<String> {
        let names = self.context_names();
        let list = first_names(&names, MAX_LISTED);
        (!names.is_empty()).then(|| format!("choose a context with --context NAME: {list}"))
    }
}
