//! Which server, which way and which login: real kubectl and kubectl-rawpatch, case by case, with
//! the same files, variables and flags, against one server that records what arrives.
//!
//! The cases are in `connection_cases.rs`. Each runs `kubectl get --raw PATH` and
//! `kubectl rawpatch PATH`; apart from the method both must send the same request to the same
//! place, or fail with the same lines. Where we leave kubectl's way, the case says why.

mod connection_cases;
mod connection_plugins;

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use connection_cases::{Case, Expected};
use control_plane::{ControlPlane, Tool, User};
use faulty_server::{Answer, FaultyServer, Identity, Reply, Request};
use serde_json::{Value, json};
use support::{Outcome, create, deployment, mount_namespace, read, run};

const OURS: &str = env!("CARGO_BIN_EXE_kubectl-rawpatch");

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A token that ends in the year 2100: `{"exp":4102444800}`.
const VALID_JWT: &str = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln";

#[test]
fn reads_kubeconfig_files_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::files())
}

#[test]
fn chooses_and_overrides_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::choices())
}

#[test]
fn logs_in_by_a_token_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::tokens())
}

#[test]
fn logs_in_by_a_password_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::passwords())
}

#[test]
fn logs_in_by_a_certificate_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::certificates())
}

#[test]
fn chooses_among_logins_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::precedence())
}

#[test]
fn logs_in_by_an_exec_plugin_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::plugins())
}

#[test]
fn runs_only_the_plugins_that_kubectl_would_run() -> Result<()> {
    Bench::new()?.compare(&connection_cases::kuberc())
}

#[test]
fn logs_in_by_an_auth_provider_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::auth_providers())
}

#[test]
fn impersonates_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::impersonations())
}

#[test]
fn finds_the_account_of_a_pod_as_kubectl() -> Result<()> {
    Bench::new()?.compare(&connection_cases::pods())
}

#[test]
fn a_slip_in_a_name_gets_a_hint() -> Result<()> {
    let server = FaultyServer::start([])?;
    let kubeconfig = server.kubeconfig()?;
    for (flag, hint) in [
        ("--context=fautly", "hint: did you mean \"faulty\"?"),
        ("--cluster=Faulty", "hint: did you mean \"faulty\"?"),
        ("--user=faultyy", "hint: did you mean \"faulty\"?"),
    ] {
        let mut command = support::command(OURS, &kubeconfig);
        command.args(Program::Ours.arguments("/probe")).arg(flag);
        let outcome = run(&mut command, "").ended(2);
        assert_eq!(outcome.stderr.lines().nth(1), Some(hint), "{outcome:?}");
    }
    assert_eq!(server.connections(), 0);
    Ok(())
}

