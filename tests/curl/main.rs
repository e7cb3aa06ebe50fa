//! Checks that bash runs the command that `--curl` prints, and that the server then gets the same request as from
//! `kubectl rawpatch` itself.
//!
//! Every secret of these tests is a key or contains `hunter2`. `--curl` must neither connect nor run an exec
//! plugin. The command, and the arguments of the programs that it starts, must contain no secret.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane::{ControlPlane, Tool};
use faulty_server::{Answer, FaultyServer, Reply, Request};
use recording_proxy::{Protocol, RecordingProxy};
use serde_json::{Value, json};
use support::{Outcome, admin, mount_namespace, write_program};
use tempfile::TempDir;

const OURS: &str = env!("CARGO_BIN_EXE_kubectl-rawpatch");
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// An object without secrets.
const OBJECT: &str = "/api/v1/namespaces/default/configmaps/c";
const SECRET: &str = "/api/v1/namespaces/default/secrets/s";
const PATCH: [&str; 4] = [
    "--type=merge",
    "-p",
    r#"{"data":{"a":"it's $(id) `id`"}}"#,
    OBJECT,
];

/// A token that expires in the year 2100, `{"exp":4102444800}`, signed with `hunter2`.
const JWT: &str = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.hunter2";

/// A name with every character that is special in a shell.
const ODD_NAME: &str = r#"it's "odd" \ $(id) ])"#;

/// Programs that the commands start. Every user of a machine can see their arguments.
const PROGRAMS: [&str; 5] = ["curl", "kubectl", "base64", "sed", "tr"];

/// An exec plugin that logs its input to `plugin-runs`, and prints the file `answer`.
const PLUGIN: &str = r#"#!/bin/sh
cd "${0%/*}"
echo "$GREETING $* $KUBERNETES_EXEC_INFO" >>plugin-runs
cat answer
"#;

#[test]
fn a_client_certificate_in_files_is_used() -> Result<()> {
    let fixture = Fixture::new()?;
    let identity = fixture.server.pki.client("alice")?;
    fixture.write("a:b.crt", &identity.certificate)?;
    fixture.write("the key", &identity.key)?;
    let sent = fixture
        .user("client-certificate: 'a:b.crt', client-key: the key")
        .both(&PATCH)?;
    assert_eq!(sent.client_certificate, Some(identity.der));
    Ok(())
}

#[test]
fn certificates_in_the_kubeconfig_are_used() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let identity = fixture.server.pki.client("alice")?;
    let authority = STANDARD.encode(fixture.server.pki.certificate_authority());
    fixture.cluster = format!(
        "server: '{}', certificate-authority-data: {authority}",
        fixture.server.url()
    );
    fixture.secrets.push(STANDARD.encode(&identity.key));
    let user = format!(
        "client-certificate-data: {}, client-key-data: {}",
        STANDARD.encode(&identity.certificate),
        STANDARD.encode(&identity.key)
    );
    let sent = fixture.user(&user).both(&PATCH)?;
    assert_eq!(sent.client_certificate, Some(identity.der));
    Ok(())
}

#[test]
fn a_token_in_the_kubeconfig_is_sent() -> Result<()> {
    let sent = Fixture::new()?.user("token: hunter2").both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

#[test]
fn a_token_in_a_file_is_sent() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.write("token", " hunter2\r\n")?;
    let sent = fixture
        .user("tokenFile: token, token: other-hunter2")
        .both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

#[test]
fn a_token_flag_becomes_a_variable() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.flags.push("--token=hunter2".to_owned());
    fixture.set(&[("TOKEN", "hunter2")]);
    let fixture = fixture.user("token: of-the-kubeconfig-hunter2");
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    assert!(
        fixture
            .printed(&PATCH)?
            .starts_with("# set TOKEN first: the value of --token\n")
    );
    Ok(())
}

