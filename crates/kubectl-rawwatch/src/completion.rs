//! The completion of flag values of `kubectl rawwatch`.

use kubectl_plugin::completion::{Complete, Values};

use crate::args::WatchArgs;

impl Complete for WatchArgs {
    fn values(argument: &str, _before: &[String]) -> Values {
        match argument {
            "paths" | "raw" => Values::Paths(&["watch"]),
            "conditions" | "any_conditions" | "failures" => Values::Words(&[
                ("synced", "all existing objects are printed"),
                ("create", "an object exists"),
                ("delete", "no object exists"),
                ("rollout", "a rollout is complete"),
                (
                    "condition=",
                    "NAME or NAME=VALUE: a condition in the status",
                ),
                ("jsonpath=", "TEMPLATE or TEMPLATE=VALUE"),
            ]),
            "types" => Values::Words(&[("ADDED", ""), ("MODIFIED", ""), ("DELETED", "")]),
            "output" => Values::Words(&[
                ("json", "the event as the server sent it"),
                ("yaml", "the event as a YAML document"),
                ("name", "kind and name of the object"),
                ("table", "the server's columns"),
                ("wide", "more of the server's columns"),
                ("diff", "the changed fields"),
                ("jsonpath=", "TEMPLATE: parts of the event"),
            ]),
            _ => Values::Unknown,
        }
    }
}
