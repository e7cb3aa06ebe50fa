//! The flags that decide how a patch is applied.

use crate::args::OutcomeArgs;

/// How to apply a patch to an object.
#[derive(Clone, Default)]
pub(crate) struct Policy {
    /// The resource version that the object must have.
    pub(crate) if_resource_version: Option<String>,
}

impl Policy {
    /// Builds the policy from the command line.
    pub(crate) fn new(arguments: &OutcomeArgs) -> Self {
        Self {
            if_resource_version: arguments.if_resource_version.clone(),
        }
    }
}
