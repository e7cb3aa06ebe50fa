//! `--curl`: bash runs what is printed, and the server gets what `kubectl rawpatch` sends itself.
//!
//! Every secret of these tests has `hunter2` in it, or is a key. While the commands are printed
//! nothing is connected to and no plugin runs; afterwards neither they nor the arguments of any
//! program that they start hold a secret.

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

/// An object that is nobody's secret.
const OBJECT: &str = "/api/v1/namespaces/default/configmaps/c";
const SECRET: &str = "/api/v1/namespaces/default/secrets/s";
const PATCH: [&str; 4] = [
    "--type=merge",
    "-p",
    r#"{"data":{"a":"it's $(id) `id`"}}"#,
    OBJECT,
];

/// A token that ends in the year 2100, `{"exp":4102444800}`, signed with `hunter2`.
const JWT: &str = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.hunter2";

/// A name that no quotes are enough for.
const ODD_NAME: &str = r#"it's "odd" \ $(id) ])"#;

/// Programs that the commands start; their arguments are seen by everybody on the machine.
const PROGRAMS: [&str; 5] = ["curl", "kubectl", "base64", "sed", "tr"];

/// Notes that it runs, and what it got from its kubeconfig, and answers with the file `answer`.
const PLUGIN: &str = r#"#!/bin/sh
cd "${0%/*}"
echo "$GREETING $* $KUBERNETES_EXEC_INFO" >>plugin-runs
cat answer
"#;

#[test]
fn a_client_certificate_in_files() -> Result<()> {
    let bench = Bench::new()?;
    let identity = bench.server.pki.client("alice")?;
    bench.write("a:b.crt", &identity.certificate)?;
    bench.write("the key", &identity.key)?;
    let sent = bench
        .user("client-certificate: 'a:b.crt', client-key: the key")
        .both(&PATCH)?;
    assert_eq!(sent.client_certificate, Some(identity.der));
    Ok(())
}

#[test]
fn certificates_in_the_kubeconfig() -> Result<()> {
    let mut bench = Bench::new()?;
    let identity = bench.server.pki.client("alice")?;
    let authority = STANDARD.encode(bench.server.pki.certificate_authority());
    bench.cluster = format!(
        "server: '{}', certificate-authority-data: {authority}",
        bench.server.url()
    );
    bench.secrets.push(STANDARD.encode(&identity.key));
    let user = format!(
        "client-certificate-data: {}, client-key-data: {}",
        STANDARD.encode(&identity.certificate),
        STANDARD.encode(&identity.key)
    );
    let sent = bench.user(&user).both(&PATCH)?;
    assert_eq!(sent.client_certificate, Some(identity.der));
    Ok(())
}

