//! From kubectl's flags and kubeconfig to a client that is ready to send.
//!
//! ```text
//! kubeconfig, in_cluster ─▶ selection ─▶ server_url, proxy ─▶ login ─▶ tls, transport
//!       args ─▶ overrides ─▶    └▶ validation        credential ─▶┘
//!                              kuberc ─▶ exec_plugin ─▶┘
//! ```
//!
//! `contexts` does this for all contexts of one kubeconfig, which is read once, and with a
//! `shared_run` of each plugin.
//!
//! `file`, `yaml`, `jwt` and `duration` read what the others are given; `meter` measures what
//! `transport` does; `curl_way` says of the same parts where each is, for `--curl`. `target` and
//! `presented` are for telling a person where requests go, and by what they log in.
//!
//! The types of the kubeconfig, the client and its layers are kube-client's. Reading,
//! choosing and validating are ours, because there kubectl's behaviour counts and
//! kube-client's own loader differs from it in many small ways (an empty string is a
//! value for it, a missing file of a `KUBECONFIG` list an error, a credential goes out
//! over plain http). Where we leave kubectl's way on purpose, the comment says
//! `Departure:` and a table in `tests/` (`connection_cases.rs`, `transport/`) has a row for it.

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
use auth::credential;
use auth::exec::ExecPlugin;
use auth::exec::policy::{self, PluginPolicy};
use auth::exec::shared_run::SharedRuns;
use flags::duration;
use kubeconfig::{
    Kubeconfig, overrides,
    selection::{self, Selection},
};
use session::{Route, SessionProvider};
use transport::{meter::Meter, proxy, server_url};

pub use auth::summary::{
    Authorization, BearerToken, Claims, ClientCertificate, CredentialSummary, ExecPluginInfo,
};
pub use contexts::Contexts;
pub use flags::args::ConnectionArgs;
pub use flags::duration::{duration_flag, parse as parse_duration};
pub(crate) use kubeconfig::List as KubeconfigList;
pub(crate) use session::Session;
pub use target::ServerTarget;
pub(crate) use tls::Unverified;
pub(crate) use transport::{DialError, Obstacle, WrongProtocol};

/// A way to one API server, as one user. No connection is open yet.
pub(crate) struct Connection {
    /// The clients to send with.
    pub login: SessionProvider,
    /// The server's address: scheme, authority, and the base path without a slash at its end.
    pub server: Uri,
    /// The same place by its names.
    pub target: ServerTarget,
    /// What is measured of requests.
    pub meter: Meter,
    /// How much to tell.
    pub trace: Trace,
    /// How long one request may take as a whole; `None` is for ever.
    pub request_timeout: Option<Duration>,
    /// What the user should know, one stderr line each, without a prefix.
    pub notes: Vec<String>,
}

impl ConnectionArgs {
    /// The names in one of the kubeconfig's lists, each with what is behind it.
    pub(crate) fn kubeconfig_names(
        &self,
        list: KubeconfigList,
    ) -> Result<Vec<(String, String)>, Error> {
        let kubeconfig =
            Kubeconfig::load(self.without_empty().kubeconfig.as_deref(), Trace::default())?;
        Ok(kubeconfig.names(list))
    }

    /// Whether the flags alone can log in.
    pub(crate) fn hold_login(&self) -> bool {
        overrides::hold_login(&self.without_empty())
    }

    /// Reads the kubeconfig and prepares the login. Needs a tokio runtime around it, sends nothing.
    pub(crate) fn connect(&self) -> Result<Connection, Error> {
        let args = self.without_empty();
        let mut files = Files::read(&args)?;
        let mut connection = files.connect(&args, None)?;
        files.notes.append(&mut connection.notes);
        connection.notes = files.notes;
        Ok(connection)
    }
}

/// What is read before a context is chosen.
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

    /// The way that `args` choose. With `runs`, its exec plugin is run once for all that have the
    /// same one.
    fn connect(
        &self,
        args: &ConnectionArgs,
        runs: Option<&SharedRuns>,
    ) -> Result<Connection, Error> {
        let trace = self.trace;
        let Selection {
            server,
            context_name,
            namespace,
            cluster_name,
            mut cluster,
            user_name,
            mut user,
            mut notes,
        } = selection::select(args, &self.kubeconfig)?;
        let request_timeout = match &args.request_timeout {
            Some(text) => duration::parse(text)?,
            None => None,
        };
        cluster.server = Some(server.clone());
        let server = server_url::parse(&server)?;
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let target = ServerTarget {
            context: context_name,
            cluster: named(&cluster_name),
            user: named(&user_name),
            server: server.to_string().trim_end_matches('/').to_owned(),
            namespace,
        };
        let proxy = proxy::choose(cluster.proxy_url.as_deref(), &server)?;

        if !server_url::is_tls(&server) {
            notes.extend(credential::withheld(&user, &server));
            user = credential::without_credential(&user);
        }
        let plugin = match &user.exec {
            Some(exec) => Some(ExecPlugin::new(exec, &cluster, self.policy.clone(), runs)?),
            None => None,
        };
        let meter = Meter::default();
        let login = SessionProvider::new(
            Route {
                server: server.clone(),
                cluster_name,
                cluster,
                proxy,
                meter: meter.clone(),
                trace,
            },
            user_name,
            user,
            plugin,
        )?;
        notes.extend(login.expiry_note());
        Ok(Connection {
            login,
            server,
            target,
            meter,
            trace,
            request_timeout,
            notes,
        })
    }
}
