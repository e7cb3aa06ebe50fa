use anyhow::Result;

use super::case::*;
use super::servers::Servers;

#[test]
fn certificate_authority_and_server_name_are_applied_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    vec![
        same("tls-server-name", "server name faulty.example").cluster(
            "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             faulty.example",
        ),
        same(
            "--tls-server-name overrides tls-server-name",
            "server name other.example",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             faulty.example",
        )
        .flags(["--tls-server-name=other.example"]),
        same(
            "--server drops tls-server-name",
            "sent https://localhost:$PORT/probe; server name localhost",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             faulty.example",
        )
        .flags(["--server=https://localhost:$PORT"]),
        both_fail("the certificate must be valid for tls-server-name").cluster(
            "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             wrong.example",
        ),
        both_fail("the certificate must be signed by the authority")
            .cluster("server: $URL, certificate-authority: other-ca.crt"),
        both_fail("a file without a certificate as the authority")
            .cluster("server: $URL, certificate-authority: alice.key"),
        same("authority data with line breaks", "Bearer t")
            .cluster("server: $URL, certificate-authority-data: \"\\r\\n$CA_DATA\\n\""),
        same("authority data", "Bearer t")
            .cluster("server: $URL, certificate-authority-data: $CA_DATA"),
        same(
            "an authority file and authority data",
            "error: certificate-authority-data and certificate-authority are both \
             specified for c. certificate-authority-data will override.",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, \
             certificate-authority-data: $CA_DATA",
        ),
        same(
            "a missing authority file",
            "error: unable to read certificate-authority $FOLDER/none for c due to \
             open $FOLDER/none: no such file or directory",
        )
        .cluster("server: $URL, certificate-authority: none"),
        same(
            "--certificate-authority overrides authority data",
            "Bearer t",
        )
        .cluster("server: $URL, certificate-authority-data: d3Jvbmc=")
        .flags(["--certificate-authority=ca.crt"]),
        same(
            "--certificate-authority overrides insecure-skip-tls-verify",
            "Bearer t",
        )
        .cluster("server: $URL, insecure-skip-tls-verify: true")
        .flags(["--certificate-authority=ca.crt"]),
        both_fail("--certificate-authority is checked despite insecure-skip-tls-verify")
            .cluster("server: $URL, insecure-skip-tls-verify: true")
            .flags(["--certificate-authority=other-ca.crt"]),
        same(
            "--insecure-skip-tls-verify overrides an authority",
            "Bearer t",
        )
        .cluster("server: $URL, certificate-authority: other-ca.crt")
        .flags(["--insecure-skip-tls-verify"]),
        same("--insecure-skip-tls-verify=1", "Bearer t")
            .cluster(
                "server: $URL, certificate-authority-data: $CA_DATA, tls-server-name: \
             wrong.example",
            )
            .flags([
                "--insecure-skip-tls-verify=false",
                "--insecure-skip-tls-verify=1",
            ]),
        same("an explicit false changes nothing", "Bearer t")
            .cluster("server: $URL, insecure-skip-tls-verify: true")
            .flags(["--insecure-skip-tls-verify=false"]),
        same(
            "--insecure-skip-tls-verify and --certificate-authority",
            "error: specifying a root certificates file with the insecure flag is \
             not allowed",
        )
        .cluster(SERVER)
        .flags([
            "--insecure-skip-tls-verify",
            "--certificate-authority=ca.crt",
        ]),
        same(
            "insecure-skip-tls-verify and certificate-authority",
            "error: specifying a root certificates file with the insecure flag is \
             not allowed",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, insecure-skip-tls-verify: \
             true",
        ),
        departs(
            "an empty authority file",
            "kubectl trusts the platform's certificate authorities instead",
            "certificate signed by unknown authority",
            "error: unable to load root certificates: unable to parse bytes as PEM block",
        )
        .cluster("server: $URL, certificate-authority: home/none"),
    ]
}
