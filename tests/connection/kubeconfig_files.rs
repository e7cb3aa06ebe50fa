use anyhow::Result;

use super::case::*;
use super::servers::Servers;

#[test]
fn kubeconfig_files_are_found_read_and_merged_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    vec![
        same("one file", "authorization: Bearer one")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "one"),
        same(
            "the first current-context in a list of files wins",
            "Bearer one",
        )
        .file("one", with_token("a", "one"))
        .file("two", with_token("b", "two"))
        .variable("KUBECONFIG", "$FOLDER/one:two"),
        same("an empty current-context is ignored", "Bearer two")
            .file(
                "one",
                with_token("a", "one").replace("current-context: a", "current-context: ''"),
            )
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one:two"),
        same("a null current-context is ignored", "Bearer two")
            .file(
                "one",
                with_token("a", "one").replace("current-context: a", "current-context:"),
            )
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one:two"),
        same(
            "the first definition of a name wins, without merging",
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
        same(
            "a context can name a cluster and a user of another file",
            "Bearer two",
        )
        .file(
            "one",
            "current-context: x\ncontexts: [{name: x, context: {cluster: b, user: \
             b}}]\n",
        )
        .file("two", with_token("b", "two"))
        .variable("KUBECONFIG", "one:two"),
        same("missing files in a list are skipped", "Bearer one")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "none:one:$FOLDER/none"),
        same(
            "when all files are missing, KUBERNETES_MASTER is used",
            "sent http://127.0.0.1:$PLAIN_PORT/probe",
        )
        .variable("KUBECONFIG", "none:neither")
        .variable("KUBERNETES_MASTER", "http://$PLAIN"),
        departs(
            "a KUBECONFIG that does not exist",
            DEFAULT_SERVER,
            "localhost:8080",
            "error: KUBECONFIG: none does not exist",
        )
        .variable("KUBECONFIG", "none"),
        departs(
            "a KUBECONFIG list whose files do not exist",
            DEFAULT_SERVER,
            "localhost:8080",
            "error: KUBECONFIG: none of these files exist: none, $FOLDER/neither",
        )
        .variable("KUBECONFIG", "none:$FOLDER/neither"),
        departs(
            "no kubeconfig at all",
            DEFAULT_SERVER,
            "localhost:8080",
            "error: no kubeconfig: $FOLDER/home/.kube/config does not exist",
        ),
        same(
            "flags make up for a KUBECONFIG that does not exist",
            "Bearer flag",
        )
        .variable("KUBECONFIG", "none")
        .flags([
            "--server=$URL",
            "--certificate-authority=ca.crt",
            "--token=flag",
        ]),
        departs(
            "a list with a file below `~`",
            "kubectl ignores the file, which may contain the current context",
            "Bearer one",
            "error: KUBECONFIG: ~/.kube/other does not exist",
        )
        .file("one", with_token("a", "one"))
        .variable("KUBECONFIG", "~/.kube/other:one"),
        departs(
            "a kubeconfig without a current-context",
            DEFAULT_SERVER,
            "localhost:8080",
            "error: no current-context in one",
        )
        .file(
            "one",
            with_token("a", "one").replace("current-context: a", "current-context: ''"),
        )
        .variable("KUBECONFIG", "one"),
        departs(
            "a kubeconfig without contexts",
            DEFAULT_SERVER,
            "localhost:8080",
            "error: no contexts in one",
        )
        .file(
            "one",
            "apiVersion: v1\nkind: Config\ncurrent-context: ''\ncontexts: null\n",
        )
        .variable("KUBECONFIG", "one"),
        same(
            "empty and repeated entries in a list are ignored",
            "Bearer one",
        )
        .file("one", with_token("a", "one"))
        .variable("KUBECONFIG", "::one::one:"),
        same("a file may be empty or hold only comments", "Bearer one")
            .file("empty", "")
            .file("comments", "# nothing\n# at all\n")
            .file("one", with_token("a", "one"))
            .variable("KUBECONFIG", "empty:comments:one"),
        same("--kubeconfig replaces KUBECONFIG", "Bearer two")
            .file("one", with_token("a", "one"))
            .file("two", with_token("b", "two"))
            .variable("KUBECONFIG", "one")
            .flags(["--kubeconfig", "two"]),
        same("an empty --kubeconfig is ignored", "Bearer one")
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
        same("the file in the home folder", "Bearer home").file(
            "home/.kube/config",
            with_token("a", "home").replace("ca.crt", "../../ca.crt"),
        ),
        same("an empty KUBECONFIG is ignored", "Bearer home")
            .file(
                "home/.kube/config",
                with_token("a", "home").replace("ca.crt", "../../ca.crt"),
            )
            .variable("KUBECONFIG", ""),
        same(
            "a folder is refused",
            "error: error loading config file \"home\": read home: is a directory",
        )
        .file("one", with_token("a", "one"))
        .variable("KUBECONFIG", "one:home"),
        departs(
            "one malformed file fails the list",
            "we name the line, but do not print its text, which may be a secret",
            "error: error loading config file \"two\": yaml: line 3: could not find \
             expected ':'",
            "error: error loading config file \"two\": yaml: line 2: not valid YAML",
        )
        .file("one", with_token("a", "one"))
        .file("two", "a: b\nsecret\nc: d\n")
        .variable("KUBECONFIG", "one:two"),
        departs(
            "a file that is not a mapping",
            "kubectl prints an error of Go's JSON package",
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
        same("only the first of several documents is read", "Bearer one")
            .file(
                "one",
                format!(
                    "---\n{}---\n{}",
                    with_token("a", "one"),
                    with_token("b", "two")
                ),
            )
            .variable("KUBECONFIG", "one"),
        same("the last value of a repeated key wins", "Bearer two").user("token: one, token: two"),
        departs(
            "a repeated name is an error",
            "kubectl prints the whole list with its secrets",
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
            "kubectl adds a position in its source",
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
        same("a byte order mark and Windows line ends", "Bearer one")
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
            "misplaced fields of a context are ignored",
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
            "a number instead of a string",
            "we do not print the value, which may be a token",
            "cannot unmarshal number into Go struct field AuthInfo.users.user.token \
             of type string",
            "error: error loading config file \"config\": user \"c\": token is of \
             the wrong type",
        )
        .user("token: 12345"),
        same(
            "empty strings are ignored",
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
            "nulls are ignored",
            "$PORT/probe; authorization: Basic bmFtZTp3b3Jk",
        )
        .with(
            &format!("{SERVER}, certificate-authority-data: null, tls-server-name:"),
            "username: name, password: word, token: null, client-certificate: ~, exec: null, \
             auth-provider:, as:, as-groups: null",
        ),
        same("YAML 1.1 words for true", "sent https")
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
        same("`..` is resolved before links are", "Bearer one")
            .file(
                "a/b/one",
                with_token("a", "one").replace("ca.crt", "../ca.crt"),
            )
            .file("link", "-> a/b")
            .flags(["--kubeconfig", "link/one"]),
        same(
            "paths in a linked kubeconfig are relative to the link",
            "Bearer one",
        )
        .file("a/one", with_token("a", "one"))
        .file("link", "-> a/one")
        .flags(["--kubeconfig", "link"]),
    ]
}
