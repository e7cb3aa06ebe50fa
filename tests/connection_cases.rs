//! The cases of `connection.rs`, as data.
//!
//! In files, variables and flags `$URL` is the TLS server, `$PLAIN` the host and port of the plain
//! one, `$FOLDER` the case's own folder and current directory. It holds `ca.crt`, the
//! certificates and keys of alice and bob, and an exec plugin. `hunter2` is a secret: no outcome
//! of ours may show it.

#![expect(clippy::too_many_lines, reason = "tables")]

/// One command line and its surroundings.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) files: Vec<(&'static str, String)>,
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    pub(crate) flags: Vec<&'static str>,
    /// Whether it runs where a Pod's account is.
    pub(crate) in_pod: bool,
    pub(crate) expected: Expected,
}

pub(crate) enum Expected {
    /// kubectl and we do the same, and this is part of it.
    Same(&'static str),
    /// Neither sends a request; TLS libraries word the reason differently.
    BothFail,
    /// We leave kubectl's way.
    Departure {
        reason: &'static str,
        kubectl: &'static str,
        ours: &'static str,
    },
}

/// A case that does the same as kubectl; `part` is part of it.
fn same(name: &'static str, part: &'static str) -> Case {
    Case {
        name,
        files: Vec::new(),
        environment: Vec::new(),
        flags: Vec::new(),
        in_pod: false,
        expected: Expected::Same(part),
    }
}

fn both_fail(name: &'static str) -> Case {
    Case {
        expected: Expected::BothFail,
        ..same(name, "")
    }
}

fn departs(
    name: &'static str,
    reason: &'static str,
    kubectl: &'static str,
    ours: &'static str,
) -> Case {
    Case {
        expected: Expected::Departure {
            reason,
            kubectl,
            ours,
        },
        ..same(name, "")
    }
}

impl Case {
    fn file(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.files.push((name, text.into()));
        self
    }

    fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    fn flags<const N: usize>(mut self, flags: [&'static str; N]) -> Self {
        self.flags.extend(flags);
        self
    }

    /// With one kubeconfig: a cluster and a user of these fields.
    fn with(self, cluster: &str, user: &str) -> Self {
        self.file("config", kubeconfig("c", cluster, user))
            .variable("KUBECONFIG", "config")
    }

    /// With one kubeconfig for the TLS server, and a user of these fields.
    fn user(self, user: &str) -> Self {
        self.with(SERVER, user)
    }

    /// With one kubeconfig of these cluster fields, and a user with the token `t`.
    fn cluster(self, cluster: &str) -> Self {
        self.with(cluster, "token: t")
    }

    /// With one kubeconfig, and a user of an exec plugin: `sh plugin`, with these fields more.
    fn plugin(self, fields: &str) -> Self {
        self.user(&exec(fields))
    }

    /// With the same, and this answer of the plugin.
    fn answer(self, answer: &str) -> Self {
        self.plugin("").file("answer", answer)
    }

    /// With the same, and a kuberc of kubectl's version v1beta1 with these fields.
    fn kuberc(self, fields: &str) -> Self {
        self.file("rc", preference(fields)).flags(["--kuberc=rc"])
    }

    fn in_pod(mut self) -> Self {
        self.in_pod = true;
        self.variable("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .variable("KUBERNETES_SERVICE_PORT", "$PORT")
    }
}

/// The fields of a user who logs in by a certificate.
const ALICE: &str = "client-certificate: alice.crt, client-key: alice.key";

/// The exec plugin that lies in every case's folder as `plugin`. It records what it was given in
/// `plugin-runs`, a line for each run, and answers what is in `answer`.
pub(crate) const PLUGIN: &str = r#"
echo "$(printf %s "$KUBERNETES_EXEC_INFO")" "$VARIABLE" "$@" >> plugin-runs
echo "the plugin speaks" >&2
cat answer
exit "${EXIT_CODE:-0}"
"#;

/// The same with a certificate of alice, and with the token in `$TOKEN`.
const CERTIFICATE_PLUGIN: &str = r#"
echo "$KUBERNETES_EXEC_INFO" >> plugin-runs
lines() { awk '{ printf "%s\\n", $0 }' "$1"; }
cat <<END
{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {
"clientCertificateData": "$(lines "$CERTIFICATE")", "clientKeyData": "$(lines alice.key)", "token": "$TOKEN"}}
END
"#;

/// What `plugin` answers unless a case says otherwise.
pub(crate) const ANSWER: &str = r#"{
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1",
    "status": {"token": "of-plugin"}
}"#;

/// The fields of a cluster that works.
const SERVER: &str = "server: $URL, certificate-authority: ca.crt";

/// The exec plugin that every folder holds, with these fields more.
fn exec(fields: &str) -> String {
    format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [plugin], \
         interactiveMode: Never, {fields}}}"
    )
}

/// A kuberc with these fields.
fn preference(fields: &str) -> String {
    format!("apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n{fields}\n")
}

/// A kubeconfig with one context, cluster and user, all of the same name.
fn kubeconfig(name: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: {name}\n\
         contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}, namespace: work}}}}]\n\
         clusters: [{{name: {name}, cluster: {{{cluster}}}}}]\n\
         users: [{{name: {name}, user: {{{user}}}}}]\n"
    )
}

/// One that works, with a token of its own.
fn with_token(name: &str, token: &str) -> String {
    kubeconfig(name, SERVER, &format!("token: {token}"))
}

