use anyhow::Result;

use super::case::*;
use super::servers::Servers;

#[test]
fn tokens_are_read_and_sent_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&tokens())
}

#[test]
fn credentials_that_were_copied_wrongly_are_refused() -> Result<()> {
    Servers::start()?.compare(&mistakes())
}

#[test]
fn passwords_are_read_and_sent_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&passwords())
}

#[test]
fn client_certificates_are_read_and_presented_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&certificates())
}

#[test]
fn the_credential_is_chosen_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&precedence())
}

fn tokens() -> Vec<Case> {
    vec![
        same("a token", "Bearer t").user("token: t"),
        same("a token file, without its newline", "Bearer of-file")
            .user("tokenFile: token")
            .file("token", " of-file\n"),
        same("a token file overrides a token", "Bearer of-file")
            .user("token: t, tokenFile: token")
            .file("token", "of-file"),
        same("a missing token file and a token", "Bearer t").user("token: t, tokenFile: none"),
        same("an empty token file and a token", "Bearer t")
            .user("token: t, tokenFile: token")
            .file("token", "\n"),
        same(
            "a missing token file",
            "error: open $FOLDER/none: no such file or directory",
        )
        .user("tokenFile: none"),
        departs(
            "an empty token file",
            PROMPTS,
            "error: EOF",
            "error: read empty token from file \"$FOLDER/token\"",
        )
        .user("tokenFile: token")
        .file("token", ""),
        same("--token overrides a token", "Bearer flag")
            .user("token: t")
            .flags(["--token=flag"]),
        departs(
            "--token overrides a token file",
            "kubectl ignores the flag silently",
            "Bearer of-file",
            "Bearer flag",
        )
        .user("tokenFile: token")
        .file("token", "of-file")
        .flags(["--token=flag"]),
        departs(
            "a token with the newline of a YAML block",
            "kubectl keeps the newline, which a header cannot contain",
            "invalid header field value",
            "authorization: Bearer t",
        )
        .file("one", with_token("a", "\"t\\n\""))
        .variable("KUBECONFIG", "one"),
        departs(
            "a token with a character that a header cannot contain",
            "the kubeconfig is wrong, not the connection",
            "invalid header field value",
            "error: the token contains a character that HTTP headers do not allow",
        )
        .file("one", with_token("a", "\"t\\nu\""))
        .variable("KUBECONFIG", "one"),
    ]
}

const MISTAKE: &str = "the credential was copied wrongly, so the server cannot accept it";

/// A JWT in base64.
const ENCODED_JWT: &str = "ZXlKaGJHY2lPaUp1YjI1bEluMC5leUp6ZFdJaU9pSnFZVzVsSW4wLmh1bnRlcjI=";

