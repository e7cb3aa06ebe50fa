//! What may stand behind the flags of `kubectl rawpatch`, for completion in a shell.

use kubectl_plugin::completion::{Complete, Values};
use kubectl_plugin::output::OutputArgs;

use crate::args::PatchArgs;

/// The verb that the server knows a PATCH by.
const VERB: &str = "patch";

impl Complete for PatchArgs {
    fn values(argument: &str, _before: &[String]) -> Values {
        match argument {
            "path" | "raw" => Values::Paths(&[VERB]),
            "subresource" => Values::Subresources(VERB),
            "field_manager" => Values::FieldManagers,
            "output" => Values::Words(OutputArgs::FORMATS),
            "dry_run" => Values::Words(&[
                ("server", "the server does everything but store the result"),
                ("none", "the result is stored"),
            ]),
            "validate" => Values::Words(&[
                ("strict", "unknown and duplicate fields are an error"),
                ("warn", "they are dropped, with a warning"),
                ("ignore", "they are dropped"),
            ]),
            _ => Values::Unknown,
        }
    }
}
