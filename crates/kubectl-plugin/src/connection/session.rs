//! Provides a client, and replaces it when its credential expires.
//!
//! Token files, certificate authorities and the credentials of exec plugins change while a command
//! runs. So every request asks for a [`Session`], and reports it after a 401 or if the server's
//! certificate is not trusted. An exec plugin runs when the first request is about to be sent, and
//! again when its credential has expired or was refused. Files are read again after a minute, and
//! when their content was refused. These are client-go's rules
//! (`client-go/transport/token_source.go` and `ca_rotation.go`).

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::{HeaderMap, PROXY_AUTHORIZATION};
use jiff::Timestamp;
use kube_client::Client;
use kube_client::config::{AuthInfo, Cluster};
use tokio::sync::Mutex;

use crate::Error;
use crate::connection::auth::credential;
use crate::connection::auth::credential::{Impersonation, ResolvedCredential};
use crate::connection::auth::exec::ExecPlugin;
use crate::connection::auth::exec::exec_credential;
use crate::connection::auth::exec::exec_credential::ExecCredentialStatus;
use crate::connection::auth::summary::{CredentialSource, CredentialSummary, ExecPluginInfo};
use crate::connection::tls;
use crate::connection::transport;
use crate::connection::transport::Connections;
use crate::connection::transport::meter::Meter;
use crate::connection::transport::proxy::Proxy;
use crate::connection::transport::server_url;
use crate::error::Kind;
use crate::stderr::trace::Trace;

/// The maximum age of the content of files. A kubelet renews a token after 80 % of its lifetime,
/// which is at least ten minutes.
const FILE_MAX_AGE: Duration = Duration::from_mins(1);

/// The route to one server.
pub(crate) struct Route {
    pub(crate) server: Uri,
    /// The cluster's name in the kubeconfig; may be empty.
    pub(crate) cluster_name: String,
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connections: Connections,
    pub(crate) meter: Meter,
    pub(crate) trace: Trace,
}

impl Route {
    /// Returns a client for the server that sends no credential.
    pub(crate) fn plain_client(&self) -> Client {
        transport::client(
            &self.server,
            None,
            self.proxy.clone(),
            Connections::OnePerRequest,
            &Meter::default(),
            self.trace,
        )
    }

    /// Returns a client for TLS at the same host and port. It accepts any certificate, and sends no
    /// credential.
    pub(crate) fn tls_client(&self) -> Option<Client> {
        let host = self.server.host()?;
        let port = server_url::port(&self.server);
        let server = format!("https://{host}:{port}").parse().ok()?;
        let insecure = Cluster {
            insecure_skip_tls_verify: Some(true),
            ..Cluster::default()
        };
        let tls = tls::settings(&insecure, None, None).ok()?;
        Some(transport::client(
            &server,
            Some(tls),
            self.proxy.clone(),
            Connections::OnePerRequest,
            &Meter::default(),
            self.trace,
        ))
    }
}

/// A source of sessions for one server.
pub(crate) struct SessionProvider {
    pub(crate) route: Route,
    pub(crate) source: CredentialSource,
    pub(crate) user: AuthInfo,
    pub(crate) plugin: Option<ExecPlugin>,
    /// Whether the command itself reads stdin, so that an exec plugin must not.
    pub(crate) stdin_in_use: bool,
    /// A note that the kubeconfig's client certificate has expired or is not yet valid.
    expiry_note: Option<String>,
    current: Mutex<Option<Arc<Session>>>,
}

/// A client with one credential.
#[derive(Clone)]
pub(crate) struct Session {
    /// Adds the server and its base path to a request.
    pub(crate) client: Client,
    /// The headers of each request: authorization and impersonation.
    pub(crate) headers: HeaderMap,
    /// The credential that the client sends.
    credential: ResolvedCredential,
    /// The certificate authorities that the client trusts, in PEM.
    authorities: Option<Vec<u8>>,
    /// The time from which the session must not be used for another request.
    expires: Option<Timestamp>,
    /// The status of the exec plugin's `ExecCredential`, if the credential comes from a plugin.
    exec_status: Option<Arc<ExecCredentialStatus>>,
}

