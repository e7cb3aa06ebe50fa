//! The completion of flag values of `kubectl whoami`.

use kubectl_plugin::completion::{Complete, Values};

use crate::args::WhoamiArgs;

impl Complete for WhoamiArgs {
    fn values(argument: &str, before: &[String]) -> Values {
        match (argument, before) {
            ("output", _) => Values::Words(&[
                ("json", "the SelfSubjectReview and its source"),
                ("yaml", "the SelfSubjectReview and its source, in YAML"),
                ("jsonpath=", "TEMPLATE: parts of json"),
                ("review", "the SelfSubjectReview alone"),
                ("name", "the user name alone"),
                ("subjects", "the subjects list of a RoleBinding"),
                ("wide", "the table of --all-contexts, with all groups"),
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

/// Returns the paths that support a verb or an HTTP method. The server maps a method to a verb
/// depending on the path.
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
