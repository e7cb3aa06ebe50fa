//! The flags of other kubectl commands that `kubectl rawwatch` does not have.

use kubectl_plugin::command::KubectlFlags;

use crate::args::WatchArgs;

const ALL_NAMESPACES: &str =
    "leave /namespaces/NAME out of PATH to watch all namespaces, as in /api/v1/pods";
const ALWAYS_WATCHES: &str = "remove it: rawwatch always watches";
const PATHS: &str = "name the objects with PATH, or select them with -l";
const COLUMNS: &str =
    "use -o table, -o wide or -o jsonpath=TEMPLATE; the columns cannot be changed";

impl KubectlFlags for WatchArgs {
    const FOREIGN_FLAGS: &[(&str, &str)] = &[
        ("-A", ALL_NAMESPACES),
        ("--all-namespaces", ALL_NAMESPACES),
        ("-w", ALWAYS_WATCHES),
        ("--watch", ALWAYS_WATCHES),
        (
            "--output-watch-events",
            "remove it: rawwatch always prints events",
        ),
        (
            "--all",
            "remove it: the PATH of a collection includes all of its objects",
        ),
        ("-f", PATHS),
        ("--filename", PATHS),
        ("-k", PATHS),
        ("--kustomize", PATHS),
        ("-R", PATHS),
        ("--recursive", PATHS),
        (
            "--chunk-size",
            "remove it: lists are always read in pages of 500",
        ),
        ("--ignore-not-found", "remove it: a collection may be empty"),
        ("-L", COLUMNS),
        ("--label-columns", COLUMNS),
        ("--show-labels", COLUMNS),
        ("--show-kind", COLUMNS),
        ("--no-headers", COLUMNS),
        ("--server-print", COLUMNS),
        (
            "--sort-by",
            "remove it: events are printed in the order in which they arrive",
        ),
        (
            "--subresource",
            "remove it: subresources cannot be watched, only objects",
        ),
        (
            "--local",
            "remove it: rawwatch always reads from the server",
        ),
    ];
}