impl SessionProvider {
    /// Reads and checks everything except the output of an exec plugin. Needs a tokio runtime.
    pub(crate) fn new(
        route: Route,
        source: CredentialSource,
        user: AuthInfo,
        plugin: Option<ExecPlugin>,
    ) -> Result<Self, Error> {
        let mut provider = Self {
            route,
            source,
            user,
            plugin,
            stdin_in_use: false,
            expiry_note: None,
            current: Mutex::default(),
        };
        let (session, expiry_note) = provider.open(None)?;
        provider.expiry_note = expiry_note;
        if provider.plugin.is_none() || session.credential.is_some() {
            provider.plugin = None;
            provider.current = Mutex::new(Some(Arc::new(session)));
        }
        Ok(provider)
    }

    /// Makes the requests share connections. Must be called before the first request.
    pub(crate) fn share_connections(&mut self) {
        self.route.connections = Connections::Shared;
        // The next request opens a session with another client.
        *self.current.get_mut() = None;
    }

    /// Reports whether the requests share connections.
    pub(crate) fn shares_connections(&self) -> bool {
        self.route.connections == Connections::Shared
    }

    /// Returns a note if the kubeconfig's client certificate is not valid now, which most servers answer with a
    /// bare `Unauthorized`.
    pub(crate) fn expiry_note(&self) -> Option<String> {
        self.expiry_note.clone()
    }

    /// Describes the current credential. An exec plugin's credential is known after the plugin has
    /// run.
    pub(crate) async fn credential(&self) -> CredentialSummary {
        let current = self.current.lock().await;
        let session = current.as_deref();
        let summary = session
            .map(|session| CredentialSummary::from_credential(&self.user, &session.credential));
        CredentialSummary {
            plugin: self.plugin.as_ref().map(|plugin| ExecPluginInfo {
                command: plugin.command().to_owned(),
                expires: session.and_then(|session| session.expires),
            }),
            source: self.source.clone(),
            ..summary.unwrap_or_default()
        }
    }

    /// Returns the names of the kubeconfig's authorities for the server's certificate; none if the
    /// platform's authorities apply.
    pub(crate) async fn authorities(&self) -> Vec<String> {
        let current = self.current.lock().await;
        let bundle = current
            .as_deref()
            .and_then(|session| session.authorities.as_deref());
        bundle.map(tls::names_of_authorities).unwrap_or_default()
    }

    /// Returns the user that requests are sent as instead of the owner of the credential.
    pub(crate) fn impersonation(&self) -> Impersonation {
        Impersonation::from_user(&self.user)
    }

    /// Returns a cache key for the user and the route. With equal keys, the server's responses are
    /// for the same user. A key contains no credential.
    pub(crate) fn user_key(&self) -> String {
        let Route {
            cluster_name,
            proxy,
            ..
        } = &self.route;
        format!(
            "{:?} by {cluster_name:?} {:?} as {:?}",
            self.source.user,
            proxy.as_ref().map(|proxy| &proxy.address),
            self.impersonation(),
        )
    }

    /// Reports whether [`SessionProvider::session`] may run an exec plugin.
    pub(crate) fn may_run_plugin(&self) -> bool {
        self.plugin.is_some()
    }