#[test]
fn a_password_is_sent() -> Result<()> {
    let mut fixture = Fixture::new()?.user("username: alice, password: 'hunter2 \\ \"%'");
    let sent = fixture.both(&PATCH)?;
    assert_eq!(
        sent.header("authorization"),
        [format!("Basic {}", STANDARD.encode("alice:hunter2 \\ \"%"))]
    );
    fixture.flags = ["--username=al", "--password=other-hunter2"]
        .map(str::to_owned)
        .to_vec();
    fixture.set(&[("PASSWORD", "other-hunter2")]);
    let sent = fixture.both(&PATCH)?;
    assert_eq!(
        sent.header("authorization"),
        [format!("Basic {}", STANDARD.encode("al:other-hunter2"))]
    );
    Ok(())
}

#[test]
fn an_id_token_is_sent() -> Result<()> {
    let config = format!("idp-issuer-url: https://i, client-id: c, id-token: {JWT}");
    let user = format!("auth-provider: {{name: oidc, config: {{{config}}}}}");
    let sent = Fixture::new()?.user(&user).both(&PATCH)?;
    assert_eq!(sent.header("authorization"), [format!("Bearer {JWT}")]);
    Ok(())
}

/// Names of users, clusters, files and folders can contain any character.
#[test]
fn names_with_special_characters_are_quoted() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.name = ODD_NAME.to_owned();
    let folder = fixture.folder.path().join(ODD_NAME.replace('/', ""));
    fs::create_dir(&folder)?;
    let kubeconfig = folder.join("it's");
    fixture.write_kubeconfig(&kubeconfig)?;
    fixture.flags = vec![format!("--kubeconfig={}", kubeconfig.display())];
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

/// The plugin gets the same input as from rawpatch.
#[test]
fn an_exec_plugin_runs_only_when_bash_runs_the_command() -> Result<()> {
    let fixture = Fixture::new()?.plugin(&json!({"token": "hunter2"}))?;
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    let runs = fs::read_to_string(fixture.folder.path().join("plugin-runs"))?;
    let (ours, curls) = runs.trim_end().split_once('\n').context("two runs")?;
    assert_eq!(ours, curls);
    assert!(
        ours.starts_with("hunter2 $(id) --client-secret hunter2 --password=hunter2 {"),
        "{ours}"
    );
    assert!(ours.contains("\"certificate-authority-data\""));
    Ok(())
}

/// The plugin gets the URL of the proxy with its password, which the command does not contain.
#[test]
fn an_exec_plugin_gets_the_password_of_the_proxy() -> Result<()> {
    let mut fixture = Fixture::new()?.plugin(&json!({"token": "hunter2"}))?;
    let proxy = fixture.proxy("http", Some(("a", "hunter2")))?;
    let url = format!("http://a:hunter2@{}", proxy.address());
    fixture.cluster = format!("{}, proxy-url: '{url}'", fixture.cluster);
    fixture.both(&PATCH)?;
    let runs = fs::read_to_string(fixture.folder.path().join("plugin-runs"))?;
    let (ours, curls) = runs.trim_end().split_once('\n').context("two runs")?;
    assert_eq!(ours, curls);
    assert!(ours.contains(&format!("\"proxy-url\":\"{url}\"")), "{ours}");
    Ok(())
}

#[test]
fn an_exec_plugins_certificate_is_used() -> Result<()> {
    let fixture = Fixture::new()?;
    let identity = fixture.server.pki.client("alice")?;
    let fixture = fixture.plugin(&json!({
        "clientCertificateData": identity.certificate,
        "clientKeyData": identity.key,
    }))?;
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.client_certificate, Some(identity.der));
    assert!(sent.header("authorization").is_empty());
    Ok(())
}

#[test]
fn the_account_of_a_pod_is_used() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let pod = fixture.folder.path().join("pod");
    fs::create_dir(&pod)?;
    fixture.write("pod/token", "hunter2\n")?;
    fixture.write("pod/ca.crt", &fixture.server.pki.certificate_authority())?;
    let port = fixture.server.address().port().to_string();
    fixture.environment = vec![
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned()),
        ("KUBERNETES_SERVICE_PORT", port),
        ("KUBECONFIG", String::new()),
    ];
    fixture.pod = Some(pod);
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

