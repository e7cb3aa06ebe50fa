//! The completion of flag values of `kubectl rawpatch`.

use kubectl_plugin::completion::{Complete, Values};
use kubectl_plugin::output::OutputArgs;

use crate::args::PatchArgs;

/// The Kubernetes verb of a PATCH.
const VERB: &str = "patch";

impl Complete for PatchArgs {
    fn values(argument: &str, _before: &[String]) -> Values {
        match argument {
            "path" | "raw" => Values::Paths(&[VERB]),
            "subresource" => Values::Subresources(VERB),
            "field_manager" => Values::FieldManagers,
            "output" => Values::Words(OutputArgs::FORMATS),
            "dry_run" => Values::Words(&[
                ("server", "validate on the server, but do not store"),
                ("none", "store the result"),
            ]),
            "validate" => Values::Words(&[
                ("strict", "refuse unknown and duplicate fields"),
                ("warn", "drop them with a warning"),
                ("ignore", "drop them silently"),
            ]),
            _ => Values::Unknown,
        }
    }
}