    /// Returns the session for a request that is about to be sent. Runs the exec plugin if its last
    /// credential is no longer valid.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, Error> {
        // The lock is held while the plugin runs, so that concurrent requests wait for one run.
        let mut current = self.current.lock().await;
        if let Some(session) = &*current
            && session
                .expires
                .is_none_or(|expires| Timestamp::now() <= expires)
        {
            return Ok(Arc::clone(session));
        }
        let session = match (&self.plugin, current.as_deref()) {
            (Some(plugin), _) => {
                let exec_status = plugin.credential_status(self.stdin_in_use).await?;
                let opened = self.open(Some(exec_status));
                opened.map_err(|error| unusable_credential(&error))?.0
            }
            (None, Some(last)) => match self.open(None) {
                Ok((session, _)) if !session.has_same_credential_and_trust(last) => session,
                // Files may have disappeared since the start, but the session still works.
                _ => Session {
                    expires: file_expiry(),
                    ..last.clone()
                },
            },
            (None, None) => self.open(None)?.0,
        };
        Ok(Arc::clone(current.insert(Arc::new(session))))
    }

    /// Replaces the session `refused`, to which the server responded with 401. Returns whether
    /// there is another session to try.
    pub(crate) async fn renew(&self, refused: &Arc<Session>) -> bool {
        let mut current = self.current.lock().await;
        if is_replaced(current.as_ref(), refused) {
            return true;
        }
        if let Some(plugin) = &self.plugin {
            if let Some(exec_status) = &refused.exec_status {
                plugin.forget(exec_status).await;
            }
            *current = None;
            return true;
        }
        match self.open(None) {
            Ok((session, _)) if !session.has_same_credential_and_trust(refused) => {
                *current = Some(Arc::new(session));
                true
            }
            _ => false,
        }
    }

    /// Reads the file of authorities again after `refused` did not trust the server: the file may
    /// have been replaced along with the server's certificate. Returns whether there is another
    /// session to try. Never runs an exec plugin.
    pub(crate) async fn reload_authorities(&self, refused: &Arc<Session>) -> bool {
        let mut current = self.current.lock().await;
        if is_replaced(current.as_ref(), refused) {
            return true;
        }
        match self.open(refused.exec_status.clone()) {
            Ok((session, _)) if session.authorities != refused.authorities => {
                *current = Some(Arc::new(session));
                true
            }
            _ => false,
        }
    }

    /// Creates a session from the current content of the files, or from an exec plugin's
    /// credential. Also returns a note if the client certificate is not valid now.
    fn open(
        &self,
        exec_status: Option<Arc<ExecCredentialStatus>>,
    ) -> Result<(Session, Option<String>), Error> {
        let Route {
            server,
            cluster,
            proxy,
            connections,
            meter,
            trace,
            ..
        } = &self.route;
        let configured = ResolvedCredential::from_user(&self.user, &self.source)?;
        let (credential, expires) = match &exec_status {
            Some(exec_status) => (
                exec_status.to_credential(),
                exec_status.expiration_timestamp,
            ),
            None => (configured, file_expiry()),
        };
        let certificate = credential.certificate.as_ref();
        let certified_key = certificate
            .map(|certificate| tls::certified_key(certificate, &self.source.user))
            .transpose()?;
        let expiry_note = certified_key
            .as_ref()
            .and_then(|certified_key| tls::expiry_note(certified_key, &self.source.user));
        // As in client-go, the authorities only apply if the server itself uses TLS.
        let is_tls = server_url::is_tls(server);
        let plain = Cluster::default();
        let trust = if is_tls { cluster } else { &plain };
        let authorities = credential::certificate_authority(trust)?;
        let tls = if is_tls || proxy.as_ref().is_some_and(Proxy::is_tls) {
            Some(tls::settings(trust, authorities.as_deref(), certified_key)?)
        } else {
            None
        };
        let mut headers = credential::headers(&credential, &self.impersonation())?;
        let of_proxy = proxy.as_ref().filter(|proxy| proxy.passes_on(server));
        if let Some(authorization) = of_proxy.and_then(Proxy::authorization) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        let client = transport::client(server, tls, proxy.clone(), *connections, meter, *trace);
        Ok((
            Session {
                client,
                headers,
                credential,
                authorities,
                expires,
                exec_status,
            },
            expiry_note,
        ))
    }
}

impl Session {
    /// Returns the secret parts of the headers: the text after `Bearer` or `Basic`.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.headers.values().filter(|value| value.is_sensitive());
        let text = secret.filter_map(|value| value.to_str().ok());
        text.filter_map(|text| Some(text.split_once(' ')?.1))
    }

    fn has_same_credential_and_trust(&self, other: &Self) -> bool {
        self.authorities == other.authorities && self.credential.is_same_as(&other.credential)
    }
}