/// Every way in which a kubeconfig's secrets may be where they should not be.
#[test]
fn no_message_repeats_a_secret() -> Result<()> {
    let server = FaultyServer::start([])?;
    let kubeconfig = fs::read_to_string(server.kubeconfig()?)?;
    for (number, (place, secret)) in [
        ("users:", "hunter2\nusers:"),
        ("users: [", "users: [hunter2, "),
        (
            "users: [",
            "users: [{name: faulty, user: {token: hunter2}}, ",
        ),
        ("token: faulty-server-token", "token: [hunter2]"),
        ("token: faulty-server-token", "token: {hunter2: hunter2}"),
        ("token: faulty-server-token", "token: \"hunter2\\nhunter2\""),
        ("token: faulty-server-token", "token: 5, exec: hunter2"),
        (
            "token: faulty-server-token",
            "client-certificate-data: aHVudGVyMg==, client-key-data: aHVudGVyMg==",
        ),
        (
            "token: faulty-server-token",
            "client-certificate-data: hunter2, client-key-data: '-hunter2-'",
        ),
        ("server: \"https://", "server: \"https://hunter2:hunter2@"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = server.folder().join(number.to_string());
        let broken = kubeconfig.replace(place, secret);
        assert_ne!(broken, kubeconfig);
        fs::write(&path, broken)?;
        let mut command = support::command(OURS, &path);
        command.args(Program::Ours.arguments("/probe"));
        let outcome = run(&mut command, "").ended(2);
        assert!(!outcome.stderr.contains("hunter2"), "{secret}: {outcome:?}");
    }
    assert_eq!(server.connections(), 0);
    Ok(())
}

/// The same on a real API server: it says in its refusal who asked.
#[test]
fn is_the_service_account_in_a_pod() -> Result<()> {
    let control_plane = ControlPlane::shared();
    let pod = Pod::of_account(control_plane, "robot")?;
    let path = "/api/v1/namespaces/default/configmaps/none";
    let refusal = |program: Program, flags: &[&str]| -> Result<String> {
        let mut command = pod.command(&program.path()?);
        command.args(program.arguments(path)).args(flags);
        Ok(run(&mut command, "").stderr)
    };
    let robot = "User \"system:serviceaccount:default:robot\" cannot";
    assert!(refusal(Program::Kubectl, &[])?.contains(robot));
    let ours = refusal(Program::Ours, &[])?;
    assert!(ours.contains(robot), "{ours}");
    let ours = refusal(Program::Ours, &["--as=jane", "--request-timeout=9s"])?;
    assert!(ours.contains(&format!("{robot} impersonate")), "{ours}");
    Ok(())
}

#[test]
fn patches_a_deployment_and_its_scale_by_every_login() -> Result<()> {
    let control_plane = ControlPlane::shared();
    let path = deployment();
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": ["patch"]}]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    create(
        &format!("{rbac}/roles"),
        &json!({"metadata": {"name": "patcher"}, "rules": rules}),
    );
    create(
        &format!("{rbac}/rolebindings"),
        &json!({
            "metadata": {"name": "patcher"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "patcher"},
            "subjects": [{"kind": "ServiceAccount", "name": "patcher", "namespace": "default"}],
        }),
    );

    let account = User::ServiceAccount {
        namespace: "default",
        name: "patcher",
    };
    let pod = Pod::of_account(control_plane, "patcher")?;
    let kubectl = |user: &User<'_>| -> Result<Command> {
        let mut kubectl = control_plane.kubectl()?;
        kubectl
            .envs(control_plane.environment(Path::new(OURS).parent())?)
            .env("KUBECONFIG", control_plane.kubeconfig(user)?)
            .arg("rawpatch");
        Ok(kubectl)
    };
    for (replicas, command) in [
        (
            2,
            (&|| kubectl(&User::Admin)) as &dyn Fn() -> Result<Command>,
        ),
        (3, &|| kubectl(&account)),
        (4, &|| Ok(pod.command(Path::new(OURS)))),
    ] {
        let image = format!("busybox:{replicas}");
        let merge = json!({"spec": {"template": {"spec": {"containers": [{"name": "sleep", "image": image}]}}}});
        let patch = |path: &str, patch: &Value| -> Result<Outcome> {
            let patch = patch.to_string();
            let patch = || -> Result<Outcome> {
                let mut command = command()?;
                command.args(["--type", "merge", "-p", &patch, path]);
                Ok(run(&mut command, ""))
            };
            // RBAC reaches the authorizer a moment after its objects are stored.
            for _ in 0..50 {
                let outcome = patch()?;
                if outcome.code != Some(1) {
                    return Ok(outcome);
                }
                thread::sleep(Duration::from_millis(100));
            }
            patch()
        };
        patch(&path, &merge)?.succeeded();
        let scale = json!({"spec": {"replicas": replicas}});
        patch(&format!("{path}/scale"), &scale)?.succeeded();

        let object = read(&path);
        assert_eq!(object["spec"]["replicas"], replicas);
        assert_eq!(
            object["spec"]["template"]["spec"]["containers"][0]["image"],
            image
        );
    }
    Ok(())
}

/// What a container of a Pod sees of its service account.
struct Pod {
    folder: PathBuf,
    port: String,
}

impl Pod {
    fn of_account(control_plane: &ControlPlane, name: &str) -> Result<Self> {
        let folder = control_plane.folder().join("pods").join(name);
        fs::create_dir_all(&folder)?;
        fs::write(
            folder.join("token"),
            control_plane.service_account_token("default", name)?,
        )?;
        fs::write(folder.join("namespace"), "default")?;
        fs::copy(control_plane.certificate_authority(), folder.join("ca.crt"))?;
        let port = control_plane
            .url()
            .rsplit(':')
            .next()
            .context("a port")?
            .to_owned();
        Ok(Self { folder, port })
    }

    /// A program as the Pod's container would start it.
    fn command(&self, program: &Path) -> Command {
        let mut command = in_pod(program, &self.folder);
        command
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", &self.port);
        command
    }
}

#[derive(Clone, Copy, Debug)]
enum Program {
    Kubectl,
    Ours,
}

