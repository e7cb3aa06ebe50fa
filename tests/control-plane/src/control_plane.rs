//! A pair of etcd and kube-apiserver, and the operations that tests perform on it.

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

/// Options for starting a [`ControlPlane`].
#[derive(Default)]
pub struct Builder {
    api_server_flags: Vec<String>,
}

/// A running etcd and kube-apiserver with a fresh PKI, in a folder of their own.
///
/// The servers are killed and the folder is removed when this value is dropped, or when the
/// process that owns it ends for any reason.
///
/// No controller and no kubelet runs: a Deployment creates no Pods, and a deleted namespace stays
/// `Terminating`. Tests must not wait for either.
pub struct ControlPlane {
    folder: PathBuf,
    url: String,
    pub(crate) authority: CertificateAuthority,
    client: Arc<Client>,
    etcd_client: Arc<Client>,
    admin_kubeconfig: PathBuf,
    /// The number of user folders created so far, which names the next one.
    pub(crate) users: AtomicUsize,
    api_server: Server,
    etcd: Server,
    /// The last field, so that the folder is removed after the servers have stopped writing to it.
    _watchdog: Arc<Watchdog>,
}

/// How long [`ControlPlane::create_many`] took.
#[derive(Clone, Copy, Debug)]
pub struct Created {
    /// How many objects were created.
    pub objects: usize,
    /// The time from the first request to the last response.
    pub time: Duration,
}

impl Builder {
    /// Adds a kube-apiserver flag, like `--max-requests-inflight=1`. The last value of a repeated
    /// flag wins, so this can also override a default.
    #[must_use]
    pub fn api_server_flag(mut self, flag: impl Into<String>) -> Self {
        self.api_server_flags.push(flag.into());
        self
    }

    /// Starts both servers and waits until they are ready.
    pub fn start(&self) -> Result<ControlPlane> {
        let mut attempts = 1..=3;
        loop {
            attempts.next();
            match self.start_once() {
                // Another process took the port after we found it free.
                Err(error)
                    if !attempts.is_empty()
                        && format!("{error:#}").contains("address already in use") => {}
                result => return result,
            }
        }
    }

    fn start_once(&self) -> Result<ControlPlane> {
        // Both programs must exist before a server starts: building one takes minutes.
        let (etcd_program, api_server_program) = (Tool::Etcd.path()?, Tool::KubeApiserver.path()?);
        let temporary = tempfile::Builder::new()
            .prefix("control-plane-")
            .tempdir()
            .context("create a folder for the control plane")?;
        let watchdog = Arc::new(Watchdog::start(temporary.path())?);
        let folder = temporary.keep();

        let authority = CertificateAuthority::new()?;
        let admin = authority.client("admin", &["system:masters"], None)?;
        write_keys(&folder, &authority, &admin)?;

        let etcd_url = format!("http://127.0.0.1:{}", free_port()?);
        let etcd = Server {
            name: "etcd",
            program: etcd_program,
            arguments: etcd_arguments(&folder, &etcd_url)?,
            log: folder.join("etcd.log"),
            client: Arc::new(Client::plain(etcd_url.clone())),
            ready_paths: &["/health"],
            watchdog: Arc::clone(&watchdog),
            process: Mutex::new(None),
        };
        etcd.start()?;

        let port = free_port()?;
        let url = format!("https://127.0.0.1:{port}");
        let client = Client::with_certificate(url.clone(), &authority.pem(), &admin)?;
        let defaults = api_server_arguments(&folder, &etcd_url, port);
        let api_server = Server {
            name: "kube-apiserver",
            program: api_server_program,
            arguments: [defaults, self.api_server_flags.clone()].concat(),
            log: folder.join("kube-apiserver.log"),
            client: Arc::new(client),
            // The server reports that it is ready a moment before the namespace exists.
            ready_paths: &["/readyz", "/api/v1/namespaces/default"],
            watchdog: Arc::clone(&watchdog),
            process: Mutex::new(None),
        };
        api_server.start()?;

        let mut control_plane = ControlPlane {
            folder,
            url,
            authority,
            client: Arc::clone(&api_server.client),
            etcd_client: Arc::clone(&etcd.client),
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
    /// Returns the options for a new control plane.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the control plane that all tests of this process share. A test that stops, restarts
    /// or compacts a server starts its own instead.
    ///
    /// # Panics
    /// Panics with the reason when the control plane cannot start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::builder().start()) {
            Ok(control_plane) => control_plane,
            Err(error) => panic!("cannot start the shared control plane: {error:#}"),
        }
    }

    /// Returns the API server's URL, like `https://127.0.0.1:20443`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the folder that holds every file of this control plane. Only its owner can read it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the PEM file with the certificate authority that clients must trust.
    pub fn certificate_authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Returns the API server's process.
    pub fn api_server(&self) -> &Server {
        &self.api_server
    }

    /// Returns etcd's process.
    pub fn etcd(&self) -> &Server {
        &self.etcd
    }

