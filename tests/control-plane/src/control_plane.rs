//! etcd and kube-apiserver together, and what a test asks of them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::client::{CONNECTIONS, Client};
use crate::history::History;
use crate::pki::{self, CertificateAuthority, KeyAndCertificate};
use crate::server::{Server, free_port};
use crate::tools::Tool;
use crate::user::{User, save};
use crate::watchdog::Watchdog;

/// What is set before a start.
#[derive(Default)]
pub struct Builder {
    api_server_flags: Vec<String>,
}

/// A running etcd and kube-apiserver with a fresh PKI, in a folder of their own.
///
/// When it is dropped, or when the process that owns it ends by whatever cause, the servers are
/// killed and the folder is removed.
///
/// There is no controller and no kubelet: Deployments make no Pods, and a deleted namespace stays
/// `Terminating`. A test must not wait for either.
pub struct ControlPlane {
    folder: PathBuf,
    url: String,
    pub(crate) authority: CertificateAuthority,
    client: Arc<Client>,
    etcd_client: Arc<Client>,
    admin_kubeconfig: PathBuf,
    /// How many kubeconfigs were made.
    pub(crate) users: AtomicUsize,
    api_server: Server,
    etcd: Server,
    /// Last, so that it removes the folder when nobody writes there any more.
    _watchdog: Arc<Watchdog>,
}

/// How long [`ControlPlane::create_many`] took.
#[derive(Clone, Copy, Debug)]
pub struct Created {
    /// How many objects were created.
    pub objects: usize,
    /// From the first request to the last reply.
    pub time: Duration,
}

impl Builder {
    /// Adds a flag of kube-apiserver, like `--max-requests-inflight=1`. Of two that are the same
    /// the later one counts, so this also replaces one of ours.
    #[must_use]
    pub fn api_server_flag(mut self, flag: impl Into<String>) -> Self {
        self.api_server_flags.push(flag.into());
        self
    }

    /// Starts both servers, and waits until they are ready.
    pub fn start(&self) -> Result<ControlPlane> {
        let mut attempts = 1..=3;
        loop {
            attempts.next();
            match self.start_once() {
                // Another process took a port between our finding it free and the server's bind.
                Err(error)
                    if !attempts.is_empty()
                        && format!("{error:#}").contains("address already in use") => {}
                result => return result,
            }
        }
    }

    fn start_once(&self) -> Result<ControlPlane> {
        let (etcd_program, api_server_program) = (Tool::Etcd.path()?, Tool::KubeApiserver.path()?);
        let temporary = tempfile::Builder::new()
            .prefix("control-plane-")
            .tempdir()
            .context("create a folder for the control plane")?;
        let watchdog = Arc::new(Watchdog::start(temporary.path())?);
        let folder = temporary.keep();

        let authority = CertificateAuthority::new()?;
        let login = authority.client("admin", &["system:masters"], None)?;
        write_keys(&folder, &authority, &login)?;

        let etcd_url = format!("http://127.0.0.1:{}", free_port()?);
        let etcd_client = Arc::new(Client::plain(etcd_url.clone()));
        let etcd = Server {
            name: "etcd",
            program: etcd_program,
            arguments: etcd_arguments(&folder, &etcd_url)?,
            log: folder.join("etcd.log"),
            client: Arc::clone(&etcd_client),
            ready_paths: &["/health"],
            watchdog: Arc::clone(&watchdog),
            process: Mutex::new(None),
        };
        etcd.start()?;

        let port = free_port()?;
        let url = format!("https://127.0.0.1:{port}");
        let client = Arc::new(Client::with_certificate(
            url.clone(),
            &authority.pem(),
            &login,
        )?);
        let mut arguments = api_server_arguments(&folder, &etcd_url, port);
        arguments.extend_from_slice(&self.api_server_flags);
        let api_server = Server {
            name: "kube-apiserver",
            program: api_server_program,
            arguments,
            log: folder.join("kube-apiserver.log"),
            client: Arc::clone(&client),
            // The namespace appears a moment after the server calls itself ready.
            ready_paths: &["/readyz", "/api/v1/namespaces/default"],
            watchdog: Arc::clone(&watchdog),
            process: Mutex::new(None),
        };
        api_server.start()?;

        let mut control_plane = ControlPlane {
            folder,
            url,
            authority,
            client,
            etcd_client,
            admin_kubeconfig: PathBuf::new(),
            users: AtomicUsize::new(0),
            api_server,
            etcd,
            _watchdog: watchdog,
        };
        control_plane.admin_kubeconfig = control_plane.kubeconfig(&User::Admin)?;
        Ok(control_plane)
    }
}

