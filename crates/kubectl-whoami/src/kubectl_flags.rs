//! The flags of other kubectl commands that `kubectl whoami` does not have.

use kubectl_plugin::command::KubectlFlags;

use crate::args::WhoamiArgs;

const ALL_NAMESPACES: &str =
    "leave /namespaces/NAME out of the path, as in --can list /api/v1/pods";
const EXIT_CODE: &str = "redirect the output to /dev/null: the exit code is the answer";

impl KubectlFlags for WhoamiArgs {
    const FOREIGN_FLAGS: &[(&str, &str)] = &[
        (
            "can-i",
            "use --can VERB PATH, as in --can list /api/v1/pods",
        ),
        ("-A", ALL_NAMESPACES),
        ("--all-namespaces", ALL_NAMESPACES),
        ("--list", "use --can-list"),
        (
            "--no-headers",
            "use -o json, -o yaml or -o jsonpath=TEMPLATE",
        ),
        ("-q", EXIT_CODE),
        ("--quiet", EXIT_CODE),
        (
            "--subresource",
            "add it to the path, as in --can get /api/v1/namespaces/default/pods/NAME/log",
        ),
        ("--all", "use --all-contexts"),
    ];
}