#[test]
fn impersonation_headers_are_sent() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.flags = [
        "--as=it's me",
        "--as-uid=5",
        "--as-group=a",
        "--as-group=b c",
        "--as-user-extra=example.com/Reason=x",
        "--as-user-extra=api-key=hunter2",
    ]
    .map(str::to_owned)
    .to_vec();
    fixture.set(&[("IMPERSONATE_EXTRA_API_KEY", "hunter2")]);
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.header("impersonate-group"), ["a", "b c"]);
    assert_eq!(sent.header("impersonate-extra-example.com%2freason"), ["x"]);
    assert_eq!(sent.header("impersonate-extra-api-key"), ["hunter2"]);
    Ok(())
}

#[test]
fn a_proxy_in_the_kubeconfig_gets_its_password() -> Result<()> {
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let mut fixture = Fixture::new()?;
        let proxy = fixture.proxy(scheme, Some(("a@b", "hunter2:\"\\")))?;
        let url = format!("{scheme}://a%40b:hunter2%3A%22%5C@{}", proxy.address());
        fixture.cluster = format!("{}, proxy-url: '{url}'", fixture.cluster);
        fixture.both(&PATCH)?;
        assert_asked_twice(&proxy, "as a@b:hunter2:\"\\");
    }
    Ok(())
}

#[test]
fn a_proxy_in_a_flag_or_in_the_environment_is_used() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let proxy = fixture.proxy("http", None)?;
    // Without a `:` the password is empty, and curl does not prompt for it.
    let url = format!("http://hunter2@{}", proxy.address());
    fixture.flags = vec![format!("--proxy-url={url}")];
    fixture.set(&[("PROXY_URL", &url)]);
    // The flag takes precedence over the environment.
    fixture
        .environment
        .push(("NO_PROXY", "127.0.0.1".to_owned()));
    fixture.both(&PATCH)?;
    assert_asked_twice(&proxy, "as hunter2:");

    // 0.0.0.0 reaches this machine, but is not among the addresses that need no proxy.
    let mut fixture = Fixture::new()?;
    let proxy = fixture.proxy("socks5", Some(("a", "hunter2")))?;
    fixture.cluster =
        fixture.cluster.replace("127.0.0.1", "0.0.0.0") + ", tls-server-name: 127.0.0.1";
    let url = format!("socks5://a:hunter2@{}", proxy.address());
    fixture.environment.push(("https_proxy", url));
    fixture.both(&PATCH)?;
    assert_asked_twice(&proxy, "as a:hunter2");
    Ok(())
}

/// Go uses no proxy for a loopback address, and curl does.
#[test]
fn a_loopback_address_needs_no_proxy() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture
        .environment
        .push(("HTTPS_PROXY", "http://127.0.0.1:1".to_owned()));
    fixture.both(&PATCH)?;
    Ok(())
}

#[test]
fn tls_server_name_is_applied() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.cluster = format!("{}, tls-server-name: other.example", fixture.cluster);
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.server_name.as_deref(), Some("other.example"));
    assert_eq!(sent.header("host"), [fixture.server.address().to_string()]);

    let proxy = fixture.proxy("http", None)?;
    fixture.cluster = format!(
        "{}, proxy-url: 'http://{}'",
        fixture.cluster,
        proxy.address()
    );
    fixture.both(&PATCH)?;
    assert_asked_twice(&proxy, &format!("CONNECT {}", fixture.server.address()));

    fixture.cluster = fixture.cluster.replace("http://", "https://");
    let outcome = fixture.ours(&[&["--curl"], PATCH.as_slice()].concat())?;
    let outcome = outcome.ended(2);
    assert!(
        outcome
            .stderr
            .starts_with("error: --curl does not support tls-server-name with an https proxy")
    );
    Ok(())
}