/// Reading and merging files.
pub(crate) fn files() -> Vec<Case> {
    vec![
        same("one file", "authorization: Bearer one")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "one"),
        same("the first current-context of a list counts", "Bearer one")
            .file("one", with_token("a", "one"))
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "$FOLDER/one:two"),
        same("an empty current-context does not count", "Bearer two")
            .file(
                "one",
                with_token("a", "one").replace("current-context: a", "current-context: ''"),
            )
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one:two"),
        same("a null current-context does not count", "Bearer two")
            .file(
                "one",
                with_token("a", "one").replace("current-context: a", "current-context:"),
            )
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one:two"),
        same(
            "of a name the first definition counts, whole",
            "sent https://127.0.0.1:$PORT/probe; authorization: Basic bmFtZTp3b3Jk",
        )
        .file(
            "one",
            kubeconfig("a", SERVER, "username: name, password: word"),
        )
        .file(
            "two",
            kubeconfig(
                "a",
                "server: 'http://$PLAIN'",
                "client-certificate: alice.crt, client-key: alice.key",
            ),
        )
        .variable("KUBECONFIG", "one:two"),
        same("a context may name what another file defines", "Bearer two")
            .file(
                "one",
                "current-context: x\ncontexts: [{name: x, context: {cluster: b, user: \
             b}}]\n",
            )
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one:two"),
        same("missing files of a list are skipped", "Bearer one")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "none:one:$FOLDER/none"),
        same(
            "when all are missing, the default server counts",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .variable("KUBECONFIG", "none:neither")
        .variable("KUBERNETES_MASTER", "http://$PLAIN"),
        same(
            "empty entries and repetitions of a list do not count",
            "Bearer one",
        )
        .file("one", with_token("a", "one"))
        .variable("KUBECONFIG", "::one::one:"),
        same(
            "an empty file and one of comments are no error",
            "Bearer one",
        )
        .file("empty", "")
        .file("comments", "# nothing\n# at all\n")
        .file("one", with_token("a", "one"))
        .variable("KUBECONFIG", "empty:comments:one"),
        same("--kubeconfig counts alone", "Bearer two")
            .file("one", with_token("a", "one"))
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one")
            .flags(["--kubeconfig", "two"]),
        same("an empty --kubeconfig is none", "Bearer one")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "one")
            .flags(["--kubeconfig="]),
        same(
            "--kubeconfig is one file, not a list",
            "error: stat one:two: no such file or directory",
        )
        .file("one", with_token("a", "one"))
        .flags(["--kubeconfig=one:two"]),
        same(
            "--kubeconfig must exist",
            "error: stat none: no such file or directory",
        )
        .flags(["--kubeconfig=none"]),
        same("the file of the home folder", "Bearer home").file(
            "home/.kube/config",
            with_token("a", "home").replace("ca.crt", "../../ca.crt"),
        ),
        same("an empty KUBECONFIG is none", "Bearer home")
            .file(
                "home/.kube/config",
                with_token("a", "home").replace("ca.crt", "../../ca.crt"),
            )
            .variable("KUBECONFIG", ""),
        same(
            "a folder is no kubeconfig",
            "error: error loading config file \"home\": read home: is a directory",
        )
        .file("one", with_token("a", "one"))
        .variable("KUBECONFIG", "one:home"),
        departs(
            "a broken file spoils the list",
            "the line is named, the text is not: it may be a secret",
            "error: error loading config file \"two\": yaml: line 3: could not find \
             expected ':'",
            "error: error loading config file \"two\": yaml: line 2: not valid YAML",
        )
        .file("one", with_token("a", "one"))
        .file("two", "a: b\nsecret\nc: d\n")
        .variable("KUBECONFIG", "one:two"),
        departs(
            "a file that is no mapping",
            "kubectl's text is that of Go's JSON package",
            "error: error loading config file \"one\": couldn't get version/kind",
            "error: error loading config file \"one\": not a mapping",
        )
        .file("one", "- a\n")
        .variable("KUBECONFIG", "one"),
        same("unknown fields are ignored", "Bearer one")
            .file(
                "one",
                with_token("a", "one") + "more: {of: it}\npreferences: {colors: true}\n",
            )
            .variable("KUBECONFIG", "one"),
        same("of several documents the first one counts", "Bearer one")
            .file(
                "one",
                format!(
                    "---\n{}---\n{}",
                    with_token("a", "one"),
                    with_token("b", "two")
                ),
            )
            .variable("KUBECONFIG", "one"),
        same("of a repeated key the last one counts", "Bearer two").user("token: one, token: two"),
        departs(
            "a repeated name is an error",
            "kubectl prints the whole list, with what it holds of secrets",
            "duplicate name \"a\" in list: [{a {",
            "error: error loading config file \"one\": duplicate name \"a\" in list \
             of users",
        )
        .file(
            "one",
            with_token("a", "one")
                .replace("users: [", "users: [{name: a, user: {token: secret}}, "),
        )
        .variable("KUBECONFIG", "one"),
        departs(
            "another kind is an error",
            "kubectl adds a place in its source",
            "error: error loading config file \"one\": no kind \"Pod\" is registered \
             for version \"v1\" in scheme",
            "error: error loading config file \"one\": no kind \"Pod\" is registered \
             for version \"v1\"",
        )
        .file(
            "one",
            with_token("a", "one").replace("kind: Config", "kind: Pod"),
        )
        .variable("KUBECONFIG", "one"),
        same("JSON", "Bearer one")
            .file(
                "one",
                r#"{
                    "current-context": "a",
                    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                    "clusters": [{"name": "a", "cluster": {
                        "server": "$URL", "certificate-authority": "ca.crt"
                    }}],
                    "users": [{"name": "a", "user": {"token": "one"}}]
                }"#,
            )
            .variable("KUBECONFIG", "one"),
        same(
            "a byte order mark, and lines as Windows ends them",
            "Bearer one",
        )
        .file(
            "one",
            format!("\u{feff}{}", with_token("a", "one").replace('\n', "\r\n")),
        )
        .variable("KUBECONFIG", "one"),
        same("anchors and merges", "Bearer one")
            .file(
                "one",
                "x: &server {server: $URL, certificate-authority: ca.crt}\n\
                 current-context: &name a\n\
                 contexts: [{name: *name, context: {cluster: a, user: a}}]\n\
                 clusters: [{name: a, cluster: {<<: *server}}]\n\
                 users: [{name: a, user: {token: one}}]\n",
            )
            .variable("KUBECONFIG", "one"),
        same("null lists and entries", "Bearer two")
            .file(
                "one",
                "clusters: null\nusers:\ncontexts: [{name: z, context: null}]\n",
            )
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one:two"),
        same(
            "a context whose fields are in the wrong place",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .file(
            "one",
            "current-context: a\n\
                 contexts: [{name: b, cluster: b, user: b}, {name: a, context: {cluster: a}}]\n\
                 clusters: [{name: a, cluster: {server: 'http://$PLAIN'}}]\n",
        )
        .variable("KUBECONFIG", "one"),
        departs(
            "a number is no string",
            "the text is not repeated: it may be a token",
            "cannot unmarshal number into Go struct field AuthInfo.users.user.token \
             of type string",
            "error: error loading config file \"config\": user \"c\": token is of \
             the wrong type",
        )
        .user("token: 12345"),
        same(
            "empty strings are not set",
            "$PORT/probe; authorization: Basic bmFtZTp3b3Jk",
        )
        .with(
            &format!(
                "{SERVER}, certificate-authority-data: '', tls-server-name: '', \
             proxy-url: ''"
            ),
            "username: name, password: word, token: '', tokenFile: '', client-certificate: '', \
             client-certificate-data: '', client-key: '', client-key-data: '', as: '', as-uid: ''",
        ),
        same(
            "nulls are not set",
            "$PORT/probe; authorization: Basic bmFtZTp3b3Jk",
        )
        .with(
            &format!("{SERVER}, certificate-authority-data: null, tls-server-name:"),
            "username: name, password: word, token: null, client-certificate: ~, exec: null, \
             auth-provider:, as:, as-groups: null",
        ),
        same("YAML's older words for true", "sent https")
            .cluster("server: $URL, insecure-skip-tls-verify: yes"),
        same(
            "paths are relative to their own file",
            "certificate of alice",
        )
        .file(
            "a/b/one",
            kubeconfig(
                "a",
                "server: $URL, certificate-authority: ../../ca.crt",
                "client-certificate: ../../alice.crt, client-key: ../../home/../alice.key",
            ),
        )
        .flags(["--kubeconfig", "a/b/one"]),
        same("`..` leaves a linked folder by its name", "Bearer one")
            .file(
                "a/b/one",
                with_token("a", "one").replace("ca.crt", "../ca.crt"),
            )
            .file("link", "-> a/b")
            .flags(["--kubeconfig", "link/one"]),
        same(
            "a kubeconfig that is a link does not move its paths",
            "Bearer one",
        )
        .file("a/one", with_token("a", "one"))
        .file("link", "-> a/one")
        .flags(["--kubeconfig", "link"]),
    ]
}

