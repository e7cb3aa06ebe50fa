use anyhow::Result;

use super::case::*;
use super::servers::Servers;

/// The reason for departures in a line that kubectl does not end.
const NO_NEWLINE: &str = "kubectl does not end the line";

#[test]
fn only_the_plugins_that_kubectl_allows_are_run() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    let deny = preference("credentialPluginPolicy: DenyAll");
    let denied = "getting credentials: plugin \"sh\" not allowed: policy set to \"DenyAll\"";
    let allows = |name, list: &str| {
        let fields =
            format!("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: {list}");
        same(name, "Bearer of-plugin").plugin("").kuberc(&fields)
    };
    let list = |name, part, list: &str| {
        let fields =
            format!("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: {list}");
        same(name, part).plugin("").kuberc(&fields)
    };
    // kubectl begins with "error occurred while applying preferences".
    let refuses = |name, reason: &'static str, ours| {
        departs(name, "kubectl begins with other words", reason, ours).plugin("")
    };
    vec![
        same("AllowAll", "Bearer of-plugin").plugin("").kuberc("credentialPluginPolicy: AllowAll"),
        same("an empty policy", "Bearer of-plugin").plugin("").kuberc("credentialPluginPolicy: ''"),
        same("DenyAll", denied).plugin("").kuberc("credentialPluginPolicy: DenyAll"),
        same(
            "DenyAll and a plugin with a path",
            "plugin \"$FOLDER/bin/tool\" not allowed: policy set to \"DenyAll\"",
        )
        .user(&exec("").replace("command: sh", "command: bin/../bin/tool"))
        .kuberc("credentialPluginPolicy: DenyAll"),
        same("DenyAll and a token", "Bearer t")
            .user("token: t")
            .kuberc("credentialPluginPolicy: DenyAll"),
        allows("an entry with the command's name", "[{command: other}, {command: sh}]"),
        allows("an entry with the command's path", "[{command: $SH}]"),
        allows("an entry with the older field name", "[{name: sh}]"),
        allows("an entry with both field names", "[{name: sh, command: sh}]"),
        allows("an entry with the path of a relative command", "[{command: $FOLDER/bin/tool}]")
            .user(&exec("").replace("command: sh", "command: ./bin/tool"))
            .file("bin/tool", "-> /bin/sh"),
        allows("an entry with the name of an absolute command", "[{command: sh}]")
            .user(&exec("").replace("command: sh", "command: $SH")),
        list(
            "no entry for the command",
            "getting credentials: plugin path \"$SH\" is not permitted by the credential plugin allowlist",
            "[{command: other}, {command: /other/sh}]",
        ),
        list(
            "no entry for a command that is not installed",
            "getting credentials: plugin path \"none\" cannot be resolved for credential plugin \
             allowlist check: exec: \"none\": executable file not found in $PATH",
            "[{command: other}]",
        )
        .user(&exec("").replace("command: sh", "command: none")),
        list(
            "no entry for a path to a missing file",
            "allowlist check: exec: \"$FOLDER/none\": stat $FOLDER/none: no such file or directory",
            "[{command: other}]",
        )
        .user(&exec("").replace("command: sh", "command: ./none")),
        refuses(
            "an unknown policy, even if no plugin runs",
            "preferences unknown plugin policy: \"denyall\"",
            "error: kuberc: unknown plugin policy: \"denyall\"",
        )
        .user("token: t")
        .kuberc("credentialPluginPolicy: denyall"),
        refuses(
            "an allowlist without the policy",
            "plugin policy is \"\" but allowlist is non-nil",
            "error: kuberc: misconfigured credential plugin allowlist: plugin policy is \"\" but allowlist is non-nil",
        )
        .kuberc("credentialPluginAllowlist: [{command: sh}]"),
        refuses(
            "the policy without an allowlist",
            "credential plugin policy set to \"Allowlist\", but allowlist is unspecified",
            "error: kuberc: credential plugin policy set to \"Allowlist\", but allowlist is unspecified",
        )
        .kuberc("credentialPluginPolicy: Allowlist"),
        refuses(
            "an empty allowlist",
            "set to \"Allowlist\", but allowlist is empty; use \"DenyAll\" policy instead",
            "error: kuberc: credential plugin policy set to \"Allowlist\", but allowlist is empty; use \"DenyAll\"",
        )
        .kuberc("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: []"),
        refuses(
            "an empty entry",
            "misconfigured credential plugin allowlist: empty allowlist entry #2",
            "error: kuberc: misconfigured credential plugin allowlist: empty allowlist entry #2",
        )
        .kuberc("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: sh}, {}]"),
        refuses(
            "an entry with a path that is not normalized",
            "non-normalized file path: \"/bin/../sh\" vs \"/sh\"",
            "error: kuberc: non-normalized file path: \"/bin/../sh\" vs \"/sh\"",
        )
        .kuberc("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: /bin/../sh}]"),
        refuses(
            "an entry with two commands",
            "kuberc: no valid preferences found in rc",
            "error: kuberc: no valid preferences found in rc",
        )
        .kuberc("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: a, command: b}]"),
        departs(
            "a misspelled field",
            NO_NEWLINE,
            "kuberc: ignoring strict decoding error in rc: strict decoding error: unknown field \
             \"credentialPluginpolicy\"the plugin speaks",
            "unknown field \"credentialPluginpolicy\"\nthe plugin speaks",
        )
        .plugin("env: [{name: EXIT_CODE, value: '1'}]")
        .kuberc("credentialPluginpolicy: DenyAll"),
        same("other preferences are ignored", "Bearer of-plugin").plugin("").kuberc(
            "defaults: [{command: apply, options: [{name: server-side, default: 'true'}]}]\n\
             aliases: [{name: getn, command: get, prependArgs: [nodes]}]",
        ),
        same("only the first Preference of several documents is read", denied)
            .plugin("")
            .flags(["--kuberc=rc"])
            .file(
                "rc",
                format!(
                    "a: [\n--- \nkind: Other\n---\n{deny}---\n{}",
                    preference("credentialPluginPolicy: AllowAll")
                ),
            ),
        same("an empty file", "Bearer of-plugin").plugin("").flags(["--kuberc=rc"]).file("rc", "\n"),
        refuses(
            "a file without a Preference",
            "kuberc: no valid preferences found in rc",
            "error: kuberc: no valid preferences found in rc",
        )
        .flags(["--kuberc=rc"])
        .file("rc", deny.replace("v1beta1", "v1")),
        refuses(
            "--kuberc must exist",
            "error occurred while applying preferences kuberc error kuberc: open none: no such file or directory",
            "error: kuberc: open none: no such file or directory",
        )
        .flags(["--kuberc=none"]),
        refuses(
            "KUBERC must exist",
            "kuberc error kuberc: open none: no such file or directory",
            "error: kuberc: open none: no such file or directory",
        )
        .variable("KUBERC", "none"),
        same("KUBERC", denied).plugin("").variable("KUBERC", "rc").file("rc", deny.clone()),
        same("--kuberc overrides KUBERC", denied)
            .plugin("")
            .variable("KUBERC", "none")
            .kuberc("credentialPluginPolicy: DenyAll"),
        same("the file in the home folder", denied).plugin("").file("home/.kube/kuberc", deny.clone()),
        same("KUBERC=off", "Bearer of-plugin")
            .plugin("")
            .file("home/.kube/kuberc", deny.clone())
            .variable("KUBERC", "off"),
        refuses(
            "KUBERC=off and --kuberc",
            "disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive",
            "error: kuberc: disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive",
        )
        .variable("KUBERC", "off")
        .kuberc(""),
        departs(
            "a malformed file in the home folder is skipped",
            NO_NEWLINE,
            "kuberc: no preferences loaded from $FOLDER/home/.kube/kuberc: no valid preferences found \
             in $FOLDER/home/.kube/kuberc, use --v=5 to see detailsthe plugin speaks",
            "kuberc: no preferences loaded from $FOLDER/home/.kube/kuberc: no valid preferences found \
             in $FOLDER/home/.kube/kuberc: no Preference of kubectl.config.k8s.io/v1beta1 or",
        )
        .plugin("env: [{name: EXIT_CODE, value: '1'}]")
        .file("home/.kube/kuberc", "a: ["),
        departs(
            "a policy in version v1alpha1, which has no such field",
            NO_NEWLINE,
            "unknown field \"credentialPluginPolicy\"the plugin speaks",
            "kuberc: ignoring strict decoding error in rc: strict decoding error: unknown field \
             \"credentialPluginPolicy\"\nthe plugin speaks",
        )
        .plugin("env: [{name: EXIT_CODE, value: '1'}]")
        .file("rc", deny.replace("v1beta1", "v1alpha1"))
        .flags(["--kuberc=rc"]),
    ]
}
