//! From kubectl's flags and kubeconfig to a client that is ready to send.
//!
//! ```text
//! kubeconfig, in_cluster ─▶ selection ─▶ server_url, proxy, credential ─▶ kube Config ─▶ transport
//!       args ─▶ overrides ─▶    └▶ validation
//! ```
//!
//! The types of the kubeconfig, the client and its layers are kube-client's. Reading,
//! choosing and validating are ours, because there kubectl's behaviour counts and
//! kube-client's own loader differs from it in many small ways (an empty string is a
//! value for it, a missing file of a `KUBECONFIG` list an error, a credential goes out
//! over plain http). Where we leave kubectl's way on purpose, the comment says
//! `Departure:` and the table in `tests/connection_cases.rs` has a row for it.

mod args;
mod credential;
mod duration;
mod file;
mod in_cluster;
mod kubeconfig;
mod overrides;
mod proxy;
mod selection;
mod server_url;
mod transport;
mod validation;

use std::time::Duration;

use http::Uri;
use kube_client::{Client, Config};

use crate::Error;
use selection::Selection;

pub use args::{ConnectionArgs, parse_boolean};
pub(crate) use transport::WrittenBytes;

/// A way to one API server, as one user. No connection is open yet.
pub struct Connection {
    /// Adds the server, its base path, the login and the impersonation to a request.
    pub client: Client,
    /// The server's address: scheme, authority, and the base path without a slash at its end.
    pub server: Uri,
    /// How many bytes of requests were handed to the server's connections so far.
    pub written: WrittenBytes,
    /// How long one request may take as a whole; `None` is for ever.
    pub request_timeout: Option<Duration>,
    /// What the user should know, one stderr line each, without a prefix.
    pub notes: Vec<String>,
}

impl ConnectionArgs {
    /// Reads the kubeconfig and prepares the client. Needs a tokio runtime around it, sends nothing.
    pub fn connect(&self) -> Result<Connection, Error> {
        let args = self.given();
        let Selection {
            server,
            cluster,
            user_name,
            user,
            mut notes,
        } = selection::select(&args)?;
        let request_timeout = match &args.request_timeout {
            Some(text) => duration::parse(text)?,
            None => None,
        };
        let server = server_url::parse(&server)?;
        proxy::refuse(cluster.proxy_url.as_deref(), &server)?;

        let mut config = Config::new(server.clone());
        if server_url::is_tls(&server) {
            config.root_cert = credential::root_certificates(&cluster)?;
            config.accept_invalid_certs = cluster.insecure_skip_tls_verify == Some(true);
            config.tls_server_name = cluster.tls_server_name;
            config.auth_info = credential::login(&user, &user_name)?;
        } else {
            // Some and empty, so that the platform's root certificates are not loaded for nothing.
            config.root_cert = Some(Vec::new());
            config.auth_info = credential::impersonation(&user);
            notes.extend(credential::withheld(&user, &server));
        }
        let (client, written) = transport::client(&config, &user_name)?;
        Ok(Connection {
            client,
            server,
            written,
            request_timeout,
            notes,
        })
    }
}