/// Contexts, clusters, users, and the flags over them.
pub(crate) fn choices() -> Vec<Case> {
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
        two(same("the last of a flag counts", "Bearer three").flags([
            "--context=b",
            "--context",
            "a",
            "--token=two",
            "--token",
            "three",
        ])),
        two(same(
            "empty flags are none",
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
        two(same("-n changes nothing in a raw path", "$PORT/probe;").flags(["-n", "other"])),
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
            "of unknown names the user",
            "error: auth info \"x\" does not exist",
        )
        .flags(["--cluster=z", "--context=y", "--user=x"])),
        two(same(
            "of unknown names the context",
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
            "--context helps with an unknown current-context",
            "Bearer one",
        )
        .file(
            "one",
            with_token("a", "one").replace("current-context: a", "current-context: gone"),
        )
        .variable("KUBECONFIG", "one")
        .flags(["--context=a"]),
        same("no current-context, but --cluster and --user", "Bearer one")
            .file(
                "one",
                with_token("a", "one").replace("current-context: a", ""),
            )
            .variable("KUBECONFIG", "one")
            .flags(["--cluster=a", "--user=a"]),
        departs(
            "a context that names an unknown cluster",
            "kubectl talks to its default server instead, by default localhost:8080",
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
            "as before",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "error: cluster was not specified for context \"a\"",
        )
        .file("one", with_token("a", "one").replace("cluster: a,", ""))
        .variable("KUBECONFIG", "one")
        .variable("KUBERNETES_MASTER", "http://$PLAIN"),
        departs(
            "a cluster without a server",
            "as before",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "error: no server found for cluster \"c\"",
        )
        .cluster("certificate-authority: ca.crt")
        .variable("KUBERNETES_MASTER", "http://$PLAIN"),
        departs(
            "a context that names an unknown user",
            "kubectl asks for a name and a password",
            "error: EOF",
            "error: user \"z\" was not found for context \"a\"",
        )
        .file(
            "one",
            with_token("a", "one").replace("user: a,", "user: z,"),
        )
        .variable("KUBECONFIG", "one"),
        same(
            "an unknown user does not matter beside --token",
            "Bearer flag",
        )
        .file(
            "one",
            with_token("a", "one").replace("user: a,", "user: z,"),
        )
        .variable("KUBECONFIG", "one")
        .flags(["--token=flag"]),
        same(
            "an unknown cluster does not matter beside --server",
            "Bearer one",
        )
        .file(
            "one",
            with_token("a", "one").replace("cluster: a", "cluster: z"),
        )
        .variable("KUBECONFIG", "one")
        .flags(["--server=$URL", "--certificate-authority=ca.crt"]),
        same("only flags", "$PORT/x/probe; authorization: Bearer flag").flags([
            "-s",
            "$URL/x",
            "--certificate-authority",
            "ca.crt",
            "--token",
            "flag",
        ]),
        same(
            "--server keeps the authority and the user",
            "sent https://127.0.0.1:$PORT/other/probe; authorization: Bearer t",
        )
        .cluster("server: 'http://$PLAIN', certificate-authority: ca.crt")
        .flags(["--server=$URL/other"]),
        same(
            "a server name for the certificate",
            "server name faulty.example",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             faulty.example",
        ),
        same("--tls-server-name beats it", "server name other.example")
            .cluster(
                "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             faulty.example",
            )
            .flags(["--tls-server-name=other.example"]),
        same(
            "--server drops it",
            "sent https://localhost:$PORT/probe; server name localhost",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             faulty.example",
        )
        .flags(["--server=https://localhost:$PORT"]),
        both_fail("the certificate must be for the server name").cluster(
            "server: $URL, certificate-authority: ca.crt, tls-server-name: \
             wrong.example",
        ),
        both_fail("the certificate must be signed by the authority")
            .cluster("server: $URL, certificate-authority: other-ca.crt"),
        both_fail("an authority that is none")
            .cluster("server: $URL, certificate-authority: alice.key"),
        same("data with line breaks", "Bearer t")
            .cluster("server: $URL, certificate-authority-data: \"\\r\\n$CA_DATA\\n\""),
        same("an authority's data", "Bearer t")
            .cluster("server: $URL, certificate-authority-data: $CA_DATA"),
        same(
            "an authority's file and data",
            "error: certificate-authority-data and certificate-authority are both \
             specified for c. certificate-authority-data will override.",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, \
             certificate-authority-data: $CA_DATA",
        ),
        same(
            "an authority's file that is not there",
            "error: unable to read certificate-authority $FOLDER/none for c due to \
             open $FOLDER/none: no such file or directory",
        )
        .cluster("server: $URL, certificate-authority: none"),
        same("--certificate-authority beats the data", "Bearer t")
            .cluster("server: $URL, certificate-authority-data: d3Jvbmc=")
            .flags(["--certificate-authority=ca.crt"]),
        same(
            "--certificate-authority beats an insecure cluster",
            "Bearer t",
        )
        .cluster("server: $URL, insecure-skip-tls-verify: true")
        .flags(["--certificate-authority=ca.crt"]),
        both_fail("and then it counts")
            .cluster("server: $URL, insecure-skip-tls-verify: true")
            .flags(["--certificate-authority=other-ca.crt"]),
        same("--insecure-skip-tls-verify beats an authority", "Bearer t")
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
            "both flags",
            "error: specifying a root certificates file with the insecure flag is \
             not allowed",
        )
        .cluster(SERVER)
        .flags([
            "--insecure-skip-tls-verify",
            "--certificate-authority=ca.crt",
        ]),
        same(
            "both in a kubeconfig",
            "error: specifying a root certificates file with the insecure flag is \
             not allowed",
        )
        .cluster(
            "server: $URL, certificate-authority: ca.crt, insecure-skip-tls-verify: \
             true",
        ),
        same("a path before all paths", "$PORT/k8s/clusters/c-1/probe;")
            .cluster("server: $URL/k8s/clusters/c-1/, certificate-authority: ca.crt"),
        same(
            "query and fragment of a server do not count",
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
            "a scheme that is none",
            "wrong input is named as such, before anything is sent",
            "Unable to connect to the server: unsupported protocol scheme \"ftp\"",
            "error: unsupported protocol scheme \"ftp\"",
        )
        .cluster("server: 'ftp://$PLAIN'"),
        departs(
            "a password in the server's address",
            "no credential goes over plain http, and none is hidden in an address",
            "authorization: Basic bmFtZTp3b3Jk",
            "error: the server address must not contain a user name or password",
        )
        .cluster("server: 'http://name:word@$PLAIN'"),
        departs(
            "a path that is not plain",
            "a proxy may take the cleaned path for another place",
            "$PORT/a/c/probe",
            "has an empty, `.` or `..` segment",
        )
        .cluster("server: $URL/a//b/../c, certificate-authority: ca.crt"),
        same(
            "the default server",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .variable("KUBERNETES_MASTER", "$PLAIN"),
        same("no limit of time", "sent https")
            .cluster(SERVER)
            .flags(["--request-timeout=0"]),
        same(
            "a limit that is none",
            "error: Invalid timeout value. Timeout must be a single integer in \
             seconds, or an integer followed by a corresponding time unit (e.g. 1s | \
             2m | 3h)",
        )
        .cluster(SERVER)
        .flags(["--request-timeout=5x"]),
        departs(
            "a negative limit",
            "kubectl asks the server for it",
            "?timeout=-5s",
            "error: Invalid timeout value.",
        )
        .cluster(SERVER)
        .flags(["--request-timeout=-5s"]),
        same(
            "a proxy in the environment is not for this machine",
            "Bearer t",
        )
        .cluster(SERVER)
        .variable("HTTPS_PROXY", "http://127.0.0.1:1"),
        departs(
            "a proxy in the environment that is not there",
            "kubectl names the server for it",
            "The connection to the server far.example was refused",
            "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
        )
        .cluster("server: 'https://far.example', insecure-skip-tls-verify: true")
        .variable("HTTPS_PROXY", "http://127.0.0.1:1"),
        departs(
            "a proxy in the kubeconfig that is not there",
            "as before",
            "The connection to the server 127.0.0.1:$PORT was refused",
            "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
        )
        .cluster("server: $URL, certificate-authority: ca.crt, proxy-url: 'http://127.0.0.1:1'"),
        departs(
            "a proxy in the environment that is no URL",
            "kubectl goes around it silently",
            "dial tcp: lookup far.example",
            "error: $HTTPS_PROXY: it is not a proxy URL",
        )
        .cluster("server: 'https://far.example', insecure-skip-tls-verify: true")
        .variable("HTTPS_PROXY", "%zz"),
        same(
            "--proxy-url of another scheme",
            "error: invalid 'proxy-url' \"ftp://p:1\" for cluster \"c\": unsupported scheme \"ftp\", \
             must be http, https, or socks5",
        )
        .cluster(SERVER)
        .flags(["--proxy-url=ftp://p:1"]),
        same(
            "an empty --proxy-url is none",
            "Bearer t",
        )
        .cluster(SERVER)
        .flags(["--proxy-url="]),
        departs(
            "a proxy of scheme socks5h",
            "kubectl knows the scheme, but from the environment alone",
            "error: invalid 'proxy-url' \"socks5h://127.0.0.1:1\" for cluster \"c\": unsupported scheme",
            "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
        )
        .cluster("server: $URL, certificate-authority: ca.crt, proxy-url: 'socks5h://127.0.0.1:1'"),
        departs(
            "an authority's file that is empty",
            "kubectl trusts the platform's authorities instead",
            "certificate signed by unknown authority",
            "error: unable to load root certificates: unable to parse bytes as PEM block",
        )
        .cluster("server: $URL, certificate-authority: home/none"),
    ]
}

