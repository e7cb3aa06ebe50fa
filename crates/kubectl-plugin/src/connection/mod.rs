//! Turns kubectl's flags and kubeconfig into a client for one server.
//!
//! ```text
//! flags ─▶ kubeconfig (selection, overrides, validation) ─▶ auth (credential, exec) ─▶ session ─▶ transport, tls
//! ```
//!
//! * `flags`: kubectl's connection flags
//! * `kubeconfig`: finds the cluster and the user, in files or in a Pod
//! * `auth`: gets the user's credential, from the kubeconfig or an exec plugin
//! * `session`: provides a client, and replaces it when its credential expires
//! * `transport`, `tls`: open connections, through proxies too
//! * `contexts`: all contexts of one kubeconfig, which share its files and plugin runs
//! * `target`: the names of the server and the user
//!
//! The types of the kubeconfig, the client and its layers are kube-client's. The code that reads,
//! chooses and validates is our own, because kube-client's loader differs from kubectl in many
//! small ways: it accepts an empty string as a value, refuses a missing file of a `KUBECONFIG`
//! list, and sends credentials over plain http. Deliberate differences from kubectl are marked
//! `Departure:`, and each has a test.

pub(crate) mod auth;
mod contexts;
pub(crate) mod flags;
pub(crate) mod kubeconfig;
pub(crate) mod session;
mod target;
pub(crate) mod tls;
pub(crate) mod transport;

use std::time::Duration;

use http::Uri;

use crate::Error;
use crate::stderr::trace::Trace;
use auth::exec::ExecPlugin;
use auth::exec::policy;
use auth::exec::policy::PluginPolicy;
use auth::exec::shared_run::SharedRuns;
use auth::{credential, mistake};
use flags::duration;
use kubeconfig::selection::Selection;
use kubeconfig::{Kubeconfig, overrides, selection};
use session::{Route, SessionProvider};
use transport::meter::Meter;
use transport::{Connections, proxy};

pub use auth::aws_token::AwsToken;
pub use auth::credential::Impersonation;
pub(crate) use auth::explanation::{ServerFacts, explain_unauthorized};
pub use auth::explanation::{describe_origin, validity_problem};
pub use auth::summary::{
    Authorization, BearerToken, Claims, ClientCertificate, CredentialSource, CredentialSummary,
    ExecPluginInfo,
};
pub use contexts::Contexts;
pub use flags::args::ConnectionArgs;
pub use flags::duration::{duration_flag, parse as parse_duration};
pub(crate) use kubeconfig::List as KubeconfigList;
pub(crate) use session::Session;
pub use target::ServerTarget;
pub(crate) use tls::Unverified;
pub(crate) use transport::delivery::Delivery;
pub(crate) use transport::{DialError, DialErrorKind, WrongProtocol, server_url};

/// A connection to one API server as one user. It opens no socket by itself.
pub(crate) struct Connection {
    /// The provider of the clients that send requests.
    pub sessions: SessionProvider,
    /// The server's address: scheme, authority, and the base path without a trailing slash.
    pub server: Uri,
    /// The names of the server, the context and the user.
    pub target: ServerTarget,
    /// The times of the latest request.
    pub meter: Meter,
    /// The level of `-v`.
    pub trace: Trace,
    /// The timeout of a whole request; `None` means no limit.
    pub request_timeout: Option<Duration>,
    /// Notes for the user, one stderr line each, without a prefix.
    pub notes: Vec<String>,
}

impl ConnectionArgs {
    /// Returns the names in one list of the kubeconfig, each with a description.
    pub(crate) fn kubeconfig_names(
        &self,
        list: KubeconfigList,
    ) -> Result<Vec<(String, String)>, Error> {
        let kubeconfig =
            Kubeconfig::load(self.without_empty().kubeconfig.as_deref(), Trace::default())?;
        Ok(kubeconfig.names(list))
    }

