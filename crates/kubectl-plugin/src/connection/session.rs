//! Provides a client for as long as its credential is valid, then another one.
//!
//! Token files, certificate authorities and the credentials of exec plugins change while a command runs. So
//! every request asks for a [`Session`], and hands it back after a 401 or if it did not trust the server. A
//! plugin runs when the first request is about to be sent, and again when its credential has expired or was
//! refused. Files are read again after a minute, and when their content was refused. These are client-go's
//! rules (`client-go/transport/token_source.go` and `ca_rotation.go`).

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
use crate::connection::auth::exec::answer;
use crate::connection::auth::exec::answer::Answer;
use crate::connection::auth::summary::{CredentialSummary, ExecPluginInfo};
use crate::connection::tls;
use crate::connection::transport;
use crate::connection::transport::meter::Meter;
use crate::connection::transport::proxy::Proxy;
use crate::connection::transport::server_url;
use crate::error::Kind;
use crate::stderr::trace::Trace;

/// How long the content of files is used. A kubelet renews a token after 80 % of its lifetime, which is at
/// least ten minutes.
const MINUTE: Duration = Duration::from_mins(1);

/// The route to one server.
pub(crate) struct Route {
    pub(crate) server: Uri,
    /// The cluster's name in the kubeconfig; may be empty.
    pub(crate) cluster_name: String,
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) meter: Meter,
    pub(crate) trace: Trace,
}

/// Provides sessions for one server.
pub(crate) struct SessionProvider {
    pub(crate) route: Route,
    pub(crate) user_name: String,
    pub(crate) user: AuthInfo,
    pub(crate) plugin: Option<ExecPlugin>,
    /// The command itself reads stdin, so an exec plugin must not.
    pub(crate) stdin_in_use: bool,
    /// A note that the kubeconfig's client certificate has expired or is not yet valid.
    expiry_note: Option<String>,
    current: Mutex<Option<Arc<Session>>>,
}

/// A client with one credential. No connection is open yet.
#[derive(Clone)]
pub(crate) struct Session {
    /// Adds the server and its base path to a request.
    pub(crate) client: Client,
    /// The headers of each request: authorization and impersonation.
    pub(crate) headers: HeaderMap,
    /// The credential that the client sends.
    credential: ResolvedCredential,
    /// The certificate authorities that it trusts, in PEM.
    authorities: Option<Vec<u8>>,
    /// When to ask for another session.
    until: Option<Timestamp>,
    /// The exec plugin's answer, if the credential comes from one.
    answer: Option<Arc<Answer>>,
}

impl SessionProvider {
    /// Reads and checks everything except a plugin's answer. Needs a tokio runtime.
    pub(crate) fn new(
        route: Route,
        user_name: String,
        user: AuthInfo,
        plugin: Option<ExecPlugin>,
    ) -> Result<Self, Error> {
        let mut login = Self {
            route,
            user_name,
            user,
            plugin,
            stdin_in_use: false,
            expiry_note: None,
            current: Mutex::default(),
        };
        let (session, expiry_note) = login.open(None)?;
        login.expiry_note = expiry_note;
        if login.plugin.is_none() || session.credential.is_some() {
            login.plugin = None;
            login.current = Mutex::new(Some(Arc::new(session)));
        }
        Ok(login)
    }

    /// Returns a note if the kubeconfig's client certificate is not valid now, which most servers answer with a
    /// bare `Unauthorized`.
    pub(crate) fn expiry_note(&self) -> Option<String> {
        self.expiry_note.clone()
    }

    /// Describes the current credential. It includes a plugin's answer once the plugin has run.
    pub(crate) async fn credential(&self) -> CredentialSummary {
        let current = self.current.lock().await;
        let session = current.as_deref();
        let presented =
            session.map(|session| CredentialSummary::of(&self.user, &session.credential));
        CredentialSummary {
            plugin: self.plugin.as_ref().map(|plugin| ExecPluginInfo {
                command: plugin.command().to_owned(),
                expires: session.and_then(|session| session.until),
            }),
            ..presented.unwrap_or_default()
        }
    }

    /// Returns the names of the authorities that may sign the server's certificate; none if they are the
    /// platform's.
    pub(crate) async fn authorities(&self) -> Vec<String> {
        let current = self.current.lock().await;
        let bundle = current
            .as_deref()
            .and_then(|session| session.authorities.as_deref());
        bundle.map(tls::names_of_authorities).unwrap_or_default()
    }