/// Credentials.
pub(crate) fn tokens() -> Vec<Case> {
    vec![
        same("a token", "Bearer t").user("token: t"),
        same("a token's file, without its newline", "Bearer of-file")
            .user("tokenFile: token")
            .file("token", " of-file\n"),
        same("a token's file beats the token", "Bearer of-file")
            .user("token: t, tokenFile: token")
            .file("token", "of-file"),
        same("a token's file that is not there, and a token", "Bearer t")
            .user("token: t, tokenFile: none"),
        same("an empty token's file, and a token", "Bearer t")
            .user("token: t, tokenFile: token")
            .file("token", "\n"),
        same(
            "a token's file that is not there",
            "error: open $FOLDER/none: no such file or directory",
        )
        .user("tokenFile: none"),
        departs(
            "an empty token's file",
            "kubectl asks for a name and a password",
            "error: EOF",
            "error: read empty token from file \"$FOLDER/token\"",
        )
        .user("tokenFile: token")
        .file("token", ""),
        same("--token beats the token", "Bearer flag")
            .user("token: t")
            .flags(["--token=flag"]),
        departs(
            "--token beats the token's file",
            "kubectl ignores the flag silently",
            "Bearer of-file",
            "Bearer flag",
        )
        .user("tokenFile: token")
        .file("token", "of-file")
        .flags(["--token=flag"]),
        departs(
            "a token with a YAML block's newline",
            "kubectl sends it as it is, which no header can hold",
            "invalid header field value",
            "authorization: Bearer t",
        )
        .file("one", with_token("a", "\"t\\n\""))
        .variable("KUBECONFIG", "one"),
        departs(
            "a token that no header can hold",
            "it is the kubeconfig that is wrong, not the connection",
            "invalid header field value",
            "error: the token contains a character that a header cannot hold",
        )
        .file("one", with_token("a", "\"t\\nu\""))
        .variable("KUBECONFIG", "one"),
    ]
}

/// Names and passwords.
pub(crate) fn passwords() -> Vec<Case> {
    vec![
        same("a name and a password", "authorization: Basic bmFtZTp3b3Jk")
            .user("username: name, password: word"),
        same("a name alone", "authorization: Basic bmFtZTo=").user("username: name"),
        same(
            "--username and --password",
            "authorization: Basic bmFtZTp3b3Jk",
        )
        .user("")
        .flags(["--username=name", "--password=word"]),
        same(
            "--password beats the password",
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
            "a token's file and a password",
            "error: username/password or bearer token may be set, but not both",
        )
        .user("tokenFile: token, username: name, password: word")
        .file("token", "t"),
    ]
}