#[test]
fn a_token_of_the_kubeconfig() -> Result<()> {
    let sent = Bench::new()?.user("token: hunter2").both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

#[test]
fn a_token_of_a_file() -> Result<()> {
    let bench = Bench::new()?;
    bench.write("token", " hunter2\r\n")?;
    let sent = bench
        .user("tokenFile: token, token: other-hunter2")
        .both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

#[test]
fn a_token_of_a_flag() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.flags.push("--token=hunter2".to_owned());
    bench.set(&[("TOKEN", "hunter2")]);
    let bench = bench.user("token: of-the-kubeconfig-hunter2");
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    assert!(
        bench
            .printed(&PATCH)?
            .starts_with("# set TOKEN first: the value of --token\n")
    );
    Ok(())
}

#[test]
fn a_password() -> Result<()> {
    let mut bench = Bench::new()?.user("username: alice, password: 'hunter2 \\ \"%'");
    let sent = bench.both(&PATCH)?;
    assert_eq!(
        sent.header("authorization"),
        [format!("Basic {}", STANDARD.encode("alice:hunter2 \\ \"%"))]
    );
    bench.flags = ["--username=al", "--password=other-hunter2"]
        .map(str::to_owned)
        .to_vec();
    bench.set(&[("PASSWORD", "other-hunter2")]);
    let sent = bench.both(&PATCH)?;
    assert_eq!(
        sent.header("authorization"),
        [format!("Basic {}", STANDARD.encode("al:other-hunter2"))]
    );
    Ok(())
}

#[test]
fn an_id_token() -> Result<()> {
    let config = format!("idp-issuer-url: https://i, client-id: c, id-token: {JWT}");
    let user = format!("auth-provider: {{name: oidc, config: {{{config}}}}}");
    let sent = Bench::new()?.user(&user).both(&PATCH)?;
    assert_eq!(sent.header("authorization"), [format!("Bearer {JWT}")]);
    Ok(())
}

/// Names of users and clusters, files and folders may be anything.
#[test]
fn names_that_need_quotes() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.name = ODD_NAME.to_owned();
    let folder = bench.folder.path().join(ODD_NAME.replace('/', ""));
    fs::create_dir(&folder)?;
    let kubeconfig = folder.join("it's");
    bench.write_kubeconfig(&kubeconfig)?;
    bench.flags = vec![format!("--kubeconfig={}", kubeconfig.display())];
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

/// The plugin's run gets what it gets from us, once, and only when bash runs.
#[test]
fn an_exec_plugins_token() -> Result<()> {
    let bench = Bench::new()?.plugin(&json!({"token": "hunter2"}))?;
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    let runs = fs::read_to_string(bench.folder.path().join("plugin-runs"))?;
    let (ours, curls) = runs.trim_end().split_once('\n').context("two runs")?;
    assert_eq!(ours, curls);
    assert!(
        ours.starts_with("hunter2 $(id) --client-secret hunter2 --password=hunter2 {"),
        "{ours}"
    );
    assert!(ours.contains("\"certificate-authority-data\""));
    Ok(())
}

/// The plugin is told of the proxy, whose password is in no text.
#[test]
fn an_exec_plugin_behind_a_proxy_with_a_password() -> Result<()> {
    let mut bench = Bench::new()?.plugin(&json!({"token": "hunter2"}))?;
    let proxy = bench.proxy("http", Some(("a", "hunter2")))?;
    let url = format!("http://a:hunter2@{}", proxy.address());
    bench.cluster = format!("{}, proxy-url: '{url}'", bench.cluster);
    bench.both(&PATCH)?;
    let runs = fs::read_to_string(bench.folder.path().join("plugin-runs"))?;
    let (ours, curls) = runs.trim_end().split_once('\n').context("two runs")?;
    assert_eq!(ours, curls);
    assert!(ours.contains(&format!("\"proxy-url\":\"{url}\"")), "{ours}");
    Ok(())
}

#[test]
fn an_exec_plugins_certificate() -> Result<()> {
    let bench = Bench::new()?;
    let identity = bench.server.pki.client("alice")?;
    let bench = bench.plugin(&json!({
        "clientCertificateData": identity.certificate,
        "clientKeyData": identity.key,
    }))?;
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.client_certificate, Some(identity.der));
    assert!(sent.header("authorization").is_empty());
    Ok(())
}

#[test]
fn the_account_of_a_pod() -> Result<()> {
    let mut bench = Bench::new()?;
    let pod = bench.folder.path().join("pod");
    fs::create_dir(&pod)?;
    bench.write("pod/token", "hunter2\n")?;
    bench.write("pod/ca.crt", &bench.server.pki.certificate_authority())?;
    let port = bench.server.address().port().to_string();
    bench.environment = vec![
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned()),
        ("KUBERNETES_SERVICE_PORT", port),
        ("KUBECONFIG", "/none".to_owned()),
    ];
    bench.pod = Some(pod);
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.header("authorization"), ["Bearer hunter2"]);
    Ok(())
}

#[test]
fn an_impersonation() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.flags = [
        "--as=it's me",
        "--as-uid=5",
        "--as-group=a",
        "--as-group=b c",
        "--as-user-extra=example.com/Reason=x",
        "--as-user-extra=api-key=hunter2",
    ]
    .map(str::to_owned)
    .to_vec();
    bench.set(&[("IMPERSONATE_EXTRA_API_KEY", "hunter2")]);
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.header("impersonate-group"), ["a", "b c"]);
    assert_eq!(sent.header("impersonate-extra-example.com%2freason"), ["x"]);
    assert_eq!(sent.header("impersonate-extra-api-key"), ["hunter2"]);
    Ok(())
}

#[test]
fn a_proxy_of_the_kubeconfig_with_a_password() -> Result<()> {
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let mut bench = Bench::new()?;
        let proxy = bench.proxy(scheme, Some(("a@b", "hunter2:\"\\")))?;
        let url = format!("{scheme}://a%40b:hunter2%3A%22%5C@{}", proxy.address());
        bench.cluster = format!("{}, proxy-url: '{url}'", bench.cluster);
        bench.both(&PATCH)?;
        assert_asked_twice(&proxy, "as a@b:hunter2:\"\\");
    }
    Ok(())
}