impl ControlPlane {
    /// Sets flags before a start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The one control plane that tests of a process share, as long as they do not hurt it: a
    /// test that stops, restarts or compacts starts its own.
    ///
    /// # Panics
    /// When it could not be started, with the reason.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::builder().start()) {
            Ok(control_plane) => control_plane,
            Err(error) => panic!("no shared control plane: {error:#}"),
        }
    }

    /// The API server, like `https://127.0.0.1:20443`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of everything that belongs to it. Only its owner may read it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The certificate (PEM file) by which clients know the API server.
    pub fn certificate_authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The API server's process.
    pub fn api_server(&self) -> &Server {
        &self.api_server
    }

    /// etcd's process.
    pub fn etcd(&self) -> &Server {
        &self.etcd
    }

    /// Variables for a command that is to find this control plane as the admin, kubectl, and the
    /// plugins in a folder, and nothing of the user's own preferences.
    pub fn environment(&self, plugins: Option<&Path>) -> Result<Vec<(&'static str, OsString)>> {
        let kubectl = Tool::Kubectl.path()?;
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = plugins
            .into_iter()
            .chain(kubectl.parent())
            .map(Path::to_path_buf);
        let path = env::join_paths(folders.chain(env::split_paths(&inherited)))
            .context("put a folder with ':' in its name into PATH")?;
        Ok(vec![
            ("KUBECONFIG", self.admin_kubeconfig.clone().into()),
            ("KUBECACHEDIR", self.folder.join("cache").into()),
            ("KUBERC", "off".into()),
            ("PATH", path),
        ])
    }

    /// kubectl as the admin, in a clean environment: nothing of the user's home or variables.
    pub fn kubectl(&self) -> Result<Command> {
        let mut kubectl = Command::new(Tool::Kubectl.path()?);
        kubectl
            .env_clear()
            .envs(self.environment(None)?)
            .env("HOME", &self.folder);
        Ok(kubectl)
    }

    /// The status and the body of the reply to one request of the admin; `body` is a content type
    /// and bytes.
    ///
    /// # Errors
    /// When there is no reply, or not in two minutes. Every status is a reply.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<(u16, String)> {
        self.client.request(method, path, body)
    }

    /// A way to send requests as a person who logs in by client certificate; see
    /// [`User::Person`].
    pub fn client_of(&self, person: &str) -> Result<Client> {
        let login = self.authority.client(person, &[], None)?;
        Client::with_certificate(self.url.clone(), &self.authority.pem(), &login)
    }

    /// POSTs an object to a collection, and returns what was created.
    ///
    /// # Errors
    /// With the server's text when it does not create the object.
    pub fn create(&self, path: &str, object: &Value) -> Result<Value> {
        let object = object.to_string();
        let body = Some(("application/json", object.as_bytes()));
        match self.request("POST", path, body)? {
            (200..=299, reply) => serde_json::from_str(&reply)
                .with_context(|| format!("read the reply to POST {path}")),
            (status, reply) => bail!("POST {path}: {status} {reply}"),
        }
    }

    /// POSTs many objects to a collection, over a few connections at once.
    ///
    /// # Errors
    /// With the server's text at the first object that it does not create.
    pub fn create_many(
        &self,
        path: &str,
        objects: impl Iterator<Item = Value> + Send,
    ) -> Result<Created> {
        let start = Instant::now();
        let objects = Mutex::new(objects.fuse());
        let next = || {
            objects
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next()
        };
        let work = || -> Result<usize> {
            let mut count = 0;
            while let Some(object) = next() {
                self.create(path, &object)?;
                count += 1;
            }
            Ok(count)
        };
        let objects = thread::scope(|scope| {
            let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
            let counts = workers.into_iter().map(|worker| match worker.join() {
                Ok(count) => count,
                Err(_) => Err(anyhow!("a worker that creates objects panicked")),
            });
            counts.sum::<Result<usize>>()
        })?;
        Ok(Created {
            objects,
            time: start.elapsed(),
        })
    }

    /// Compacts etcd to its current revision: older resource versions are gone there.
    ///
    /// The API server still answers a watch from an older one as long as its own cache reaches
    /// back that far; start it with `--watch-cache=false`, or restart it, to get a 410.
    pub fn compact(&self) -> Result<()> {
        let ask = |path: &str, question: &Value| -> Result<Value> {
            let question = question.to_string();
            let body = Some(("application/json", question.as_bytes()));
            match self.etcd_client.request("POST", path, body)? {
                (200, reply) => serde_json::from_str(&reply).context("read etcd's reply"),
                // Nothing was written since the last compaction.
                (400, reply) if reply.contains("revision has been compacted") => Ok(Value::Null),
                (status, reply) => bail!("etcd: POST {path}: {status} {reply}"),
            }
        };
        let key = BASE64_STANDARD.encode("compact");
        let reply = ask("/v3/kv/range", &json!({ "key": key }))?;
        let revision = &reply["header"]["revision"];
        ask(
            "/v3/kv/compaction",
            &json!({ "revision": revision, "physical": true }),
        )?;
        Ok(())
    }

    /// Follows what is committed below a key of etcd, from now on. The API server must have been
    /// started with [`READABLE_STORAGE`](crate::READABLE_STORAGE), unless the objects are custom
    /// ones.
    pub fn history(&self, prefix: &str) -> Result<History> {
        History::follow(&self.etcd_client, prefix)
    }
}