#[test]
fn insecure_skip_tls_verify_is_applied() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.cluster = format!(
        "server: '{}', insecure-skip-tls-verify: true",
        fixture.server.url()
    );
    fixture.both(&PATCH)?;
    Ok(())
}

#[test]
fn no_credential_is_sent_over_plain_http() -> Result<()> {
    let mut fixture = Fixture::of(FaultyServer::start_plain(answer())?)?;
    fixture.cluster = format!("server: '{}/base'", fixture.server.url());
    fixture.flags = vec!["--as=me".to_owned()];
    let sent = fixture.both(&PATCH)?;
    assert!(sent.header("authorization").is_empty());
    assert_eq!(sent.header("impersonate-user"), ["me"]);
    Ok(())
}

/// curl neither normalizes the path nor expands globs.
#[test]
fn paths_are_sent_unchanged() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.cluster =
        fixture
            .cluster
            .replacen("', certificate", "/k8s/clusters/c-1/', certificate", 1);
    let path = "/api/v1/namespaces/default/services/s/proxy/a%2Fb/../{c,d}/[1-3]?x=it's&y={}";
    let sent = fixture.both(&["--verbatim", "--type=merge", "-p", "", path])?;
    assert_eq!(sent.target, format!("/k8s/clusters/c-1{path}"));

    let path = "/api/v1/namespaces/default/services/s/proxy/x?access_token=hunter2\\";
    let url = format!("{}/k8s/clusters/c-1{path}", fixture.server.url());
    fixture.set(&[("URL", &url)]);
    fixture.both(&["--verbatim", "--type=merge", "-p", "{}", path])?;
    Ok(())
}

#[test]
fn headers_of_the_user_are_sent() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.flags = [
        "-HX-Reason: it's \"$HOME\"",
        "-HX-Empty:",
        "-HX-Auth-Token: hunter2",
        "-HX-Auth-Token: other-hunter2",
        "-HUser-Agent: me",
        "--request-timeout=1m",
    ]
    .map(str::to_owned)
    .to_vec();
    fixture.set(&[
        ("X_AUTH_TOKEN", "hunter2"),
        ("_X_AUTH_TOKEN", "other-hunter2"),
    ]);
    let sent = fixture.both(&PATCH)?;
    assert_eq!(sent.header("x-auth-token"), ["hunter2", "other-hunter2"]);
    assert_eq!(sent.header("x-empty"), [""]);
    assert_eq!(sent.header("user-agent"), ["me"]);
    assert!(sent.target.contains("?timeout=1m0s&"), "{}", sent.target);
    assert!(fixture.printed(&PATCH)?.contains("--max-time 60 "));
    Ok(())
}

/// A body that is too long for an argument is piped, and a file is named.
#[test]
fn a_body_of_any_size_is_sent_unchanged() -> Result<()> {
    let fixture = Fixture::new()?;
    let long = format!("{{\"data\":{{\"a\":\"{}\"}}}}\n", "é%s\\\\n".repeat(30_000));
    fixture.write("patch.json", &long)?;
    let arguments = ["--type=merge", "-f", "patch.json", OBJECT];
    assert_eq!(fixture.both(&arguments)?.body, long.as_bytes());
    assert!(
        fixture
            .printed(&arguments)?
            .contains("--data-binary @patch.json ")
    );

    fixture.write(
        "patch.yaml",
        &format!("data: {{a: '{}'}}", "é%s\\\\n".repeat(30_000)),
    )?;
    let guarded = [
        "--type=merge",
        "-f",
        "patch.yaml",
        "--if-resource-version=5",
        OBJECT,
    ];
    let sent = fixture.both(&guarded)?;
    let body: Value = serde_json::from_slice(&sent.body)?;
    assert_eq!(body["metadata"]["resourceVersion"], "5");
    Ok(())
}

