use anyhow::Result;

use super::case::*;
use super::servers::Servers;

#[test]
fn server_address_and_timeout_are_read_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    vec![
        same("a base path", "$PORT/k8s/clusters/c-1/probe;")
            .cluster("server: $URL/k8s/clusters/c-1/, certificate-authority: ca.crt"),
        same(
            "the query and the fragment of a server are ignored",
            "$PORT/x/probe;",
        )
        .cluster("server: '$URL/x?a=b#c', certificate-authority: ca.crt"),
        same(
            "a scheme in capitals",
            "sent https://127.0.0.1:$PORT/probe;",
        )
        .cluster("server: 'HTTPS://127.0.0.1:$PORT', certificate-authority: ca.crt"),
        same(
            "a server without a scheme is plain http, whatever its authority",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .cluster("server: $PLAIN, certificate-authority: ca.crt"),
        same(
            "a path needs a scheme",
            "error: host must be a URL or a host:port pair: \"127.0.0.1:$PLAIN_PORT/x\"",
        )
        .cluster("server: $PLAIN/x"),
        departs(
            "an unknown scheme",
            "we report wrong input as such, before anything is sent",
            "Unable to connect to the server: unsupported protocol scheme \"ftp\"",
            "error: unsupported protocol scheme \"ftp\"",
        )
        .cluster("server: 'ftp://$PLAIN'"),
        departs(
            "a password in the server's address",
            "we send no credential over plain http, and read none from an address",
            "authorization: Basic bmFtZTp3b3Jk",
            "error: the server address must not contain a user name or password",
        )
        .cluster("server: 'http://name:word@$PLAIN'"),
        departs(
            "a base path with empty and dot segments",
            "a proxy may route the cleaned path elsewhere",
            "$PORT/a/c/probe",
            "has an empty, `.` or `..` segment",
        )
        .cluster("server: $URL/a//b/../c, certificate-authority: ca.crt"),
        same(
            "the default server",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .variable("KUBERNETES_MASTER", "$PLAIN"),
        same("no timeout", "sent https")
            .cluster(SERVER)
            .flags(["--request-timeout=0"]),
        same(
            "an invalid timeout",
            "error: Invalid timeout value. Timeout must be a single integer in \
             seconds, or an integer followed by a corresponding time unit (e.g. 1s | \
             2m | 3h)",
        )
        .cluster(SERVER)
        .flags(["--request-timeout=5x"]),
        departs(
            "a negative timeout",
            "kubectl sends it to the server",
            "?timeout=-5s",
            "error: Invalid timeout value.",
        )
        .cluster(SERVER)
        .flags(["--request-timeout=-5s"]),
    ]
}
