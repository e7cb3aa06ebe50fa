//! What may stand behind the flags of `kubectl rawwatch`, for completion in a shell.

use kubectl_plugin::completion::{Complete, Values};

use crate::args::WatchArgs;

impl Complete for WatchArgs {
    fn values(argument: &str, _before: &[String]) -> Values {
        match argument {
            "paths" | "raw" => Values::Paths(&["watch"]),
            "conditions" => Values::Words(&[
                ("synced", "the initial state is out"),
                ("create", "there is an object"),
                ("delete", "there is none any more"),
                (
                    "condition=",
                    "NAME or NAME=VALUE: a condition in the status",
                ),
                ("jsonpath=", "TEMPLATE or TEMPLATE=VALUE"),
            ]),
            "types" => Values::Words(&[("ADDED", ""), ("MODIFIED", ""), ("DELETED", "")]),
            "output" => Values::Words(&[
                ("json", "the event as the server sent it"),
                ("yaml", "the event as a document of a stream"),
                ("name", "kind and name of the object"),
                ("table", "the server's columns"),
                ("wide", "more of them"),
                ("diff", "the fields that changed"),
                ("jsonpath=", "TEMPLATE: parts of the event"),
            ]),
            _ => Values::Unknown,
        }
    }
}