/// Apply with `--if-resource-version` needs more than one request.
#[test]
fn apply_with_a_resource_version_is_refused() -> Result<()> {
    let fixture = Fixture::new()?;
    let patch = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#;
    let outcome = fixture.ours(&[
        "--curl",
        "--type=apply",
        "--if-resource-version=5",
        "-p",
        patch,
        OBJECT,
    ])?;
    let outcome = outcome.ended(2);
    assert_eq!(
        outcome.stderr,
        "error: --curl does not support --if-resource-version with --type apply: this combination reads the object first\n\
         hint: remove --if-resource-version, and put the object's metadata.uid and \
         metadata.resourceVersion into the patch\n"
    );
    assert_eq!(outcome.stdout, "");
    assert_eq!(fixture.server.connections(), 0);
    Ok(())
}

#[test]
fn a_secrets_body_is_not_printed() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let body = "{\"data\":{\"a\":\"aHVudGVyMg==\"}}";
    fixture.write("secret.json", body)?;
    assert_eq!(
        fixture
            .both(&["--type=merge", "-f", "secret.json", SECRET])?
            .body,
        body.as_bytes()
    );

    fixture.set(&[("PATCH", body)]);
    fixture.both(&["--type=merge", "-p", body, SECRET])?;

    let guarded = "{\"metadata\":{\"resourceVersion\":\"5\"},\"data\":{\"a\":\"aHVudGVyMg==\"}}";
    fixture.set(&[("PATCH", guarded)]);
    fixture.both(&[
        "--type=merge",
        "-p",
        guarded,
        "--if-resource-version=5",
        SECRET,
    ])?;

    fixture.to_set.clear();
    fixture.stdin = Some("secret.json");
    let sent = fixture.both(&["--type=merge", "-f", "-", SECRET])?;
    assert_eq!(sent.body, body.as_bytes());
    Ok(())
}

#[test]
fn invalid_input_is_reported_and_nothing_is_printed() -> Result<()> {
    let fixture = Fixture::new()?;
    let outcome = fixture.ours(&["--curl", "--type=merge", "-p", "{", OBJECT])?;
    assert_eq!(outcome.ended(2).stdout, "");
    Ok(())
}

#[test]
fn the_printed_command_patches_a_real_server() -> Result<()> {
    let control_plane = ControlPlane::shared();
    control_plane.create(
        "/api/v1/namespaces/default/configmaps",
        &json!({"metadata": {"name": "by-curl"}, "data": {"b": "c"}}),
    )?;
    let path = "/api/v1/namespaces/default/configmaps/by-curl";
    let mut fixture = Fixture::new()?;
    fixture.environment = vec![("KUBECONFIG", admin().to_string_lossy().into_owned())];
    let text = fixture.printed(&["--type=merge", "-p", "{\"data\":{\"a\":\"b\"}}", path])?;
    fixture.bash(&text)?.succeeded();
    let (_, body) = control_plane.request("GET", path, None)?;
    let object: Value = serde_json::from_str(&body)?;
    assert_eq!(object["data"]["a"], "b");
    let fields = object["metadata"]["managedFields"].to_string();
    assert!(fields.contains("kubectl-rawpatch"), "{fields}");
    // A refusal becomes curl's exit code, and the response is still printed.
    let missing = fixture.printed(&[
        "--type=merge",
        "-p",
        "{\"data\":{}}",
        &format!("{path}-none"),
    ])?;
    let outcome = fixture.bash(&missing)?.ended(22);
    assert!(outcome.stdout.contains("\"reason\":\"NotFound\""));
    Ok(())
}

/// Returns a script that answers every request with success.
fn answer() -> [Answer; 1] {
    [Answer::Reply(Reply::success())]
}

/// Checks that a proxy got the same request from rawpatch and from curl.
#[track_caller]
fn assert_asked_twice(proxy: &RecordingProxy, part: &str) {
    let asked = proxy.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[0], asked[1]);
    assert!(asked[0].contains(part), "{asked:?}");
}

