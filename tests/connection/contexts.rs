use anyhow::Result;

use super::case::*;
use super::servers::Servers;

#[test]
fn context_cluster_and_user_are_chosen_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    let two = "current-context: a\n\
        contexts:\n\
        - {name: a, context: {cluster: a, user: a}}\n\
        - {name: b, context: {cluster: b, user: b}}\n\
        clusters:\n\
        - {name: a, cluster: {server: $URL, certificate-authority: ca.crt}}\n\
        - {name: b, cluster: {server: $URL/b, certificate-authority: ca.crt}}\n\
        users: [{name: a, user: {token: one}}, {name: b, user: {token: two}}]\n";
    let two = |case: Case| case.file("two", two).variable("KUBECONFIG", "two");
    vec![
        two(same("--context", "/b/probe; authorization: Bearer two").flags(["--context", "b"])),
        two(same("--cluster", "/b/probe; authorization: Bearer one").flags(["--cluster=b"])),
        two(same("--user", "$PORT/probe; authorization: Bearer two").flags(["--user=b"])),
        two(
            same("the last value of a flag wins", "Bearer three").flags([
                "--context=b",
                "--context",
                "a",
                "--token=two",
                "--token",
                "three",
            ]),
        ),
        two(same(
            "empty flags are ignored",
            "$PORT/probe; authorization: Bearer one",
        )
        .flags([
            "--context=",
            "--cluster=",
            "--user=",
            "--server=",
            "--token=",
            "--username=",
            "--as=",
            "--certificate-authority=",
            "--tls-server-name=",
        ])),
        two(same("-n does not change a raw path", "$PORT/probe;").flags(["-n", "other"])),
        two(
            same("an unknown context", "error: context \"zz\" does not exist")
                .flags(["--context=zz"]),
        ),
        two(
            same("an unknown cluster", "error: cluster \"zz\" does not exist")
                .flags(["--cluster=zz"]),
        ),
        two(same("an unknown user", "error: auth info \"zz\" does not exist").flags(["--user=zz"])),
        two(same(
            "of several unknown names, the user is reported",
            "error: auth info \"x\" does not exist",
        )
        .flags(["--cluster=z", "--context=y", "--user=x"])),
        two(same(
            "of an unknown cluster and context, the context is reported",
            "error: context \"y\" does not exist",
        )
        .flags(["--cluster=z", "--context=y"])),
        same(
            "an unknown current-context",
            "Error in configuration: context was not found for specified context: gone",
        )
        .file(
            "one",
            with_token("a", "one").replace("current-context: a", "current-context: gone"),
        )
        .variable("KUBECONFIG", "one"),
        same(
            "--context overrides an unknown current-context",
            "Bearer one",
        )
        .file(
            "one",
            with_token("a", "one").replace("current-context: a", "current-context: gone"),
        )
        .variable("KUBECONFIG", "one")
        .flags(["--context=a"]),
        same(
            "--cluster and --user replace a current-context",
            "Bearer one",
        )
        .file(
            "one",
            with_token("a", "one").replace("current-context: a", ""),
        )
        .variable("KUBECONFIG", "one")
        .flags(["--cluster=a", "--user=a"]),
        departs(
            "a context that names an unknown cluster",
            DEFAULT_SERVER,
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "error: cluster \"z\" was not found for context \"a\"",
        )
        .file(
            "one",
            with_token("a", "one").replace("cluster: a", "cluster: z"),
        )
        .variable("KUBECONFIG", "one")
        .variable("KUBERNETES_MASTER", "http://$PLAIN"),
        departs(
            "a context without a cluster",
            DEFAULT_SERVER,
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "error: cluster was not specified for context \"a\"",
        )
        .file("one", with_token("a", "one").replace("cluster: a,", ""))
        .variable("KUBECONFIG", "one")
        .variable("KUBERNETES_MASTER", "http://$PLAIN"),
        departs(
            "a cluster without a server",
            DEFAULT_SERVER,
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "error: no server found for cluster \"c\"",
        )
        .cluster("certificate-authority: ca.crt")
        .variable("KUBERNETES_MASTER", "http://$PLAIN"),
        departs(
            "a context that names an unknown user",
            PROMPTS,
            "error: EOF",
            "error: user \"z\" was not found for context \"a\"",
        )
        .file(
            "one",
            with_token("a", "one").replace("user: a,", "user: z,"),
        )
        .variable("KUBECONFIG", "one"),
        same("--token makes up for an unknown user", "Bearer flag")
            .file(
                "one",
                with_token("a", "one").replace("user: a,", "user: z,"),
            )
            .variable("KUBECONFIG", "one")
            .flags(["--token=flag"]),
        same("--server makes up for an unknown cluster", "Bearer one")
            .file(
                "one",
                with_token("a", "one").replace("cluster: a", "cluster: z"),
            )
            .variable("KUBECONFIG", "one")
            .flags(["--server=$URL", "--certificate-authority=ca.crt"]),
        same(
            "flags without a kubeconfig",
            "$PORT/x/probe; authorization: Bearer flag",
        )
        .flags([
            "-s",
            "$URL/x",
            "--certificate-authority",
            "ca.crt",
            "--token",
            "flag",
        ]),
        same(
            "--server keeps the certificate authority and the user",
            "sent https://127.0.0.1:$PORT/other/probe; authorization: Bearer t",
        )
        .cluster("server: 'http://$PLAIN', certificate-authority: ca.crt")
        .flags(["--server=$URL/other"]),
    ]
}