/// Client certificates and their keys.
pub(crate) fn certificates() -> Vec<Case> {
    vec![
        same("a certificate", "$PORT/probe; certificate of alice").user(ALICE),
        same("a certificate's data", "certificate of alice")
            .user("client-certificate-data: $ALICE_CRT, client-key-data: $ALICE_KEY"),
        same(
            "a certificate and a token",
            "certificate of alice; authorization: Bearer t",
        )
        .user(&format!("{ALICE}, token: t")),
        same(
            "--client-certificate and --client-key beat the data",
            "certificate of bob",
        )
        .user("client-certificate-data: $ALICE_CRT, client-key-data: $ALICE_KEY")
        .flags(["--client-certificate=bob.crt", "--client-key=bob.key"]),
        same("--client-key alone", "certificate of alice")
            .user("client-certificate: alice.crt, client-key: none")
            .flags(["--client-key=alice.key"]),
        same(
            "--client-certificate over a kubeconfig's key",
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
            "a key without a certificate does not count",
            "$PORT/probe; authorization: Bearer t",
        )
        .user("client-key: none, token: t"),
        same(
            "a certificate's file and data",
            "error: client-cert-data and client-cert are both specified for c. \
             client-cert-data will override.",
        )
        .user(
            "client-certificate: alice.crt, client-certificate-data: $ALICE_CRT, \
             client-key: alice.key",
        ),
        same(
            "files that are not there, all at once",
            "Error in configuration: \n* unable to read client-cert $FOLDER/none for \
             c due to open $FOLDER/none: no such file or directory\n* unable to read \
             client-key $FOLDER/neither for c due to open $FOLDER/neither: no such \
             file or directory",
        )
        .user("client-certificate: none, client-key: neither"),
        departs(
            "a key of another certificate",
            "it is the kubeconfig that is wrong, not the connection",
            "Unable to connect to the server: tls: private key does not match public \
             key",
            "error: the client-key of user \"c\" does not belong to its client-certificate",
        )
        .user("client-certificate: alice.crt, client-key: bob.key"),
        departs(
            "a key that is none",
            "the file's text is not repeated",
            "Unable to connect to the server: tls: found a certificate rather than a \
             key",
            "error: the client-key of user \"c\" contains no private key in PEM",
        )
        .user("client-certificate: alice.crt, client-key: alice.crt"),
        departs(
            "a key with a passphrase",
            "the way out is said",
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
            "data that is no base64",
            "only what is used is decoded",
            "error: error loading config file \"config\": illegal base64 data at \
             input byte 0",
            "error: the client-certificate-data of user \"c\" is not base64",
        )
        .user("client-certificate-data: '**', client-key-data: $ALICE_KEY"),
    ]
}

/// Which of several logins is sent, and when none is.
pub(crate) fn precedence() -> Vec<Case> {
    vec![
        same(
            "no credential goes over plain http",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .with("server: 'http://$PLAIN'", &format!("{ALICE}, token: t")),
        departs(
            "no credential at all",
            "kubectl asks for a name and a password; we are anonymous",
            "error: EOF",
            "sent https://127.0.0.1:$PORT/probe",
        )
        .user(""),
        departs(
            "a password without a name",
            "as before",
            "error: EOF",
            "sent https://127.0.0.1:$PORT/probe",
        )
        .user("password: word"),
        same("a token beats an exec plugin", "Bearer t").user(
            "token: t, exec: {apiVersion: client.authentication.k8s.io/v1, command: \
             none, interactiveMode: Never}",
        ),
        same("a certificate beats an exec plugin", "certificate of alice").user(&format!(
            "{ALICE}, exec: {{apiVersion: client.authentication.k8s.io/v1, command: \
             none, interactiveMode: Never}}"
        )),
    ]
}

/// Impersonation.
pub(crate) fn impersonations() -> Vec<Case> {
    let all = "token: t, as: jane, as-uid: '7', as-groups: [g1, g2], as-user-extra: \
             {a: [v, w], b: [z]}";
    vec![
        same(
            "from the kubeconfig",
            "impersonate-extra-a: v; impersonate-extra-a: w; impersonate-extra-b: z; \
             impersonate-group: g1; impersonate-group: g2; impersonate-uid: 7; \
             impersonate-user: jane",
        )
        .user(all),
        same("--as", "impersonate-user: joe")
            .user("token: t")
            .flags(["--as", "joe"]),
        same(
            "--as changes the user alone",
            "impersonate-group: g1; impersonate-group: g2; impersonate-uid: 7; \
             impersonate-user: joe",
        )
        .user(all)
        .flags(["--as=joe"]),
        same("--as-uid", "impersonate-uid: 8")
            .user(all)
            .flags(["--as-uid=8"]),
        same(
            "--as-group replaces the groups",
            "impersonate-group: g3; impersonate-group: g4; impersonate-uid",
        )
        .user(all)
        .flags(["--as-group=g3", "--as-group", "g4"]),
        same("a comma does not part groups", "impersonate-group: g2,g3;")
            .user("token: t")
            .flags(["--as=jane", "--as-group=g2,g3"]),
        same(
            "--as-user-extra replaces the values of its key",
            "impersonate-extra-a: 1; impersonate-extra-a: 2=3; impersonate-extra-b: z;",
        )
        .user(all)
        .flags(["--as-user-extra=a=1", "--as-user-extra=a=2=3"]),
        same(
            "an extra's key is escaped",
            "impersonate-extra-a%2fb%20c: x",
        )
        .user("token: t")
        .flags(["--as=jane", "--as-user-extra=A/b C=x"]),
        departs(
            "an extra without a value",
            "kubectl drops it silently",
            "impersonate-user: jane",
            "error: invalid value for --as-user-extra: must be KEY=VALUE",
        )
        .user("token: t")
        .flags(["--as=jane", "--as-user-extra=x"]),
        same(
            "a uid without a user",
            "error: requesting uid, groups or user-extra for c without impersonating \
             a user",
        )
        .user("token: t")
        .flags(["--as-uid=7"]),
        same(
            "a group without a user",
            "error: requesting uid, groups or user-extra for c without impersonating \
             a user",
        )
        .user("token: t, as-groups: [g]"),
        same(
            "an extra without a user",
            "error: requesting uid, groups or user-extra for c without impersonating \
             a user",
        )
        .user("token: t")
        .flags(["--as-user-extra=a=b"]),
        same(
            "two problems",
            "Error in configuration: \n* requesting uid, groups or user-extra for c \
             without impersonating a user\n* unable to read certificate-authority \
             none for c due to open none: no such file or directory",
        )
        .user("token: t")
        .flags(["--as-uid=7", "--certificate-authority=none"]),
        same(
            "over plain http too",
            "sent http://127.0.0.1:$PLAIN_PORT/probe; impersonate-user: jane",
        )
        .with("server: 'http://$PLAIN'", "token: t, as: jane"),
    ]
}

/// Where a Pod's account is.
pub(crate) fn pods() -> Vec<Case> {
    vec![
        same(
            "the Pod's server and account",
            "sent https://127.0.0.1:$PORT/probe; authorization: Bearer pod-token",
        )
        .in_pod(),
        same("a kubeconfig beats it", "Bearer one")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "one")
            .in_pod(),
        same(
            "a kubeconfig without a current-context does not",
            "Bearer pod-token",
        )
        .file(
            "one",
            with_token("a", "one").replace("current-context: a", ""),
        )
        .variable("KUBECONFIG", "one")
        .in_pod(),
        same(
            "a broken kubeconfig is not passed over",
            "error: error loading config file \"home\": read home: is a directory",
        )
        .variable("KUBECONFIG", "home")
        .in_pod(),
        same("KUBERNETES_MASTER does not count", "Bearer pod-token")
            .variable("KUBERNETES_MASTER", "http://$PLAIN")
            .in_pod(),
        same("--certificate-authority and -n", "Bearer pod-token")
            .flags(["--certificate-authority=$FOLDER/ca.crt", "-n", "x"])
            .in_pod(),
        same(
            "--server goes without the account",
            "authorization: Basic bmFtZTp3b3Jk",
        )
        .flags([
            "--server=$URL",
            "--certificate-authority=ca.crt",
            "--username=name",
            "--password=word",
        ])
        .in_pod(),
        same("--token beats the account's", "Bearer flag")
            .flags(["--token=flag"])
            .in_pod(),
        departs(
            "--as",
            "kubectl forgets the account over it",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "Bearer pod-token; impersonate-user: jane",
        )
        .variable("KUBERNETES_MASTER", "http://$PLAIN")
        .flags(["--as=jane"])
        .in_pod(),
        departs(
            "--disable-compression",
            "as before",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
            "Bearer pod-token",
        )
        .variable("KUBERNETES_MASTER", "http://$PLAIN")
        .flags(["--disable-compression"])
        .in_pod(),
    ]
}

