use std::fs;

use anyhow::Result;
use faulty_server::FaultyServer;
use support::run;

use super::case::*;
use super::program::{OURS, PATH, Program};
use super::servers::Servers;

/// A plugin that prints alice's certificate and the token in `$TOKEN`.
const CERTIFICATE_PLUGIN: &str = r#"
echo "$KUBERNETES_EXEC_INFO" >> plugin-runs
lines() { awk '{ printf "%s\\n", $0 }' "$1"; }
cat <<END
{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {
"clientCertificateData": "$(lines "$CERTIFICATE")", "clientKeyData": "$(lines alice.key)", "token": "$TOKEN"}}
END
"#;

#[test]
fn exec_plugins_are_run_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

/// The hints of errors about exec plugins, by the fields of the plugin and its response.
#[test]
fn an_exec_plugin_that_fails_gets_a_hint() -> Result<()> {
    let server = FaultyServer::start([])?;
    let kubeconfig = fs::read_to_string(server.kubeconfig()?)?;
    let azure = "command: sh, args: [-c, exit 3], interactiveMode: Never, installHint: \"\\n  kubelogin is not \
               installed.\\n\\n  See https://aka.ms/aks/kubelogin.\\n\"";
    let modes = "hint: set user.exec.interactiveMode to Never, or to IfAvailable or Always if the exec \
                 plugin asks for input";
    for (fields, code, end) in [
        (
            azure,
            3,
            "hint: check the exec plugin sh. Its kubeconfig says: kubelogin is not installed.\n\
             See https://aka.ms/aks/kubelogin.\n",
        ),
        (
            &azure.replace("command: sh", "command: none"),
            3,
            "hint: kubelogin is not installed.\nSee https://aka.ms/aks/kubelogin.\n",
        ),
        (
            "command: sh, args: [-c, exit 3], interactiveMode: Never",
            3,
            "exec: executable sh failed with exit code 3\n",
        ),
        (
            "command: sh, args: [-c, 'echo log-in; echo {}'], interactiveMode: Never",
            3,
            "sh printed something else\n",
        ),
        ("command: sh", 2, &format!("{modes} (exec plugin sh)\n")),
        (
            "command: sh, interactiveMode: never",
            2,
            &format!("{modes}\n"),
        ),
    ] {
        let path = server.folder().join("plugin");
        let exec = format!("exec: {{apiVersion: client.authentication.k8s.io/v1, {fields}}}");
        fs::write(
            &path,
            kubeconfig.replace("token: faulty-server-token", &exec),
        )?;
        let mut command = support::command(OURS, &path);
        command
            .env("PATH", PATH)
            .args(Program::Ours.arguments("/probe"));
        let outcome = run(&mut command, "").ended(code);
        assert!(outcome.stderr.ends_with(end), "{fields}: {outcome:?}");
        assert_eq!(
            outcome.stderr.contains("hint: "),
            end.contains("hint: "),
            "{fields}"
        );
    }
    Ok(())
}

