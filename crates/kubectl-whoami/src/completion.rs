//! What may stand behind the flags of `kubectl whoami`, for completion in a shell.

use kubectl_plugin::completion::{Complete, Values};

use crate::args::WhoamiArgs;

impl Complete for WhoamiArgs {
    fn values(argument: &str, before: &[String]) -> Values {
        match (argument, before) {
            ("output", _) => Values::Words(&[
                ("json", "the SelfSubjectReview, and how it is known"),
                ("yaml", "the same"),
                ("jsonpath=", "TEMPLATE: parts of it"),
                ("review", "the SelfSubjectReview alone"),
                ("name", "the user name alone"),
                ("subjects", "for a RoleBinding"),
            ]),
            ("can", []) => Values::Words(&[
                ("get", ""),
                ("list", ""),
                ("watch", ""),
                ("create", ""),
                ("update", ""),
                ("patch", ""),
                ("delete", ""),
                ("deletecollection", ""),
            ]),
            ("can", [verb]) => paths(verb),
            _ => Values::Unknown,
        }
    }
}

/// The paths that a verb has a meaning for. Of a method, the server makes one that depends on the path.
fn paths(verb: &str) -> Values {
    Values::Paths(match verb.to_ascii_lowercase().as_str() {
        "get" | "head" => &["get", "list"],
        "list" => &["list"],
        "watch" => &["watch"],
        "create" | "post" => &["create"],
        "update" | "put" => &["update"],
        "patch" => &["patch"],
        "delete" => &["delete", "deletecollection"],
        "deletecollection" => &["deletecollection"],
        _ => return Values::Unknown,
    })
}