    /// Reports whether the flags alone contain a credential.
    pub(crate) fn contain_credential(&self) -> bool {
        overrides::contain_credential(&self.without_empty())
    }

    /// Returns the namespace that kubectl would use, or `default` if the kubeconfig is not valid.
    pub fn namespace_in_use(&self) -> String {
        let args = self.without_empty();
        Kubeconfig::load(args.kubeconfig.as_deref(), Trace::default())
            .and_then(|kubeconfig| selection::select(&args, &kubeconfig))
            .map_or_else(
                |_| args.namespace.unwrap_or("default".to_owned()),
                |selection| selection.namespace,
            )
    }

    /// Reads the kubeconfig and prepares the connection. Needs a tokio runtime. Sends nothing.
    pub(crate) fn connect(&self) -> Result<Connection, Error> {
        let args = self.without_empty();
        let mut files = Files::read(&args)?;
        let mut connection = files.connect(&args, None)?;
        files.notes.append(&mut connection.notes);
        connection.notes = files.notes;
        Ok(connection)
    }
}

/// The content of the files that are read before a context is chosen.
struct Files {
    kubeconfig: Kubeconfig,
    policy: PluginPolicy,
    trace: Trace,
    notes: Vec<String>,
}

impl Files {
    fn read(args: &ConnectionArgs) -> Result<Self, Error> {
        let trace = args.global.trace();
        let mut notes = Vec::new();
        Ok(Self {
            policy: policy::plugin_policy(args.kuberc.as_deref(), &mut notes)?,
            kubeconfig: Kubeconfig::load(args.kubeconfig.as_deref(), trace)?,
            trace,
            notes,
        })
    }

    /// Prepares the connection that `args` select. With `runs`, contexts with the same exec plugin
    /// share its run.
    fn connect(
        &self,
        args: &ConnectionArgs,
        runs: Option<&SharedRuns>,
    ) -> Result<Connection, Error> {
        let trace = self.trace;
        let selection = selection::select(args, &self.kubeconfig)?;
        let request_timeout = match &args.request_timeout {
            Some(text) => duration::parse(text)?,
            None => None,
        };
        let server = server_url::parse(&selection.server)?;
        let target = server_target(&selection, &server);
        let Selection {
            cluster_name,
            mut cluster,
            cluster_file,
            source,
            mut user,
            ..
        } = selection;
        let mut notes = Vec::new();
        cluster.server = Some(selection.server);
        let proxy = proxy::choose(cluster.proxy_url.as_deref(), &server)?;

        if !server_url::is_tls(&server) {
            notes.extend(credential::withheld(&user, &server));
            user = credential::without_credential(&user);
        }
        mistake::check_user(&user, &source)?;
        let owner = match &cluster_file {
            Some(file) => format!("cluster {cluster_name:?} in {}", file.display()),
            None => format!("cluster {cluster_name:?}"),
        };
        mistake::check_cluster(&cluster, &owner)?;
        trace.credential(&source);
        let plugin = match &user.exec {
            Some(exec) => Some(ExecPlugin::new(exec, &cluster, self.policy.clone(), runs)?),
            None => None,
        };
        let meter = Meter::default();
        let sessions = SessionProvider::new(
            Route {
                server: server.clone(),
                cluster_name,
                cluster,
                proxy,
                connections: Connections::default(),
                meter: meter.clone(),
                trace,
            },
            source,
            user,
            plugin,
        )?;
        notes.extend(sessions.expiry_note());
        Ok(Connection {
            sessions,
            server,
            target,
            meter,
            trace,
            request_timeout,
            notes,
        })
    }
}

fn server_target(selection: &Selection, server: &Uri) -> ServerTarget {
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    ServerTarget {
        context: selection.context_name.clone(),
        cluster: named(&selection.cluster_name),
        user: named(&selection.source.user),
        user_file: selection.source.file(),
        server: server.to_string().trim_end_matches('/').to_owned(),
        namespace: selection.namespace.clone(),
    }
}