fn cases() -> Vec<Case> {
    let alike = |name, part| same(name, part).plugin("");
    let unlike = |name, kubectl, ours| {
        let reason = "we do not print a plugin's output, which may contain a token";
        departs(name, reason, kubectl, ours)
    };
    let status = |fields: &str| {
        format!(
            r#"{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{{fields}}}}}"#
        )
    };
    vec![
        alike(
            "a token",
            "$PORT/probe; authorization: Bearer of-plugin; the plugin got \
             {\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\
             \"spec\":{\"interactive\":false}}",
        ),
        same("version v1beta1 does not need interactiveMode", "Bearer of-plugin; the plugin got")
            .user("exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: sh, args: [plugin]}")
            .file("answer", ANSWER.replace("k8s.io/v1", "k8s.io/v1beta1")),
        same("arguments and variables", "}} word two words $FOLDER $HOME")
            .plugin(
                "args: [plugin, two words, $FOLDER, $HOME], \
                 env: [{name: VARIABLE, value: word}, {name: KUBERNETES_EXEC_INFO, value: none}]",
            ),
        same(
            "cluster information",
            "\"spec\":{\"cluster\":{\"server\":\"https://127.0.0.1:$PORT\",\
             \"certificate-authority-data\":\"LS0",
        )
        .plugin("provideClusterInfo: true"),
        same(
            "every field of the cluster information",
            "\"tls-server-name\":\"other.example\",\"certificate-authority-data\":\"LS0",
        )
        .with(
            "server: $URL/base, certificate-authority-data: $CA_DATA, tls-server-name: other.example, \
             extensions: [{name: other, extension: 1}, {name: client.authentication.k8s.io/exec, \
             extension: {z: 1, a: [1.50, {b: null}], audience: some thing}}]",
            &exec("provideClusterInfo: true"),
        )
        .flags(["--disable-compression"]),
        same("cluster information from flags", "\"insecure-skip-tls-verify\":true,\"config\":null},\"interactive\":false}")
            .with("server: https://other.example", &exec("provideClusterInfo: true"))
            .flags(["--server=$URL", "--insecure-skip-tls-verify"]),
        same("a command with a slash is relative to the kubeconfig", "Bearer of-plugin")
            .file(
                "a/b/one",
                kubeconfig("a", "server: $URL, certificate-authority: ../../ca.crt", &exec(""))
                    .replace("command: sh", "command: ../bin/tool"),
            )
            .file("a/bin/tool", "-> /bin/sh")
            .flags(["--kubeconfig=a/b/one"]),
        same("a certificate and key", "sent https://127.0.0.1:$PORT/probe; certificate of alice; the plugin got")
            .plugin("env: [{name: CERTIFICATE, value: alice.crt}]")
            .file("plugin", CERTIFICATE_PLUGIN),
        same("a certificate, its key and a token", "certificate of alice; authorization: Bearer t; the plugin")
            .plugin("env: [{name: CERTIFICATE, value: alice.crt}, {name: TOKEN, value: t}]")
            .file("plugin", CERTIFICATE_PLUGIN),
        departs(
            "a certificate and a key that do not match",
            "TLS libraries use other words",
            "getting credentials: failed parsing client key/certificate: tls: private key does not match",
            "getting credentials: failed parsing client key/certificate: the client-key of user \"c\" does not match",
        )
        .plugin("env: [{name: CERTIFICATE, value: bob.crt}]")
        .file("plugin", CERTIFICATE_PLUGIN),
        same("YAML", "Bearer of-yaml").answer(
            "apiVersion: client.authentication.k8s.io/v1\nkind: ExecCredential\nstatus: {token: of-yaml}\n",
        ),
        same("a response without a kind, and with unknown fields", "Bearer t").answer(
            r#"{"apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "t", "more": 1, "expirationTimestamp": null}}"#,
        ),
        departs(
            "an expired credential is sent once",
            "kubectl runs the plugin again for a certificate",
            "\"interactive\":false}} \n{\"kind\"",
            "Bearer t; the plugin got",
        )
            .answer(&status(r#""token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z""#)),
        same(
            "a response in another version than the kubeconfig",
            "the plugin speaks\nUnable to connect to the server: getting credentials: exec plugin is \
             configured to use API version client.authentication.k8s.io/v1, plugin returned version \
             client.authentication.k8s.io/v1beta1",
        )
        .answer(&ANSWER.replace("k8s.io/v1", "k8s.io/v1beta1")),
        same("no status", "getting credentials: exec plugin didn't return a status field")
            .answer(r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}"#),
        same("an empty status", "getting credentials: exec plugin didn't return a token or cert/key pair")
            .answer(&status("")),
        same("an empty token", "getting credentials: exec plugin didn't return a token or cert/key pair")
            .answer(&status(r#""token": """#)),
        same("a key without a certificate", "getting credentials: exec plugin returned only certificate or key, not both")
            .answer(&status(r#""token": "t", "clientKeyData": "k""#)),
        unlike(
            "an empty response",
            "plugin returned version client.authentication.k8s.io/__internal",
            "getting credentials: decoding stdout: not an ExecCredential of client.authentication.k8s.io/v1: sh printed nothing",
        )
        .answer(""),
        unlike(
            "a response that is not JSON",
            "getting credentials: decoding stdout: couldn't get version/kind; json parse error",
            "getting credentials: decoding stdout: not an ExecCredential of client.authentication.k8s.io/v1: sh printed something else",
        )
        .answer("hunter2"),
        unlike(
            "other text before the response",
            "getting credentials: decoding stdout: yaml: line 3: ",
            "client.authentication.k8s.io/v1: sh printed other text before it, which belongs on stderr",
        )
        .answer(&format!("hunter2 {{}}\n{ANSWER}")),
        unlike(
            "a response of another kind",
            "getting credentials: decoding stdout: no kind \"hunter2\" is registered",
            "getting credentials: decoding stdout: not an ExecCredential of client.authentication.k8s.io/v1",
        )
        .answer(&ANSWER.replace("ExecCredential", "hunter2")),
        unlike(
            "a response in an unknown version",
            "getting credentials: decoding stdout: no kind \"ExecCredential\" is registered for version \"hunter2\"",
            "configured to use API version client.authentication.k8s.io/v1, plugin returned an unknown version",
        )
        .answer(&ANSWER.replace("client.authentication.k8s.io/v1", "hunter2")),
        unlike(
            "a token that is a number",
            "getting credentials: decoding stdout: json: cannot unmarshal number",
            "getting credentials: decoding stdout: token in the status from exec plugin sh is of the wrong type",
        )
        .answer(&status(r#""token": 12345"#)),
        unlike(
            "an invalid date",
            "getting credentials: decoding stdout: parsing time \"hunter2\"",
            "getting credentials: decoding stdout: expirationTimestamp in the status from exec plugin sh is \
             not a time such as 2030-01-31T12:00:00Z",
        )
        .answer(&status(r#""token": "t", "expirationTimestamp": "hunter2""#)),
        departs(
            "a token with a character that a header cannot contain",
            "the plugin is wrong, not the connection",
            "Unable to connect to the server: net/http: invalid header field value",
            "getting credentials: exec plugin sh returned a token with a character that HTTP headers do not allow",
        )
        .answer(&status(r#""token": "t\n""#)),
        same("an exit code other than 0", "getting credentials: exec: executable sh failed with exit code 3; the plugin got")
            .plugin("env: [{name: EXIT_CODE, value: '3'}]"),
        same("an end by a signal", "getting credentials: exec: executable sh failed with exit code -1")
            .plugin("args: [-c, kill -9 $$]"),
        departs(
            "a command that is not installed",
            "we print the installHint as a hint",
            "getting credentials: exec: executable none not found\n\nIt looks like you are trying to use",
            "Unable to connect to the server: getting credentials: exec: executable none not found",
        )
        .user(&exec("installHint: get it").replace("command: sh", "command: none")),
        departs(
            "a command in a relative folder of PATH",
            "we print the installHint as a hint",
            "getting credentials: exec: executable tool not found",
            "getting credentials: exec: executable tool not found",
        )
        .user(&exec("").replace("command: sh", "command: tool"))
        .file("tool", "-> /bin/sh")
        .variable("PATH", "."),
        same(
            "a path to a missing file",
            "getting credentials: exec: fork/exec $FOLDER/none: no such file or directory",
        )
        .user(&exec("").replace("command: sh", "command: ./none")),
        same(
            "a file that is not executable",
            "getting credentials: exec: fork/exec $FOLDER/plugin: permission denied",
        )
        .user(&exec("").replace("command: sh", "command: ./plugin")),
        same("a path to a folder", "getting credentials: exec: fork/exec $FOLDER/home: permission denied")
            .user(&exec("").replace("command: sh", "command: ./home")),
        same(
            "interactiveMode Always without a terminal",
            "Unable to connect to the server: getting credentials: exec plugin cannot support \
             interactive mode: standard input is not a terminal",
        )
        .user(&exec("").replace("Never", "Always")),
        same(
            "interactiveMode IfAvailable without a terminal",
            "\"spec\":{\"interactive\":false}}",
        )
        .user(&exec("").replace("Never", "IfAvailable")),
        same("a removed API version", "error: exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\"")
            .user("token: t, exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: none}"),
        same(
            "version v1 without interactiveMode",
            "error: interactiveMode must be specified for c to use exec authentication plugin",
        )
        .user(&exec("").replace("interactiveMode: Never", "interactiveMode: null")),
        departs(
            "an unknown interactiveMode",
            "we check the value when we parse the kubeconfig",
            "error: invalid interactiveMode for c: \"never\"",
            "error: error loading config file \"config\": user \"c\": exec.interactiveMode has an unknown value",
        )
        .user(&exec("").replace("Never", "never")),
        departs(
            "a variable that is a number",
            "we do not print the value, which may be secret",
            "cannot unmarshal number",
            "error: error loading config file \"config\": user \"c\": exec.env is of the wrong type",
        )
        .plugin("env: [{name: A, value: 5}]"),
        departs(
            "a token with the word Bearer",
            "we name the mistake",
            "authorization: Bearer Bearer t",
            "getting credentials: the token from exec plugin sh begins with \"Bearer \"",
        )
        .answer(&status(r#""token": "Bearer t""#)),
        same(
            "a plugin without any field",
            "Error in configuration: \n* command must be specified for c to use exec authentication \
             plugin\n* apiVersion must be specified for c to use exec authentication plugin\n\
             * interactiveMode must be specified for c to use exec authentication plugin",
        )
        .user("exec: {}"),
        same(
            "a variable without a name",
            "error: env variable name must be specified for c to use exec authentication plugin",
        )
        .plugin("env: [{value: v}]"),
        same(
            "a plugin and an auth provider",
            "error: authProvider cannot be provided in combination with an exec plugin for c",
        )
        .user(&format!("{}, auth-provider: {{name: oidc}}", exec(""))),
        same("a password without a user name beside a plugin", "Bearer of-plugin")
            .user(&format!("{}, password: word", exec(""))),
        same("--token beside a plugin", "authorization: Bearer flag").plugin("").flags(["--token=flag"]),
        same("--username beside a plugin", "authorization: Basic bmFtZTo=")
            .plugin("")
            .flags(["--username=name"]),
        same("a token file beside a plugin", "authorization: Bearer of-file")
            .user(&format!("{}, tokenFile: token", exec("")))
            .file("token", "of-file"),
        same("no plugin is run for plain http", "sent http://127.0.0.1:$PLAIN_PORT/probe")
            .with("server: 'http://$PLAIN'", &exec("")),
    ]
}