#[test]
fn a_proxy_of_a_flag_and_of_the_environment() -> Result<()> {
    let mut bench = Bench::new()?;
    let proxy = bench.proxy("http", None)?;
    // The one without a `:` has an empty password, and curl does not ask for one.
    let url = format!("http://hunter2@{}", proxy.address());
    bench.flags = vec![format!("--proxy-url={url}")];
    bench.set(&[("PROXY_URL", &url)]);
    // These are for others.
    bench.environment.push(("NO_PROXY", "127.0.0.1".to_owned()));
    bench.both(&PATCH)?;
    assert_asked_twice(&proxy, "as hunter2:");

    // 0.0.0.0 is this machine too, but none of the addresses that need no proxy.
    let mut bench = Bench::new()?;
    let proxy = bench.proxy("socks5", Some(("a", "hunter2")))?;
    bench.cluster = bench.cluster.replace("127.0.0.1", "0.0.0.0") + ", tls-server-name: 127.0.0.1";
    let url = format!("socks5://a:hunter2@{}", proxy.address());
    bench.environment.push(("https_proxy", url));
    bench.both(&PATCH)?;
    assert_asked_twice(&proxy, "as a:hunter2");
    Ok(())
}

/// By Go's rules there is none for this machine; by curl's there would be.
#[test]
fn no_proxy() -> Result<()> {
    let mut bench = Bench::new()?;
    bench
        .environment
        .push(("HTTPS_PROXY", "http://127.0.0.1:1".to_owned()));
    bench.both(&PATCH)?;
    Ok(())
}

#[test]
fn another_name_in_the_certificate() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.cluster = format!("{}, tls-server-name: other.example", bench.cluster);
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.server_name.as_deref(), Some("other.example"));
    assert_eq!(sent.header("host"), [bench.server.address().to_string()]);

    let proxy = bench.proxy("http", None)?;
    bench.cluster = format!("{}, proxy-url: 'http://{}'", bench.cluster, proxy.address());
    bench.both(&PATCH)?;
    assert_asked_twice(&proxy, &format!("CONNECT {}", bench.server.address()));

    bench.cluster = bench.cluster.replace("http://", "https://");
    let outcome = bench.ours(&[&["--curl"], PATCH.as_slice()].concat())?;
    let outcome = outcome.ended(2);
    assert!(
        outcome
            .stderr
            .starts_with("error: --curl: with tls-server-name")
    );
    Ok(())
}

#[test]
fn a_certificate_that_nobody_checks() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.cluster = format!(
        "server: '{}', insecure-skip-tls-verify: true",
        bench.server.url()
    );
    bench.both(&PATCH)?;
    Ok(())
}

/// No credential goes over plain http.
#[test]
fn a_plain_server() -> Result<()> {
    let mut bench = Bench::of(FaultyServer::start_plain(answer())?)?;
    bench.cluster = format!("server: '{}/base'", bench.server.url());
    bench.flags = vec!["--as=me".to_owned()];
    let sent = bench.both(&PATCH)?;
    assert!(sent.header("authorization").is_empty());
    assert_eq!(sent.header("impersonate-user"), ["me"]);
    Ok(())
}

/// The URL is not cleaned, and globs and dots are what they are.
#[test]
fn a_base_path_and_an_odd_path() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.cluster = bench
        .cluster
        .replacen("', certificate", "/k8s/clusters/c-1/', certificate", 1);
    let path = "/api/v1/namespaces/default/services/s/proxy/a%2Fb/../{c,d}/[1-3]?x=it's&y={}";
    let sent = bench.both(&["--verbatim", "--type=merge", "-p", "", path])?;
    assert_eq!(sent.target, format!("/k8s/clusters/c-1{path}"));

    let path = "/api/v1/namespaces/default/services/s/proxy/x?access_token=hunter2\\";
    let url = format!("{}/k8s/clusters/c-1{path}", bench.server.url());
    bench.set(&[("URL", &url)]);
    bench.both(&["--verbatim", "--type=merge", "-p", "{}", path])?;
    Ok(())
}

#[test]
fn headers_of_the_users_own() -> Result<()> {
    let mut bench = Bench::new()?;
    bench.flags = [
        "-HX-Reason: it's \"$HOME\"",
        "-HX-Empty:",
        "-HX-Auth-Token: hunter2",
        "-HX-Auth-Token: other-hunter2",
        "-HUser-Agent: me",
        "--request-timeout=1m",
    ]
    .map(str::to_owned)
    .to_vec();
    bench.set(&[
        ("X_AUTH_TOKEN", "hunter2"),
        ("_X_AUTH_TOKEN", "other-hunter2"),
    ]);
    let sent = bench.both(&PATCH)?;
    assert_eq!(sent.header("x-auth-token"), ["hunter2", "other-hunter2"]);
    assert_eq!(sent.header("x-empty"), [""]);
    assert_eq!(sent.header("user-agent"), ["me"]);
    assert!(sent.target.contains("?timeout=1m0s&"), "{}", sent.target);
    assert!(bench.printed(&PATCH)?.contains("--max-time 60 "));
    Ok(())
}