impl Program {
    fn path(self) -> Result<PathBuf> {
        match self {
            Self::Kubectl => Tool::Kubectl.path(),
            Self::Ours => Ok(PathBuf::from(OURS)),
        }
    }

    fn arguments(self, path: &str) -> Vec<&str> {
        match self {
            Self::Kubectl => vec!["get", "--raw", path],
            Self::Ours => vec!["--verbatim", "--type", "merge", "-p", "{}", path],
        }
    }
}

/// A program in a container of a Pod, whose account is in the folder `pod`.
fn in_pod(program: &Path, pod: &Path) -> Command {
    let mut command = mount_namespace::in_pod(pod);
    command.arg(program).env("PATH", PATH).env("HOME", pod);
    command
}

/// The servers that record, and the certificates and keys that the cases use.
struct Bench {
    server: FaultyServer,
    plain: FaultyServer,
    alice: Identity,
    bob: Identity,
    /// Where `sh` is in [`PATH`].
    shell: PathBuf,
}

impl Bench {
    fn new() -> Result<Self> {
        let answer = || [Answer::Reply(Reply::json(200, "{}"))];
        let server = FaultyServer::start(answer())?;
        Ok(Self {
            alice: server.pki.client("alice")?,
            bob: server.pki.client("bob")?,
            plain: FaultyServer::start_plain(answer())?,
            server,
            shell: env::split_paths(PATH)
                .map(|folder| folder.join("sh"))
                .find(|path| path.exists())
                .context("a shell")?,
        })
    }