/// Certain mistakes. Uncertain ones are only mentioned after a 401.
fn mistakes() -> Vec<Case> {
    vec![
        departs(
            "a token with the word Bearer",
            MISTAKE,
            "authorization: Bearer Bearer hunter2",
            "error: the token of user \"c\" in config begins with \"Bearer \"",
        )
        .user("token: Bearer hunter2"),
        departs(
            "a flag with the word Bearer",
            MISTAKE,
            "authorization: Bearer Bearer hunter2",
            "error: --token begins with \"Bearer \"",
        )
        .user("token: t")
        .flags(["--token=Bearer hunter2"]),
        departs(
            "a JWT in base64",
            MISTAKE,
            "authorization: Bearer ZXlK",
            "error: the token of user \"c\" in config is encoded in base64 once too often",
        )
        .user(&format!("token: {ENCODED_JWT}")),
        departs(
            "a JWT in base64 in a file",
            MISTAKE,
            "authorization: Bearer ZXlK",
            "error: the token in $FOLDER/token is encoded in base64 once too often",
        )
        .user("tokenFile: token")
        .file("token", ENCODED_JWT),
        departs(
            "a token that kubectl config view has left out",
            MISTAKE,
            "authorization: Bearer REDACTED",
            "error: the token of user \"c\" in config is \"REDACTED\", not a credential",
        )
        .user("token: REDACTED"),
        departs(
            "a password that kubectl config view has left out",
            MISTAKE,
            "authorization: Basic ",
            "error: the password of user \"c\" in config is \"REDACTED\", not a credential",
        )
        .user("username: name, password: REDACTED"),
        departs(
            "certificates that kubectl config view has left out",
            MISTAKE,
            "tls: failed to find any PEM data in certificate input",
            "error: the client-certificate-data of user \"c\" in config is \"DATA+OMITTED\", not a \
             credential",
        )
        .user("client-certificate-data: DATA+OMITTED, client-key-data: DATA+OMITTED"),
        departs(
            "certificate authorities that kubectl config view has left out",
            MISTAKE,
            "unable to load root certificates",
            "error: the certificate-authority-data of cluster \"c\" in config is \"DATA+OMITTED\", not \
             a credential",
        )
        .cluster("server: $URL, certificate-authority-data: DATA+OMITTED"),
        departs(
            "a certificate that is encoded twice",
            MISTAKE,
            "tls: failed to find any PEM data in certificate input",
            "error: the client-certificate-data of user \"c\" in config is encoded in base64 once too often",
        )
        .user("client-certificate-data: $ALICE_CRT_TWICE, client-key-data: $ALICE_KEY"),
        departs(
            "a key that is encoded twice",
            MISTAKE,
            "tls: failed to find any PEM data in key input",
            "error: the client-key-data of user \"c\" in config is encoded in base64 once too often",
        )
        .user("client-certificate-data: $ALICE_CRT, client-key-data: $ALICE_KEY_TWICE"),
        departs(
            "a certificate file in base64",
            MISTAKE,
            "tls: failed to find any PEM data in certificate input",
            "error: the client-certificate in $FOLDER/once is encoded in base64 once too often",
        )
        .user("client-certificate: once, client-key: alice.key")
        .file("once", "$ALICE_CRT"),
        departs(
            "certificate data that is not encoded",
            MISTAKE,
            "error: error loading config file \"config\": illegal base64 data",
            "error: the client-certificate-data of user \"c\" in config is not encoded in base64",
        )
        .user("client-certificate-data: '-----BEGIN CERTIFICATE-----', client-key-data: $ALICE_KEY"),
        same("no mistake matters over plain http", "sent http")
            .with("server: 'http://$PLAIN'", "token: REDACTED"),
    ]
}

fn passwords() -> Vec<Case> {
    vec![
        same(
            "a user name and a password",
            "authorization: Basic bmFtZTp3b3Jk",
        )
        .user("username: name, password: word"),
        same(
            "a user name without a password",
            "authorization: Basic bmFtZTo=",
        )
        .user("username: name"),
        same(
            "--username and --password",
            "authorization: Basic bmFtZTp3b3Jk",
        )
        .user("")
        .flags(["--username=name", "--password=word"]),
        same(
            "--password overrides a password",
            "authorization: Basic bmFtZTp3b3Jk",
        )
        .user("username: name, password: other")
        .flags(["--password", "word"]),
        same(
            "a token and a password",
            "error: more than one authentication method found for c; found [token \
             basicAuth], only one is allowed",
        )
        .user("token: t, username: name, password: word"),
        same(
            "a token file and a password",
            "error: username/password or bearer token may be set, but not both",
        )
        .user("tokenFile: token, username: name, password: word")
        .file("token", "t"),
    ]
}