/// A body that is longer than an argument may be goes by a pipe; a file goes by its name.
#[test]
fn a_body_of_any_kind() -> Result<()> {
    let bench = Bench::new()?;
    let long = format!("{{\"data\":{{\"a\":\"{}\"}}}}\n", "é%s\\\\n".repeat(30_000));
    bench.write("patch.json", &long)?;
    let arguments = ["--type=merge", "-f", "patch.json", OBJECT];
    assert_eq!(bench.both(&arguments)?.body, long.as_bytes());
    assert!(
        bench
            .printed(&arguments)?
            .contains("--data-binary @patch.json ")
    );

    bench.write(
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
    let sent = bench.both(&guarded)?;
    let body: Value = serde_json::from_slice(&sent.body)?;
    assert_eq!(body["metadata"]["resourceVersion"], "5");
    Ok(())
}

/// Apply with a guard is not one request.
#[test]
fn an_apply_that_must_look_first_is_refused() -> Result<()> {
    let bench = Bench::new()?;
    let patch = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#;
    let outcome = bench.ours(&[
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
        "error: --curl does not support --if-resource-version with --type apply, which reads the object \
         first\n\
         hint: remove --if-resource-version, and put the object's metadata.uid and \
         metadata.resourceVersion into the patch\n"
    );
    assert_eq!(outcome.stdout, "");
    assert_eq!(bench.server.connections(), 0);
    Ok(())
}

#[test]
fn a_secrets_body_is_not_printed() -> Result<()> {
    let mut bench = Bench::new()?;
    let body = "{\"data\":{\"a\":\"aHVudGVyMg==\"}}";
    bench.write("secret.json", body)?;
    assert_eq!(
        bench
            .both(&["--type=merge", "-f", "secret.json", SECRET])?
            .body,
        body.as_bytes()
    );

    bench.set(&[("PATCH", body)]);
    bench.both(&["--type=merge", "-p", body, SECRET])?;

    let guarded = "{\"metadata\":{\"resourceVersion\":\"5\"},\"data\":{\"a\":\"aHVudGVyMg==\"}}";
    bench.set(&[("PATCH", guarded)]);
    bench.both(&[
        "--type=merge",
        "-p",
        guarded,
        "--if-resource-version=5",
        SECRET,
    ])?;

    bench.to_set.clear();
    bench.stdin = Some("secret.json");
    let sent = bench.both(&["--type=merge", "-f", "-", SECRET])?;
    assert_eq!(sent.body, body.as_bytes());
    Ok(())
}

/// What is wrong with the input is said before anything is printed.
#[test]
fn the_input_is_checked() -> Result<()> {
    let bench = Bench::new()?;
    let outcome = bench.ours(&["--curl", "--type=merge", "-p", "{", OBJECT])?;
    assert_eq!(outcome.ended(2).stdout, "");
    Ok(())
}

#[test]
fn a_real_server_is_patched() -> Result<()> {
    let control_plane = ControlPlane::shared();
    control_plane.create(
        "/api/v1/namespaces/default/configmaps",
        &json!({"metadata": {"name": "by-curl"}, "data": {"b": "c"}}),
    )?;
    let path = "/api/v1/namespaces/default/configmaps/by-curl";
    let mut bench = Bench::new()?;
    bench.environment = vec![("KUBECONFIG", admin().to_string_lossy().into_owned())];
    let text = bench.printed(&["--type=merge", "-p", "{\"data\":{\"a\":\"b\"}}", path])?;
    bench.bash(&text)?.succeeded();
    let (_, body) = control_plane.request("GET", path, None)?;
    let object: Value = serde_json::from_str(&body)?;
    assert_eq!(object["data"]["a"], "b");
    let fields = object["metadata"]["managedFields"].to_string();
    assert!(fields.contains("kubectl-rawpatch"), "{fields}");
    // What a server refuses is curl's own exit code, and the reply is there to be read.
    let missing = bench.printed(&[
        "--type=merge",
        "-p",
        "{\"data\":{}}",
        &format!("{path}-none"),
    ])?;
    let outcome = bench.bash(&missing)?.ended(22);
    assert!(outcome.stdout.contains("\"reason\":\"NotFound\""));
    Ok(())
}

fn answer() -> [Answer; 1] {
    [Answer::Reply(Reply::json(200, "{}"))]
}

#[track_caller]
fn assert_asked_twice(proxy: &RecordingProxy, part: &str) {
    let asked = proxy.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[0], asked[1]);
    assert!(asked[0].contains(part), "{asked:?}");
}

/// A server, a kubeconfig for it, and what surrounds the commands.
struct Bench {
    server: FaultyServer,
    folder: TempDir,
    /// The fields of the kubeconfig's cluster and user.
    cluster: String,
    user: String,
    /// The name of both.
    name: String,
    flags: Vec<String>,
    environment: Vec<(&'static str, String)>,
    /// What the printed text asks the user to set.
    to_set: Vec<(&'static str, String)>,
    /// The file that is stdin.
    stdin: Option<&'static str>,
    /// The folder of a Pod's account.
    pod: Option<PathBuf>,
    /// What must not be seen, beside `hunter2`.
    secrets: Vec<String>,
}

impl Bench {
    fn new() -> Result<Self> {
        Self::of(FaultyServer::start(answer())?)
    }

    fn of(server: FaultyServer) -> Result<Self> {
        let bench = Self {
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
        bench.write("ca.crt", &bench.server.pki.certificate_authority())?;
        fs::create_dir(bench.folder.path().join("programs"))?;
        for name in PROGRAMS {
            let program = match name {
                "kubectl" => Tool::Kubectl.path()?,
                name => installed(name)?,
            };
            let recorder = format!(
                "#!/bin/sh\nprintf '%s\\n' {name} \"$@\" >>\"$ARGUMENTS\"\nexec '{}' \"$@\"\n",
                program.display()
            );
            write_program(&bench.file(&format!("programs/{name}")), &recorder);
        }
        Ok(bench)
    }

    /// Sets the variables that the printed text asks for.
    fn set(&mut self, variables: &[(&'static str, &str)]) {
        let variables = variables.iter();
        self.to_set = variables
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
    }

    fn user(mut self, fields: &str) -> Self {
        fields.clone_into(&mut self.user);
        self
    }

    /// A user with an exec plugin that answers with `status`.
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

    /// A proxy for all, or for those who know this name and password.
    fn proxy(&self, scheme: &str, credential: Option<(&str, &str)>) -> Result<RecordingProxy> {
        let protocol = match scheme {
            "http" => Protocol::Http,
            "https" => Protocol::Https(Box::new(self.server.pki.server_config()?)),
            _ => Protocol::Socks5,
        };
        RecordingProxy::start(protocol, credential)
    }

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

    /// A program with the surroundings of the case.
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

    fn ours(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.command(Path::new(OURS))?;
        Ok(command.args(&self.flags).args(arguments).output()?.into())
    }

    /// What `--curl` prints. Nothing is connected to, and no plugin is run.
    fn printed(&self, arguments: &[&str]) -> Result<String> {
        let runs = self.folder.path().join("plugin-runs");
        let before = (self.server.connections(), fs::read(&runs).ok());
        let text = self.ours(&[&["--curl"], arguments].concat())?;
        let text = text.succeeded().stdout;
        let after = (self.server.connections(), fs::read(&runs).ok());
        assert_eq!(before, after, "something was connected to, or run");
        self.assert_discreet(&text);
        Ok(text)
    }

    /// bash runs a text; no argument of a program that it starts is a secret.
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
        self.assert_discreet(&seen);
        Ok(output.into())
    }

    #[track_caller]
    fn assert_discreet(&self, text: &str) {
        for secret in &self.secrets {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
    }

    /// Sends a patch by `kubectl rawpatch`, and by curl. Both requests are the same one, which this
    /// returns.
    fn both(&self, arguments: &[&str]) -> Result<Request> {
        let last = || self.server.requests().pop().context("no request");
        let before = self.server.requests().len();
        self.ours(arguments)?.succeeded();
        let ours = last()?;
        let text = self.printed(arguments)?;
        let outcome = self.bash(&text)?;
        assert_eq!(outcome.code, Some(0), "{outcome:#?}\n{text}");
        assert_eq!(outcome.stdout, "{}");
        assert_eq!(outcome.stderr, "");
        assert_eq!(self.server.requests().len(), before + 2);
        let curls = last()?;
        assert_eq!(described(&ours), described(&curls), "{text}");
        Ok(ours)
    }
}

/// All of a request that does not differ from run to run.
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

/// Where a program is that these tests need.
fn installed(name: &str) -> Result<PathBuf> {
    env::split_paths(PATH)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not installed: these tests run what --curl prints"))
}