/// Exec plugins: what they are given, what they may answer, and how they fail.
pub(crate) fn plugins() -> Vec<Case> {
    let alike = |name, part| same(name, part).plugin("");
    let unlike = |name, kubectl, ours| {
        let reason = "what a plugin prints is not repeated, it may be a token";
        departs(name, reason, kubectl, ours)
    };
    let status = |fields: &str| {
        format!(
            r#"{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{{fields}}}}}"#
        )
    };
    vec![
        alike(
            "an exec plugin's token",
            "$PORT/probe; authorization: Bearer of-plugin; the plugin got \
             {\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\
             \"spec\":{\"interactive\":false}}",
        ),
        same("version v1beta1, which needs no mode", "Bearer of-plugin; the plugin got")
            .user("exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: sh, args: [plugin]}")
            .file("answer", ANSWER.replace("k8s.io/v1", "k8s.io/v1beta1")),
        same("its arguments and variables", "}} word two words $FOLDER $HOME")
            .plugin(
                "args: [plugin, two words, $FOLDER, $HOME], \
                 env: [{name: VARIABLE, value: word}, {name: KUBERNETES_EXEC_INFO, value: none}]",
            ),
        same(
            "the cluster",
            "\"spec\":{\"cluster\":{\"server\":\"https://127.0.0.1:$PORT\",\
             \"certificate-authority-data\":\"LS0",
        )
        .plugin("provideClusterInfo: true"),
        same(
            "all of the cluster",
            "\"tls-server-name\":\"other.example\",\"certificate-authority-data\":\"LS0",
        )
        .with(
            "server: $URL/base, certificate-authority-data: $CA_DATA, tls-server-name: other.example, \
             extensions: [{name: other, extension: 1}, {name: client.authentication.k8s.io/exec, \
             extension: {z: 1, a: [1.50, {b: null}], audience: some thing}}]",
            &exec("provideClusterInfo: true"),
        )
        .flags(["--disable-compression"]),
        same("the flags' cluster", "\"insecure-skip-tls-verify\":true,\"config\":null},\"interactive\":false}")
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
            "a certificate and the key of another one",
            "TLS libraries word it differently",
            "getting credentials: failed parsing client key/certificate: tls: private key does not match",
            "getting credentials: failed parsing client key/certificate: the client-key of user \"c\" does not belong to",
        )
        .plugin("env: [{name: CERTIFICATE, value: bob.crt}]")
        .file("plugin", CERTIFICATE_PLUGIN),
        same("YAML", "Bearer of-yaml").answer(
            "apiVersion: client.authentication.k8s.io/v1\nkind: ExecCredential\nstatus: {token: of-yaml}\n",
        ),
        same("an answer without a kind, with fields that nobody knows", "Bearer t").answer(
            r#"{"apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "t", "more": 1, "expirationTimestamp": null}}"#,
        ),
        departs(
            "a credential that has expired is sent once",
            "kubectl runs the plugin again for the certificate that it did not bring",
            "\"interactive\":false}} \n{\"kind\"",
            "Bearer t; the plugin got",
        )
            .answer(&status(r#""token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z""#)),
        same(
            "another version than the kubeconfig's",
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
        same("a key alone", "getting credentials: exec plugin returned only certificate or key, not both")
            .answer(&status(r#""token": "t", "clientKeyData": "k""#)),
        unlike(
            "no answer",
            "plugin returned version client.authentication.k8s.io/__internal",
            "getting credentials: decoding stdout: not an ExecCredential of client.authentication.k8s.io/v1",
        )
        .answer(""),
        unlike(
            "no JSON",
            "getting credentials: decoding stdout: couldn't get version/kind; json parse error",
            "getting credentials: decoding stdout: not an ExecCredential of client.authentication.k8s.io/v1",
        )
        .answer("hunter2"),
        unlike(
            "another kind",
            "getting credentials: decoding stdout: no kind \"hunter2\" is registered",
            "getting credentials: decoding stdout: not an ExecCredential of client.authentication.k8s.io/v1",
        )
        .answer(&ANSWER.replace("ExecCredential", "hunter2")),
        unlike(
            "an unknown version",
            "getting credentials: decoding stdout: no kind \"ExecCredential\" is registered for version \"hunter2\"",
            "configured to use API version client.authentication.k8s.io/v1, plugin returned an unknown version",
        )
        .answer(&ANSWER.replace("client.authentication.k8s.io/v1", "hunter2")),
        unlike(
            "a token that is a number",
            "getting credentials: decoding stdout: json: cannot unmarshal number",
            "getting credentials: decoding stdout: a field of the status is of the wrong type",
        )
        .answer(&status(r#""token": 12345"#)),
        unlike(
            "a date that is none",
            "getting credentials: decoding stdout: parsing time \"hunter2\"",
            "getting credentials: decoding stdout: a field of the status is of the wrong type",
        )
        .answer(&status(r#""token": "t", "expirationTimestamp": "hunter2""#)),
        departs(
            "a token that no header can hold",
            "it is the plugin that is wrong",
            "Unable to connect to the server: net/http: invalid header field value",
            "getting credentials: exec plugin returned a token that a header cannot hold",
        )
        .answer(&status(r#""token": "t\n""#)),
        same("an exit code", "getting credentials: exec: executable sh failed with exit code 3; the plugin got")
            .plugin("env: [{name: EXIT_CODE, value: '3'}]"),
        same("a signal", "getting credentials: exec: executable sh failed with exit code -1")
            .plugin("args: [-c, kill -9 $$]"),
        departs(
            "a command that is not installed",
            "the kubeconfig's hint stands where our hints stand",
            "getting credentials: exec: executable none not found\n\nIt looks like you are trying to use",
            "Unable to connect to the server: getting credentials: exec: executable none not found",
        )
        .user(&exec("installHint: get it").replace("command: sh", "command: none")),
        departs(
            "a command in a relative folder of PATH",
            "the same",
            "getting credentials: exec: executable tool not found",
            "getting credentials: exec: executable tool not found",
        )
        .user(&exec("").replace("command: sh", "command: tool"))
        .file("tool", "-> /bin/sh")
        .variable("PATH", "."),
        same(
            "a path where nothing is",
            "getting credentials: exec: fork/exec $FOLDER/none: no such file or directory",
        )
        .user(&exec("").replace("command: sh", "command: ./none")),
        same(
            "a file that is no program",
            "getting credentials: exec: fork/exec $FOLDER/plugin: permission denied",
        )
        .user(&exec("").replace("command: sh", "command: ./plugin")),
        same("a folder", "getting credentials: exec: fork/exec $FOLDER/home: permission denied")
            .user(&exec("").replace("command: sh", "command: ./home")),
        same(
            "a plugin that must read a terminal where there is none",
            "Unable to connect to the server: getting credentials: exec plugin cannot support \
             interactive mode: standard input is not a terminal",
        )
        .user(&exec("").replace("Never", "Always")),
        same(
            "a plugin that may read a terminal where there is none",
            "\"spec\":{\"interactive\":false}}",
        )
        .user(&exec("").replace("Never", "IfAvailable")),
        same("a version that is gone", "error: exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\"")
            .user("token: t, exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: none}"),
        same(
            "version v1 without a mode",
            "error: interactiveMode must be specified for c to use exec authentication plugin",
        )
        .user(&exec("").replace("interactiveMode: Never", "interactiveMode: null")),
        departs(
            "an unknown mode",
            "it is a type of its own here",
            "error: invalid interactiveMode for c: \"never\"",
            "error: error loading config file \"config\": user \"c\": exec is of the wrong type",
        )
        .user(&exec("").replace("Never", "never")),
        same(
            "a plugin of nothing",
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
        same("a password without a name beside a plugin", "Bearer of-plugin")
            .user(&format!("{}, password: word", exec(""))),
        same("--token beside a plugin", "authorization: Bearer flag").plugin("").flags(["--token=flag"]),
        same("--username beside a plugin", "authorization: Basic bmFtZTo=")
            .plugin("")
            .flags(["--username=name"]),
        same("a token's file beside a plugin", "authorization: Bearer of-file")
            .user(&format!("{}, tokenFile: token", exec("")))
            .file("token", "of-file"),
        same("no plugin runs for plain http", "sent http://127.0.0.1:$PLAIN_PORT/probe")
            .with("server: 'http://$PLAIN'", &exec("")),
    ]
}

/// Which plugins kubectl's preferences allow.
pub(crate) fn kuberc() -> Vec<Case> {
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
        departs(name, "kubectl has a longer beginning", reason, ours).plugin("")
    };
    vec![
        same("AllowAll", "Bearer of-plugin").plugin("").kuberc("credentialPluginPolicy: AllowAll"),
        same("an empty policy", "Bearer of-plugin").plugin("").kuberc("credentialPluginPolicy: ''"),
        same("DenyAll", denied).plugin("").kuberc("credentialPluginPolicy: DenyAll"),
        same(
            "DenyAll for a path",
            "plugin \"$FOLDER/bin/tool\" not allowed: policy set to \"DenyAll\"",
        )
        .user(&exec("").replace("command: sh", "command: bin/../bin/tool"))
        .kuberc("credentialPluginPolicy: DenyAll"),
        same("DenyAll and a token", "Bearer t")
            .user("token: t")
            .kuberc("credentialPluginPolicy: DenyAll"),
        allows("an entry with the command's name", "[{command: other}, {command: sh}]"),
        allows("an entry with the command's path", "[{command: $SH}]"),
        allows("an entry in its older spelling", "[{name: sh}]"),
        allows("an entry in both spellings", "[{name: sh, command: sh}]"),
        allows("an entry with the path of a command", "[{command: $FOLDER/bin/tool}]")
            .user(&exec("").replace("command: sh", "command: ./bin/tool"))
            .file("bin/tool", "-> /bin/sh"),
        allows("an entry with the name of a path", "[{command: sh}]")
            .user(&exec("").replace("command: sh", "command: $SH")),
        list(
            "no entry with the command",
            "getting credentials: plugin path \"$SH\" is not permitted by the credential plugin allowlist",
            "[{command: other}, {command: /other/sh}]",
        ),
        list(
            "no entry with a command that is not there",
            "getting credentials: plugin path \"none\" cannot be resolved for credential plugin \
             allowlist check: exec: \"none\": executable file not found in $PATH",
            "[{command: other}]",
        )
        .user(&exec("").replace("command: sh", "command: none")),
        list(
            "no entry with a path that is not there",
            "allowlist check: exec: \"$FOLDER/none\": stat $FOLDER/none: no such file or directory",
            "[{command: other}]",
        )
        .user(&exec("").replace("command: sh", "command: ./none")),
        refuses(
            "an unknown policy, also where no plugin runs",
            "preferences unknown plugin policy: \"denyall\"",
            "error: kuberc: unknown plugin policy: \"denyall\"",
        )
        .user("token: t")
        .kuberc("credentialPluginPolicy: denyall"),
        refuses(
            "a list without the policy",
            "plugin policy is \"\" but allowlist is non-nil",
            "error: kuberc: misconfigured credential plugin allowlist: plugin policy is \"\" but allowlist is non-nil",
        )
        .kuberc("credentialPluginAllowlist: [{command: sh}]"),
        refuses(
            "the policy without a list",
            "credential plugin policy set to \"Allowlist\", but allowlist is unspecified",
            "error: kuberc: credential plugin policy set to \"Allowlist\", but allowlist is unspecified",
        )
        .kuberc("credentialPluginPolicy: Allowlist"),
        refuses(
            "an empty list",
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
            "an entry that is not in its shortest form",
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
            "a slip in a field's name",
            "kubectl does not end the line",
            "kuberc: ignoring strict decoding error in rc: strict decoding error: unknown field \
             \"credentialPluginpolicy\"the plugin speaks",
            "unknown field \"credentialPluginpolicy\"\nthe plugin speaks",
        )
        .plugin("env: [{name: EXIT_CODE, value: '1'}]")
        .kuberc("credentialPluginpolicy: DenyAll"),
        same("other preferences do not count", "Bearer of-plugin").plugin("").kuberc(
            "defaults: [{command: apply, options: [{name: server-side, default: 'true'}]}]\n\
             aliases: [{name: getn, command: get, prependArgs: [nodes]}]",
        ),
        same("of several documents the first Preference counts", denied)
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
            "a file that is no Preference",
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
        same("--kuberc beats KUBERC", denied)
            .plugin("")
            .variable("KUBERC", "none")
            .kuberc("credentialPluginPolicy: DenyAll"),
        same("the file of the home folder", denied).plugin("").file("home/.kube/kuberc", deny.clone()),
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
            "a broken file of the home folder is skipped",
            "kubectl does not end the line",
            "kuberc: no preferences loaded from $FOLDER/home/.kube/kuberc: no valid preferences found \
             in $FOLDER/home/.kube/kuberc, use --v=5 to see detailsthe plugin speaks",
            "kuberc: no preferences loaded from $FOLDER/home/.kube/kuberc: no valid preferences found \
             in $FOLDER/home/.kube/kuberc: no Preference of kubectl.config.k8s.io/v1beta1 or",
        )
        .plugin("env: [{name: EXIT_CODE, value: '1'}]")
        .file("home/.kube/kuberc", "a: ["),
        departs(
            "a policy in version v1alpha1, which has none",
            "kubectl does not end the line",
            "unknown field \"credentialPluginPolicy\"the plugin speaks",
            "kuberc: ignoring strict decoding error in rc: strict decoding error: unknown field \
             \"credentialPluginPolicy\"\nthe plugin speaks",
        )
        .plugin("env: [{name: EXIT_CODE, value: '1'}]")
        .file("rc", deny.replace("v1beta1", "v1alpha1"))
        .flags(["--kuberc=rc"]),
    ]
}

/// `auth-provider`.
pub(crate) fn auth_providers() -> Vec<Case> {
    let oidc = |fields: &str| {
        format!(
            "auth-provider: {{name: oidc, config: {{idp-issuer-url: 'https://$PLAIN', client-id: c, {fields}}}}}"
        )
    };
    let expired = |name, kubectl, ours| {
        departs(
            name,
            "it is never renewed here, and the line says what it is",
            kubectl,
            ours,
        )
    };
    vec![
        same("an oidc id-token that is valid", "$PORT/probe; authorization: Bearer $VALID_JWT")
            .user(&oidc("id-token: $VALID_JWT")),
        same("an oidc id-token beside a certificate", "certificate of alice; authorization: Bearer")
            .user(&format!("{}, {ALICE}", oidc("id-token: $VALID_JWT"))),
        expired(
            "an oidc id-token that has expired",
            "Unable to connect to the server: No valid id-token, and cannot refresh without refresh-token",
            "Unable to connect to the server: the id-token of user \"c\" expired at 2020-01-01 00:00 UTC",
        )
        // {"exp":1577836800}
        .user(&oidc("id-token: e30.eyJleHAiOjE1Nzc4MzY4MDB9.c2ln")),
        expired(
            "an oidc id-token that kubectl renews",
            "Unable to connect to the server: ",
            "Unable to connect to the server: the id-token of user \"c\" expired at 2020-01-01 00:00 UTC",
        )
        .user(&oidc("refresh-token: hunter2, id-token: e30.eyJleHAiOjE1Nzc4MzY4MDB9.c2ln")),
        expired(
            "an oidc id-token without an end",
            "Unable to connect to the server: No valid id-token",
            "Unable to connect to the server: the id-token of user \"c\" is not a JWT with an expiry date",
        )
        .user(&oidc("id-token: e30.e30.c2ln")),
        expired(
            "an oidc id-token that is no JWT",
            "Unable to connect to the server: ID Token is not a valid JWT",
            "Unable to connect to the server: the id-token of user \"c\" is not a JWT with an expiry date",
        )
        .user(&oidc("id-token: hunter2")),
        expired(
            "oidc without an id-token",
            "Unable to connect to the server: No valid id-token",
            "Unable to connect to the server: the id-token of user \"c\" is missing",
        )
        .user(&oidc("")),
        same("a token beats an id-token, whatever that is", "authorization: Bearer t")
            .user(&oidc("id-token: hunter2"))
            .flags(["--token=t"]),
        same("oidc without an issuer", "error: Must provide idp-issuer-url")
            .user("token: t, auth-provider: {name: oidc}"),
        same("oidc without a client", "error: Must provide client-id")
            .user("auth-provider: {name: oidc, config: {idp-issuer-url: x}}"),
        same(
            "gcp",
            "error: The gcp auth plugin has been removed.\nPlease use the \"gke-gcloud-auth-plugin\"",
        )
        .user("auth-provider: {name: gcp, config: {access-token: hunter2}}"),
        same("gcp, also beside a token", "error: The gcp auth plugin has been removed.")
            .user("token: t, auth-provider: {name: gcp}"),
        same(
            "azure",
            "error: The azure auth plugin has been removed.\nPlease use the https://github.com/Azure/kubelogin",
        )
        .user("auth-provider: {name: azure}"),
        same("an unknown provider", "error: no Auth Provider found for name \"none\"")
            .user("auth-provider: {name: none}"),
        same("no provider counts for plain http", "sent http://127.0.0.1:$PLAIN_PORT/probe")
            .with("server: 'http://$PLAIN'", "auth-provider: {name: gcp}"),
    ]
}