/// Reports whether another request has already replaced the session `refused`.
fn is_replaced(current: Option<&Arc<Session>>, refused: &Arc<Session>) -> bool {
    current.is_none_or(|session| !Arc::ptr_eq(session, refused))
}

/// Returns kubectl's error for an exec plugin's certificate or key that cannot be parsed.
fn unusable_credential(error: &Error) -> Error {
    let reason = match error.kind() {
        Kind::Usage(reason) => reason.clone(),
        _ => error.to_string(),
    };
    exec_credential::failure(format!("failed parsing client key/certificate: {reason}"))
}

fn file_expiry() -> Option<Timestamp> {
    Timestamp::now().checked_add(FILE_MAX_AGE).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use faulty_server::FaultyServer;

    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    impl Session {
        fn token(&self) -> &str {
            self.credential.token().unwrap_or_default()
        }
    }

    impl SessionProvider {
        /// Returns the sessions of a Pod whose service account is in `folder`.
        fn of_folder(folder: &Path) -> Result<Self, Error> {
            let file = |name| Some(folder.join(name).to_string_lossy().into_owned());
            let cluster = Cluster {
                certificate_authority: file("ca.crt"),
                ..Cluster::default()
            };
            let user = AuthInfo {
                token_file: file("token"),
                ..AuthInfo::default()
            };
            let route = Route {
                server: Uri::from_static("https://10.0.0.1"),
                cluster_name: String::new(),
                cluster,
                proxy: None,
                connections: Connections::default(),
                meter: Meter::default(),
                trace: Trace::default(),
            };
            Self::new(route, CredentialSource::default(), user, None)
        }

        /// Pretends that a minute has passed.
        async fn age(&self) {
            let mut current = self.current.lock().await;
            *current = current.as_deref().map(|session| {
                Arc::new(Session {
                    expires: Some(Timestamp::UNIX_EPOCH),
                    ..session.clone()
                })
            });
        }
    }

    #[tokio::test]
    async fn token_and_authorities_are_read_again_after_a_minute() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = |name| folder.path().join(name);
        let authority = || FaultyServer::start([]).map(|server| server.pki.certificate_authority());
        fs::write(path("ca.crt"), authority()?)?;
        fs::write(path("token"), "one")?;
        let provider = SessionProvider::of_folder(folder.path())?;
        let first = provider.session().await?;
        assert_eq!(first.token(), "one");
        assert!(first.expires.ok_or("it has no end")? <= Timestamp::now() + FILE_MAX_AGE);

        fs::write(path("token"), "two")?;
        assert!(Arc::ptr_eq(&provider.session().await?, &first));
        provider.age().await;
        let second = provider.session().await?;
        assert_eq!(second.token(), "two");

        let renewed = authority()?;
        fs::write(path("ca.crt"), &renewed)?;
        provider.age().await;
        let third = provider.session().await?;
        assert_eq!(third.authorities.as_deref(), Some(renewed.as_bytes()));

        // A missing or incomplete file does not end a session that works.
        fs::remove_file(path("token"))?;
        provider.age().await;
        assert_eq!(provider.session().await?.token(), "two");
        fs::write(path("token"), "three")?;
        assert_eq!(provider.session().await?.token(), "two");
        provider.age().await;
        assert_eq!(provider.session().await?.token(), "three");
        Ok(())
    }

    #[tokio::test]
    async fn a_refused_session_is_renewed_once_for_concurrent_requests() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = |name| folder.path().join(name);
        fs::write(
            path("ca.crt"),
            FaultyServer::start([])?.pki.certificate_authority(),
        )?;
        fs::write(path("token"), "one")?;
        let provider = SessionProvider::of_folder(folder.path())?;
        let refused = provider.session().await?;
        assert!(!provider.renew(&refused).await);

        fs::write(path("token"), "two")?;
        assert!(provider.renew(&refused).await);
        let renewed = provider.session().await?;
        assert_eq!(renewed.token(), "two");
        assert!(provider.renew(&refused).await);
        assert!(Arc::ptr_eq(&provider.session().await?, &renewed));
        Ok(())
    }
}