fn certificates() -> Vec<Case> {
    vec![
        same("a certificate", "$PORT/probe; certificate of alice").user(ALICE),
        same("certificate data", "certificate of alice")
            .user("client-certificate-data: $ALICE_CRT, client-key-data: $ALICE_KEY"),
        same(
            "a certificate and a token",
            "certificate of alice; authorization: Bearer t",
        )
        .user(&format!("{ALICE}, token: t")),
        same(
            "--client-certificate and --client-key override the data",
            "certificate of bob",
        )
        .user("client-certificate-data: $ALICE_CRT, client-key-data: $ALICE_KEY")
        .flags(["--client-certificate=bob.crt", "--client-key=bob.key"]),
        same("--client-key overrides the key", "certificate of alice")
            .user("client-certificate: alice.crt, client-key: none")
            .flags(["--client-key=alice.key"]),
        same(
            "--client-certificate with the key in the kubeconfig",
            "certificate of alice",
        )
        .user("client-certificate: bob.crt, client-key-data: $ALICE_KEY")
        .flags(["--client-certificate=alice.crt"]),
        same(
            "a certificate without a key",
            "error: client-key-data or client-key must be specified for c to use the \
             clientCert authentication method.",
        )
        .user("client-certificate: alice.crt"),
        same(
            "a key without a certificate is ignored",
            "$PORT/probe; authorization: Bearer t",
        )
        .user("client-key: none, token: t"),
        same(
            "a certificate file and certificate data",
            "error: client-cert-data and client-cert are both specified for c. \
             client-cert-data will override.",
        )
        .user(
            "client-certificate: alice.crt, client-certificate-data: $ALICE_CRT, \
             client-key: alice.key",
        ),
        same(
            "all missing files are reported at once",
            "Error in configuration: \n* unable to read client-cert $FOLDER/none for \
             c due to open $FOLDER/none: no such file or directory\n* unable to read \
             client-key $FOLDER/neither for c due to open $FOLDER/neither: no such \
             file or directory",
        )
        .user("client-certificate: none, client-key: neither"),
        departs(
            "a key that does not match the certificate",
            "the kubeconfig is wrong, not the connection",
            "Unable to connect to the server: tls: private key does not match public \
             key",
            "error: the client-key of user \"c\" does not match its client-certificate",
        )
        .user("client-certificate: alice.crt, client-key: bob.key"),
        departs(
            "a file without a key as the key",
            "the words are ours",
            "Unable to connect to the server: tls: found a certificate rather than a \
             key",
            "error: the client-key of user \"c\" contains no PEM private key",
        )
        .user("client-certificate: alice.crt, client-key: alice.crt"),
        departs(
            "an encrypted key",
            "we report the cause",
            "Unable to connect to the server: tls: failed to parse private key",
            "error: the client-key of user \"c\" is encrypted",
        )
        .user("client-certificate: alice.crt, client-key: encrypted.key")
        .file(
            "encrypted.key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE \
             KEY-----\n",
        ),
        departs(
            "certificate data that is not base64",
            "we decode only the credential in use",
            "error: error loading config file \"config\": illegal base64 data at \
             input byte 0",
            "error: the client-certificate-data of user \"c\" is not valid base64",
        )
        .user("client-certificate-data: '**', client-key-data: $ALICE_KEY"),
    ]
}

fn precedence() -> Vec<Case> {
    vec![
        same(
            "no credential is sent over plain http",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .with("server: 'http://$PLAIN'", &format!("{ALICE}, token: t")),
        departs(
            "no credential at all",
            PROMPTS,
            "error: EOF",
            "sent https://127.0.0.1:$PORT/probe",
        )
        .user(""),
        departs(
            "a password without a user name",
            PROMPTS,
            "error: EOF",
            "sent https://127.0.0.1:$PORT/probe",
        )
        .user("password: word"),
        same("a token takes precedence over an exec plugin", "Bearer t").user(
            "token: t, exec: {apiVersion: client.authentication.k8s.io/v1, command: \
             none, interactiveMode: Never}",
        ),
        same(
            "a certificate takes precedence over an exec plugin",
            "certificate of alice",
        )
        .user(&format!(
            "{ALICE}, exec: {{apiVersion: client.authentication.k8s.io/v1, command: \
             none, interactiveMode: Never}}"
        )),
    ]
}