    /// Runs all cases, a few at a time, and fails with all that are not as they say.
    fn compare(&self, cases: &[Case]) -> Result<()> {
        let next = AtomicUsize::new(0);
        let failures = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        let Some(case) = cases.get(number) else {
                            return;
                        };
                        let failure = match self.check(number, case) {
                            Ok(None) => continue,
                            Ok(Some(failure)) => failure,
                            Err(error) => format!("{error:#}"),
                        };
                        let mut failures = failures.lock().expect("no thread panics");
                        failures.push(format!("{}\n{failure}", case.name));
                    }
                });
            }
        });
        let failures = failures.into_inner()?;
        assert!(
            failures.is_empty(),
            "{} of {}:\n{}",
            failures.len(),
            cases.len(),
            failures.join("\n")
        );
        Ok(())
    }

    /// What is not as the case says.
    fn check(&self, number: usize, case: &Case) -> Result<Option<String>> {
        let folder = self.server.folder().join(number.to_string());
        self.lay_out(&folder, case)?;
        let kubectl = self.run(&folder, case, Program::Kubectl)?;
        let ours = self.run(&folder, case, Program::Ours)?;
        let (is_right, expected) = match &case.expected {
            Expected::Same(text) => (kubectl == ours && ours.contains(text), text.to_string()),
            Expected::BothFail => (
                [&kubectl, &ours]
                    .iter()
                    .all(|outcome| !outcome.starts_with("sent ")),
                "no request".to_owned(),
            ),
            Expected::Departure {
                reason,
                kubectl: theirs,
                ours: own,
            } => (
                kubectl.contains(theirs) && ours.contains(own) && kubectl != ours,
                format!("{theirs}\n            {own} (since {reason})"),
            ),
        };
        let is_discreet = !ours.contains("hunter2");
        Ok((!is_right || !is_discreet)
            .then(|| format!("  expected: {expected}\n  kubectl:  {kubectl}\n  ours:     {ours}")))
    }

    /// Writes the files of a case.
    fn lay_out(&self, folder: &Path, case: &Case) -> Result<()> {
        let authority = self.server.pki.certificate_authority();
        let common = [
            ("ca.crt", authority.as_str()),
            ("alice.crt", &self.alice.certificate),
            ("alice.key", &self.alice.key),
            ("bob.crt", &self.bob.certificate),
            ("bob.key", &self.bob.key),
            ("other-ca.crt", &self.plain.pki.certificate_authority()),
            ("pod/ca.crt", &authority),
            ("pod/token", "pod-token\n"),
            ("pod/namespace", "pod-namespace"),
            ("plugin", connection_cases::PLUGIN),
            ("answer", connection_cases::ANSWER),
            ("home/none", ""),
        ]
        .map(|(name, text)| (name, text.to_owned()));
        let own = case
            .files
            .iter()
            .map(|(name, text)| (*name, self.fill_in(text, folder)));
        for (name, text) in common.into_iter().chain(own) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            match text.strip_prefix("-> ") {
                Some(target) => symlink(target, path)?,
                None => fs::write(path, text)?,
            }
        }
        Ok(())
    }

    /// Puts the addresses and certificates of this run into a case's text.
    fn fill_in(&self, text: &str, folder: &Path) -> String {
        text.replace("$FOLDER", &folder.to_string_lossy())
            .replace("$SH", &self.shell.to_string_lossy())
            .replace("$VALID_JWT", VALID_JWT)
            .replace("$URL", &self.server.url())
            .replace("$PORT", &self.server.address().port().to_string())
            .replace("$PLAIN", &self.plain.address().to_string())
            .replace(
                "$CA_DATA",
                &STANDARD.encode(self.server.pki.certificate_authority()),
            )
            .replace("$ALICE_CRT", &STANDARD.encode(&self.alice.certificate))
            .replace("$ALICE_KEY", &STANDARD.encode(&self.alice.key))
    }

    /// What became of a command: the request that arrived, or the lines on stderr.
    fn run(&self, folder: &Path, case: &Case, program: Program) -> Result<String> {
        let probe = format!(
            "/{program:?}-{}-",
            folder.file_name().context("a name")?.display()
        );
        let path = program.path()?;
        let mut command = if case.in_pod {
            in_pod(&path, &folder.join("pod"))
        } else {
            let mut command = Command::new(path);
            command.env_clear().env("PATH", PATH);
            command
        };
        command
            .args(program.arguments(&probe))
            .args(case.flags.iter().map(|flag| self.fill_in(flag, folder)))
            .current_dir(folder)
            .env("HOME", folder.join("home"))
            .envs(
                case.environment
                    .iter()
                    .map(|(name, value)| (name, self.fill_in(value, folder))),
            );
        let outcome = run(&mut command, "");
        let mut outcome = match self.request(&probe) {
            Some(request) => request,
            None => failure(program, &outcome)?,
        };
        let runs = folder.join("plugin-runs");
        if let Ok(lines) = fs::read_to_string(&runs) {
            fs::remove_file(runs)?;
            outcome = format!("{outcome}; the plugin got {}", lines.trim_end());
        }
        Ok(self.neutral(&outcome, folder))
    }

    /// The request that arrived for this path, in words.
    fn request(&self, probe: &str) -> Option<String> {
        let servers = [("https", &self.server), ("http", &self.plain)];
        servers.into_iter().find_map(|(scheme, server)| {
            let requests = server.requests();
            let request = requests
                .iter()
                .find(|request| request.target.contains(probe))?;
            Some(self.describe(scheme, request).replace(probe, "/probe"))
        })
    }

    /// Takes what differs from run to run out of an outcome.
    fn neutral(&self, outcome: &str, folder: &Path) -> String {
        outcome
            .replace(&*folder.to_string_lossy(), "$FOLDER")
            .replace(&format!("\"{}\"", self.shell.display()), "\"$SH\"")
            .replace(VALID_JWT, "$VALID_JWT")
            .replace(&self.server.address().port().to_string(), "$PORT")
            .replace(&self.plain.address().port().to_string(), "$PLAIN_PORT")
    }

    /// Where a request went, and what it carried of a login.
    fn describe(&self, scheme: &str, request: &Request) -> String {
        let host = request.header("host").join(",");
        let mut parts = vec![format!("sent {scheme}://{host}{}", request.target)];
        if let Some(name) = &request.server_name {
            parts.push(format!("server name {name}"));
        }
        if let Some(certificate) = &request.client_certificate {
            let known = [("alice", &self.alice), ("bob", &self.bob)];
            let owner = known
                .iter()
                .find(|(_, identity)| identity.der == *certificate);
            parts.push(format!(
                "certificate of {}",
                owner.map_or("somebody", |(name, _)| name)
            ));
        }
        let mut headers: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| name == "authorization" || name.starts_with("impersonate-"))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        headers.sort();
        parts.extend(headers);
        parts.join("; ")
    }
}

/// Returns the lines on stderr without the hint.
fn failure(program: Program, outcome: &Outcome) -> Result<String> {
    if matches!(program, Program::Ours) && outcome.stderr.to_lowercase().starts_with("error") {
        ensure!(outcome.code == Some(2), "{outcome:?}");
    }
    Ok(outcome.message())
}