    /// Reports whether requests are sent as another user.
    pub(crate) fn impersonates(&self) -> bool {
        Impersonation::of_user(&self.user).is_some()
    }

    /// Returns a key for the user and the route. Equal keys mean that the server's responses are for the same
    /// user. It contains no credential.
    pub(crate) fn identity(&self) -> String {
        let Route {
            cluster_name,
            proxy,
            ..
        } = &self.route;
        format!(
            "{:?} by {cluster_name:?} {:?} as {:?}",
            self.user_name,
            proxy.as_ref().map(|proxy| &proxy.address),
            Impersonation::of_user(&self.user),
        )
    }

    /// Reports whether [`SessionProvider::session`] may run an exec plugin.
    pub(crate) fn may_run_plugin(&self) -> bool {
        self.plugin.is_some()
    }

    /// Returns the session for a request that is about to be sent. Runs the plugin if there is one and its last
    /// answer is no longer valid.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, Error> {
        // Held while the plugin runs, so that concurrent requests wait for one run.
        let mut current = self.current.lock().await;
        if let Some(session) = &*current
            && session.until.is_none_or(|until| Timestamp::now() <= until)
        {
            return Ok(Arc::clone(session));
        }
        let session = match (&self.plugin, current.as_deref()) {
            (Some(plugin), _) => {
                let answer = plugin.answer(self.stdin_in_use).await?;
                let opened = self.open(Some(answer));
                opened.map_err(|error| unusable_answer(&error))?.0
            }
            (None, Some(last)) => match self.open(None) {
                Ok((session, _)) if !session.presents_the_same_as(last) => session,
                // Files may have disappeared since the start, but the session still works.
                _ => Session {
                    until: a_minute_from_now(),
                    ..last.clone()
                },
            },
            (None, None) => self.open(None)?.0,
        };
        Ok(Arc::clone(current.insert(Arc::new(session))))
    }

    /// Reports whether there is another session to try after a 401 for `refused`.
    pub(crate) async fn renew(&self, refused: &Arc<Session>) -> bool {
        let mut current = self.current.lock().await;
        if is_replaced(current.as_ref(), refused) {
            return true;
        }
        if let Some(plugin) = &self.plugin {
            if let Some(answer) = &refused.answer {
                plugin.forget(answer).await;
            }
            *current = None;
            return true;
        }
        match self.open(None) {
            Ok((session, _)) if !session.presents_the_same_as(refused) => {
                *current = Some(Arc::new(session));
                true
            }
            _ => false,
        }
    }

    /// Reports whether there is another session to try if `refused` did not trust the server: the file of
    /// authorities may have been replaced, along with the server's certificate. A plugin is not involved.
    pub(crate) async fn trust_anew(&self, refused: &Arc<Session>) -> bool {
        let mut current = self.current.lock().await;
        if is_replaced(current.as_ref(), refused) {
            return true;
        }
        match self.open(refused.answer.clone()) {
            Ok((session, _)) if session.authorities != refused.authorities => {
                *current = Some(Arc::new(session));
                true
            }
            _ => false,
        }
    }

    /// Opens a session with the current content of the files and the plugin's answer. Returns a note if its
    /// certificate is not valid now.
    fn open(&self, answer: Option<Arc<Answer>>) -> Result<(Session, Option<String>), Error> {
        let Route {
            server,
            cluster,
            proxy,
            meter,
            trace,
            ..
        } = &self.route;
        let configured = ResolvedCredential::of_user(&self.user, &self.user_name)?;
        let (credential, until) = match &answer {
            Some(answer) => (answer.to_credential(), answer.expiration_timestamp),
            None => (configured, a_minute_from_now()),
        };
        let certificate = credential.certificate.as_ref();
        let identity = certificate
            .map(|certificate| tls::identity(certificate, &self.user_name))
            .transpose()?;
        let expiry_note = identity
            .as_ref()
            .and_then(|identity| tls::expiry_note(identity, &self.user_name));
        // As in client-go, the authorities only apply if the server itself speaks TLS.
        let is_tls = server_url::is_tls(server);
        let plain = Cluster::default();
        let trust = if is_tls { cluster } else { &plain };
        let authorities = credential::certificate_authority(trust)?;
        let tls = if is_tls || proxy.as_ref().is_some_and(Proxy::is_tls) {
            Some(tls::of_cluster(trust, authorities.as_deref(), identity)?)
        } else {
            None
        };
        let impersonation = Impersonation::of_user(&self.user);
        let mut headers = credential::headers(&credential, &impersonation)?;
        let of_proxy = proxy.as_ref().filter(|proxy| proxy.passes_on(server));
        if let Some(authorization) = of_proxy.and_then(Proxy::authorization) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        let client = transport::client(server, tls, proxy.clone(), meter, *trace);
        Ok((
            Session {
                client,
                headers,
                credential,
                authorities,
                until,
                answer,
            },
            expiry_note,
        ))
    }
}

