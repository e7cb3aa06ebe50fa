//! The flags of other kubectl commands that `kubectl rawpatch` does not have.

use kubectl_plugin::command::KubectlFlags;

use crate::args::PatchArgs;

const ALL_NAMESPACES: &str =
    "use a path without /namespaces/NAMESPACE, such as /api/v1/configmaps, with --all or -l";
const ONE_FILE: &str = "remove it: -f reads one file with one patch";
const NO_DELETION: &str = "remove it: rawpatch never deletes an object";

impl KubectlFlags for PatchArgs {
    const FOREIGN_FLAGS: &[(&str, &str)] = &[
        ("-A", ALL_NAMESPACES),
        ("--all-namespaces", ALL_NAMESPACES),
        ("-R", ONE_FILE),
        ("--recursive", ONE_FILE),
        ("--cascade", NO_DELETION),
        ("--grace-period", NO_DELETION),
        ("--prune", NO_DELETION),
        ("--prune-allowlist", NO_DELETION),
        ("--wait", NO_DELETION),
        (
            "--force",
            "use --force-conflicts with --type apply; rawpatch never deletes an object",
        ),
        ("--timeout", "use --request-timeout"),
        ("--concurrency", "remove it: --diff compares one object"),
        ("--server-side", "use --type apply"),
        (
            "--local",
            "use `kubectl patch --local`, or --dry-run to see the result on the server",
        ),
        ("--openapi-patch", "remove it: the server applies the patch"),
        (
            "--overwrite",
            "use --force-conflicts with --type apply; other patch types always overwrite",
        ),
        ("-w", "use `kubectl rawwatch PATH`"),
        ("--watch", "use `kubectl rawwatch PATH`"),
        // Flags of curl.
        ("-d", "use -p"),
        ("--data", "use -p"),
        ("-X", "remove it: rawpatch always sends a PATCH"),
        ("--request", "remove it: rawpatch always sends a PATCH"),
    ];
}