impl Drop for ControlPlane {
    /// The watchdog would kill the servers as well; this also reaps them.
    fn drop(&mut self) {
        let _ = self.api_server.kill();
        let _ = self.etcd.kill();
    }
}

impl Created {
    /// Objects per second.
    #[expect(clippy::cast_precision_loss, reason = "no test creates 2^52 objects")]
    pub fn per_second(&self) -> f64 {
        self.objects as f64 / self.time.as_secs_f64()
    }
}

fn write_keys(
    folder: &Path,
    authority: &CertificateAuthority,
    admin: &KeyAndCertificate,
) -> Result<()> {
    for (name, login) in [("admin", admin), ("serving", &authority.serving()?)] {
        let folder = folder.join(name);
        fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
        save(&folder, login)?;
    }
    let (private, public) = pki::service_account_key()?;
    for (name, text) in [
        ("authority.pem", authority.pem()),
        ("service-account-private.pem", private),
        ("service-account-public.pem", public),
    ] {
        fs::write(folder.join(name), text).with_context(|| format!("write {name}"))?;
    }
    Ok(())
}

fn etcd_arguments(folder: &Path, url: &str) -> Result<Vec<String>> {
    let peer_url = format!("http://127.0.0.1:{}", free_port()?);
    Ok(vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls={peer_url}"),
        format!("--initial-advertise-peer-urls={peer_url}"),
        format!("--initial-cluster=default={peer_url}"),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ])
}

fn api_server_arguments(folder: &Path, etcd_url: &str, port: u16) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        format!("--etcd-servers={etcd_url}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        // It refuses to publish a loopback address as its endpoint.
        "--endpoint-reconciler-type=none".into(),
        format!("--tls-cert-file={}", file("serving/certificate.pem")),
        format!("--tls-private-key-file={}", file("serving/key.pem")),
        format!("--client-ca-file={}", file("authority.pem")),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!(
            "--service-account-key-file={}",
            file("service-account-public.pem")
        ),
        format!(
            "--service-account-signing-key-file={}",
            file("service-account-private.pem")
        ),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--authorization-mode=RBAC".into(),
        // It waits for a controller that would create the default account of a namespace.
        "--disable-admission-plugins=ServiceAccount".into(),
        "--allow-privileged=true".into(),
    ]
}