impl Session {
    /// Returns the secret parts of its headers: the text after `Bearer` or `Basic`.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.headers.values().filter(|value| value.is_sensitive());
        let text = secret.filter_map(|value| value.to_str().ok());
        text.filter_map(|text| Some(text.split_once(' ')?.1))
    }

    fn presents_the_same_as(&self, other: &Self) -> bool {
        self.authorities == other.authorities && self.credential.is_same_as(&other.credential)
    }
}

/// Reports whether another request has already handed the session back.
fn is_replaced(current: Option<&Arc<Session>>, refused: &Arc<Session>) -> bool {
    current.is_none_or(|session| !Arc::ptr_eq(session, refused))
}

/// Returns kubectl's line for an answer with a broken certificate or key.
fn unusable_answer(error: &Error) -> Error {
    let reason = match error.kind() {
        Kind::Usage(reason) => reason.clone(),
        _ => error.to_string(),
    };
    answer::failure(format!("failed parsing client key/certificate: {reason}"))
}

fn a_minute_from_now() -> Option<Timestamp> {
    Timestamp::now().checked_add(MINUTE).ok()
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
                meter: Meter::default(),
                trace: Trace::default(),
            };
            Self::new(route, String::new(), user, None)
        }

        /// Pretends that a minute has passed.
        async fn age(&self) {
            let mut current = self.current.lock().await;
            *current = current.as_deref().map(|session| {
                Arc::new(Session {
                    until: Some(Timestamp::UNIX_EPOCH),
                    ..session.clone()
                })
            });
        }
    }

    #[tokio::test]
    async fn a_pods_token_and_authority_are_read_again_after_a_minute() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = |name| folder.path().join(name);
        let authority = || FaultyServer::start([]).map(|server| server.pki.certificate_authority());
        fs::write(path("ca.crt"), authority()?)?;
        fs::write(path("token"), "one")?;
        let login = SessionProvider::of_folder(folder.path())?;
        let first = login.session().await?;
        assert_eq!(first.token(), "one");
        assert!(first.until.ok_or("it has no end")? <= Timestamp::now() + MINUTE);

        fs::write(path("token"), "two")?;
        assert!(Arc::ptr_eq(&login.session().await?, &first));
        login.age().await;
        let second = login.session().await?;
        assert_eq!(second.token(), "two");

        let renewed = authority()?;
        fs::write(path("ca.crt"), &renewed)?;
        login.age().await;
        let third = login.session().await?;
        assert_eq!(third.authorities.as_deref(), Some(renewed.as_bytes()));

        // A missing or incomplete file does not end a session that works.
        fs::remove_file(path("token"))?;
        login.age().await;
        assert_eq!(login.session().await?.token(), "two");
        fs::write(path("token"), "three")?;
        assert_eq!(login.session().await?.token(), "two");
        login.age().await;
        assert_eq!(login.session().await?.token(), "three");
        Ok(())
    }

    #[tokio::test]
    async fn a_refused_session_is_renewed_once_for_all_who_had_it() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = |name| folder.path().join(name);
        fs::write(
            path("ca.crt"),
            FaultyServer::start([])?.pki.certificate_authority(),
        )?;
        fs::write(path("token"), "one")?;
        let login = SessionProvider::of_folder(folder.path())?;
        let refused = login.session().await?;
        assert!(!login.renew(&refused).await);

        fs::write(path("token"), "two")?;
        assert!(login.renew(&refused).await);
        let renewed = login.session().await?;
        assert_eq!(renewed.token(), "two");
        assert!(login.renew(&refused).await);
        assert!(Arc::ptr_eq(&login.session().await?, &renewed));
        Ok(())
    }
}