    /// Returns the environment variables with which a command finds this control plane as the
    /// admin, kubectl and the plugins in a folder, and ignores the user's own preferences.
    pub fn environment(&self, plugins: Option<&Path>) -> Result<Vec<(&'static str, OsString)>> {
        let kubectl = Tool::Kubectl.path()?;
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = plugins
            .into_iter()
            .chain(kubectl.parent())
            .map(Path::to_path_buf);
        let path = env::join_paths(folders.chain(env::split_paths(&inherited)))
            .context("cannot add a folder with ':' in its name to PATH")?;
        Ok(vec![
            ("KUBECONFIG", self.admin_kubeconfig.clone().into()),
            ("KUBECACHEDIR", self.folder.join("cache").into()),
            ("KUBERC", "off".into()),
            ("PATH", path),
        ])
    }

    /// Returns kubectl as the admin, isolated from the user's home and environment variables.
    pub fn kubectl(&self) -> Result<Command> {
        let mut kubectl = Command::new(Tool::Kubectl.path()?);
        kubectl
            .env_clear()
            .envs(self.environment(None)?)
            .env("HOME", &self.folder);
        Ok(kubectl)
    }

    /// Sends one request as the admin, and returns the status and body of the response. `body` is
    /// a content type and the bytes to send.
    ///
    /// # Errors
    /// Fails when no response arrives within two minutes. A 4xx or 5xx response is not an error.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<(u16, String)> {
        self.client.request(method, path, body)
    }

    /// Returns a client that sends requests as a person with a client certificate; see
    /// [`User::Person`].
    pub fn client_for(&self, person: &str) -> Result<Client> {
        let credential = self.authority.client(person, &[], None)?;
        Client::with_certificate(self.url.clone(), &self.authority.pem(), &credential)
    }

    /// POSTs an object to a collection, and returns the created object.
    ///
    /// # Errors
    /// Fails with the server's response when it does not create the object.
    pub fn create(&self, path: &str, object: &Value) -> Result<Value> {
        let object = object.to_string();
        let body = Some(("application/json", object.as_bytes()));
        match self.request("POST", path, body)? {
            (200..=299, reply) => serde_json::from_str(&reply)
                .with_context(|| format!("parse the response to POST {path}")),
            (status, reply) => bail!("POST {path}: {status} {reply}"),
        }
    }

    /// POSTs many objects to a collection over several connections in parallel.
    ///
    /// # Errors
    /// Fails with the server's response to the first object that it does not create.
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
                Err(_) => Err(anyhow!("a thread that creates objects panicked")),
            });
            counts.sum::<Result<usize>>()
        })?;
        Ok(Created {
            objects,
            time: start.elapsed(),
        })
    }

    /// Compacts etcd at its current revision, which makes older resource versions unavailable.
    ///
    /// The API server still serves a watch from an older resource version that its watch cache
    /// holds. To get a 410, start it with `--watch-cache=false`, or restart it.
    pub fn compact(&self) -> Result<()> {
        let post = |path: &str, request: &Value| -> Result<Value> {
            let request = request.to_string();
            let body = Some(("application/json", request.as_bytes()));
            match self.etcd_client.request("POST", path, body)? {
                (200, reply) => serde_json::from_str(&reply).context("parse etcd's response"),
                // Nothing has been written since the last compaction.
                (400, reply) if reply.contains("revision has been compacted") => Ok(Value::Null),
                (status, reply) => bail!("etcd: POST {path}: {status} {reply}"),
            }
        };
        let key = BASE64_STANDARD.encode("compact");
        let reply = post("/v3/kv/range", &json!({ "key": key }))?;
        let revision = &reply["header"]["revision"];
        post(
            "/v3/kv/compaction",
            &json!({ "revision": revision, "physical": true }),
        )?;
        Ok(())
    }

    /// Starts to record every change that etcd commits under a key prefix. The API server must have
    /// been started with [`JSON_STORAGE`](crate::JSON_STORAGE), unless all objects there are custom
    /// resources.
    pub fn history(&self, prefix: &str) -> Result<History> {
        History::start(&self.etcd_client, prefix)
    }
}

impl Drop for ControlPlane {
    /// Kills and reaps the servers. The watchdog alone would leave zombies.
    fn drop(&mut self) {
        let _ = self.api_server.kill();
        let _ = self.etcd.kill();
    }
}

impl Created {
    /// Returns the number of objects created per second.
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
    for (name, credential) in [("admin", admin), ("serving", &authority.serving()?)] {
        let folder = folder.join(name);
        fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
        save(&folder, credential)?;
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
        // kube-apiserver rejects a loopback address as the endpoint of the kubernetes Service.
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
        // This admission plugin waits for each namespace's default account, and no controller
        // creates one.
        "--disable-admission-plugins=ServiceAccount".into(),
        "--allow-privileged=true".into(),
    ]
}