/// A server, with the kubeconfig, variables and flags of the commands.
struct Fixture {
    server: FaultyServer,
    folder: TempDir,
    /// The fields of the cluster and the user in the kubeconfig.
    cluster: String,
    user: String,
    /// The name of the cluster and the user.
    name: String,
    flags: Vec<String>,
    environment: Vec<(&'static str, String)>,
    /// The variables that the user has to set before running the command.
    to_set: Vec<(&'static str, String)>,
    /// The file on stdin.
    stdin: Option<&'static str>,
    /// The folder with the account of a Pod.
    pod: Option<PathBuf>,
    /// Texts that the command must not contain.
    secrets: Vec<String>,
}

impl Fixture {
    fn new() -> Result<Self> {
        Self::of(FaultyServer::start(answer())?)
    }

    /// Returns a fixture for a server.
    fn of(server: FaultyServer) -> Result<Self> {
        let fixture = Self {
            folder: TempDir::new()?,
            cluster: format!("server: '{}', certificate-authority: ca.crt", server.url()),
            user: "token: hunter2".to_owned(),
            name: "faulty".to_owned(),
            flags: Vec::new(),
            environment: Vec::new(),
            to_set: Vec::new(),
            stdin: None,
            pod: None,
            secrets: vec!["hunter2".to_owned(), "aHVudGVyMg".to_owned()],
            server,
        };
        fixture.write("ca.crt", &fixture.server.pki.certificate_authority())?;
        fs::create_dir(fixture.folder.path().join("programs"))?;
        for name in PROGRAMS {
            let program = match name {
                "kubectl" => Tool::Kubectl.path()?,
                name => installed(name)?,
            };
            let recorder = format!(
                "#!/bin/sh\nprintf '%s\\n' {name} \"$@\" >>\"$ARGUMENTS\"\nexec '{}' \"$@\"\n",
                program.display()
            );
            write_program(&fixture.file(&format!("programs/{name}")), &recorder);
        }
        Ok(fixture)
    }

    /// Sets the variables that the user has to set.
    fn set(&mut self, variables: &[(&'static str, &str)]) {
        let variables = variables.iter();
        self.to_set = variables
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
    }

    /// Replaces the fields of the user.
    fn user(mut self, fields: &str) -> Self {
        fields.clone_into(&mut self.user);
        self
    }

    /// Gives the user an exec plugin that responds with `status`.
    fn plugin(self, status: &Value) -> Result<Self> {
        write_program(&self.file("plugin"), PLUGIN);
        let answer = json!({
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1",
            "status": status,
        });
        self.write("answer", &serde_json::to_string_pretty(&answer)?)?;
        Ok(self.user(
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, \
             interactiveMode: IfAvailable, provideClusterInfo: true, \
             env: [{name: GREETING, value: 'hunter2 $(id)'}], \
             args: [--client-secret, hunter2, --password=hunter2]}",
        ))
    }

    /// Starts a proxy that requires a user name and a password, if any.
    fn proxy(&self, scheme: &str, credential: Option<(&str, &str)>) -> Result<RecordingProxy> {
        let protocol = match scheme {
            "http" => Protocol::Http,
            "https" => Protocol::Https(Box::new(self.server.pki.server_config()?)),
            _ => Protocol::Socks5,
        };
        RecordingProxy::start(protocol, credential)
    }

    /// Returns the path of a file in the folder.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.file(name), text)?;
        Ok(())
    }

    fn write_kubeconfig(&self, path: &Path) -> Result<()> {
        let name = serde_json::to_string(&self.name)?;
        let authority = self.folder.path().join("ca.crt");
        let cluster = self
            .cluster
            .replace(": ca.crt", &format!(": {}", authority.display()));
        let text = format!(
            "current-context: c\n\
             contexts: [{{name: c, context: {{cluster: {name}, user: {name}}}}}]\n\
             clusters: [{{name: {name}, cluster: {{{cluster}}}}}]\n\
             users: [{{name: {name}, user: {{{}}}}}]\n",
            self.user
        );
        fs::write(path, text)?;
        Ok(())
    }

    /// Returns a program with the kubeconfig and the variables.
    fn command(&self, program: &Path) -> Result<Command> {
        let folder = self.folder.path();
        let kubeconfig = folder.join("kubeconfig");
        self.write_kubeconfig(&kubeconfig)?;
        let mut command = if let Some(pod) = &self.pod {
            let mut command = mount_namespace::in_pod(pod);
            command.arg(program);
            command
        } else {
            let mut command = Command::new(program);
            command.env_clear();
            command
        };
        let stdin = match self.stdin {
            Some(file) => Stdio::from(fs::File::open(folder.join(file))?),
            None => Stdio::null(),
        };
        command
            .current_dir(folder)
            .env("HOME", folder)
            .env("PATH", PATH)
            .env("KUBECONFIG", kubeconfig)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(stdin);
        Ok(command)
    }

    /// Runs rawpatch.
    fn ours(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.command(Path::new(OURS))?;
        Ok(command.args(&self.flags).args(arguments).output()?.into())
    }

    /// Returns the output of `--curl`. Checks that it neither connects nor runs the plugin.
    fn printed(&self, arguments: &[&str]) -> Result<String> {
        let runs = self.folder.path().join("plugin-runs");
        let before = (self.server.connections(), fs::read(&runs).ok());
        let text = self.ours(&[&["--curl"], arguments].concat())?;
        let text = text.succeeded().stdout;
        let after = (self.server.connections(), fs::read(&runs).ok());
        assert_eq!(
            before, after,
            "--curl connected to the server, or ran the plugin"
        );
        self.assert_no_secret(&text);
        Ok(text)
    }

    /// Runs a text with bash. Checks that the arguments of the programs contain no secret.
    fn bash(&self, text: &str) -> Result<Outcome> {
        let arguments = self.folder.path().join("arguments");
        let programs = self.folder.path().join("programs");
        let mut command = self.command(&installed("bash")?)?;
        let script = self.folder.path().join("script");
        fs::write(&script, text)?;
        let output = command
            .arg(script)
            .env("PATH", format!("{}:{PATH}", programs.display()))
            .env("ARGUMENTS", &arguments)
            .envs(self.to_set.iter().map(|(name, value)| (name, value)))
            .output()?;
        let seen = fs::read_to_string(&arguments)?;
        assert!(seen.contains("curl\n--disable\n"), "{seen}");
        self.assert_no_secret(&seen);
        Ok(output.into())
    }

    #[track_caller]
    fn assert_no_secret(&self, text: &str) {
        for secret in &self.secrets {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
    }

    /// Sends a patch with `kubectl rawpatch` and with curl. Checks that both requests are equal, and returns the
    /// first.
    fn both(&self, arguments: &[&str]) -> Result<Request> {
        let last = || self.server.requests().pop().context("no request");
        let before = self.server.requests().len();
        let response = self.ours(arguments)?.succeeded().stdout;
        let ours = last()?;
        let text = self.printed(arguments)?;
        let outcome = self.bash(&text)?;
        assert_eq!(outcome.code, Some(0), "{outcome:#?}\n{text}");
        assert_eq!(outcome.stdout, response);
        assert_eq!(outcome.stderr, "");
        assert_eq!(self.server.requests().len(), before + 2);
        let curls = last()?;
        assert_eq!(described(&ours), described(&curls), "{text}");
        Ok(ours)
    }
}

/// Returns the parts of a request that do not differ from run to run.
fn described(request: &Request) -> String {
    let mut headers = request.headers.clone();
    headers.sort();
    format!(
        "{} {} to {:?}, with certificate {:?}\n{headers:#?}\n{}",
        request.method,
        request.target,
        request.server_name,
        request.client_certificate,
        String::from_utf8_lossy(&request.body),
    )
}

/// Returns the path of a program that these tests need.
fn installed(name: &str) -> Result<PathBuf> {
    env::split_paths(PATH)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not installed: these tests run what --curl prints"))
}
