//! A login that lasts: a client for as long as its credential is good, then another one.
//!
//! A token file, a certificate authority and an exec plugin's credential change while a command
//! runs. Everything that sends asks for a [`Session`] each time, and hands it back as refused
//! after a 401, or when it did not trust the server. That keeps the rules in one place: a plugin runs when the first request is about
//! to be sent, and again when its credential has expired or was refused; files are read again
//! when they were read a minute ago, or when what they gave was refused (client-go's rules,
//! `client-go/transport/token_source.go` and `ca_rotation.go`).

use std::{sync::Arc, time::Duration};

use http::{
    Uri,
    header::{HeaderMap, PROXY_AUTHORIZATION},
};
use jiff::Timestamp;
use kube_client::{
    Client,
    config::{AuthInfo, Cluster},
};
use tokio::sync::Mutex;

use crate::Error;
use crate::connection::auth::credential::{self, Impersonation, ResolvedCredential};
use crate::connection::auth::exec::ExecPlugin;
use crate::connection::auth::exec::answer::{self, Answer};
use crate::connection::auth::summary::{CredentialSummary, ExecPluginInfo};
use crate::connection::tls;
use crate::connection::transport::meter::Meter;
use crate::connection::transport::proxy::Proxy;
use crate::connection::transport::{self, server_url};
use crate::error::Kind;
use crate::stderr::trace::Trace;

/// How long what was read from files is used. A kubelet renews a token when 80 % of its time
/// is over, which is at least ten minutes.
const MINUTE: Duration = Duration::from_mins(1);

/// The way to one server.
pub(crate) struct Route {
    pub(crate) server: Uri,
    /// The cluster's name in the kubeconfig; may be empty.
    pub(crate) cluster_name: String,
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) meter: Meter,
    pub(crate) trace: Trace,
}

/// The login for one server.
pub(crate) struct SessionProvider {
    pub(crate) route: Route,
    pub(crate) user_name: String,
    pub(crate) user: AuthInfo,
    pub(crate) plugin: Option<ExecPlugin>,
    /// The command itself reads stdin, so a plugin must not.
    pub(crate) stdin_in_use: bool,
    /// That the kubeconfig's client certificate is out of date.
    expiry_note: Option<String>,
    current: Mutex<Option<Arc<Session>>>,
}

/// A client with one credential. No connection is open yet.
#[derive(Clone)]
pub(crate) struct Session {
    /// Adds the server and its base path to a request.
    pub(crate) client: Client,
    /// What goes with each request: the login and the impersonation.
    pub(crate) headers: HeaderMap,
    /// The credential that the client sends.
    credential: ResolvedCredential,
    /// Whom it trusts, in PEM.
    authorities: Option<Vec<u8>>,
    /// When to ask for another one.
    until: Option<Timestamp>,
    /// The plugin's, if it is its.
    answer: Option<Arc<Answer>>,
}

impl SessionProvider {
    /// Reads and checks everything but a plugin's answer. Needs a tokio runtime around it.
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

    /// That the kubeconfig's client certificate is out of date, which most servers answer with a
    /// bare `Unauthorized`.
    pub(crate) fn expiry_note(&self) -> Option<String> {
        self.expiry_note.clone()
    }

    /// What is presented to the server now. A plugin's answer is in it once the plugin has run for
    /// a request.
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

    /// The names of the authorities that the server's certificate must be signed by; none when
    /// they are the platform's.
    pub(crate) async fn authorities(&self) -> Vec<String> {
        let current = self.current.lock().await;
        let bundle = current
            .as_deref()
            .and_then(|session| session.authorities.as_deref());
        bundle.map(tls::names_of_authorities).unwrap_or_default()
    }

    /// Whether requests are sent as somebody else.
    pub(crate) fn impersonates(&self) -> bool {
        Impersonation::of_user(&self.user).is_some()
    }

    /// To whom the server's answers are, by which way: two that are the same get the same. No
    /// credential is in it.
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

    /// The session for a request that is about to be sent. Runs the plugin if there is one and
    /// its last answer is not good any more.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, Error> {
        // Held while the plugin runs, so that several requests wait for one run.
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
                // Files may be gone that were there at the start, and connections need not be.
                _ => Session {
                    until: a_minute_from_now(),
                    ..last.clone()
                },
            },
            (None, None) => self.open(None)?.0,
        };
        Ok(Arc::clone(current.insert(Arc::new(session))))
    }

    /// Whether there is another session to try after a 401 for `refused`.
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

    /// Whether there is another session to try when `refused` did not trust the server: the file
    /// of authorities may have been replaced, as the server's certificate was. A plugin has no
    /// part in that.
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

    /// A session with what the files and the plugin say now, and a note if its certificate is out
    /// of date.
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
        // As in client-go, the authorities are for a server that speaks TLS itself.
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
    /// What of its headers nobody may see: what stands behind `Bearer` or `Basic`.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.headers.values().filter(|value| value.is_sensitive());
        let text = secret.filter_map(|value| value.to_str().ok());
        text.filter_map(|text| Some(text.split_once(' ')?.1))
    }

    fn presents_the_same_as(&self, other: &Self) -> bool {
        self.authorities == other.authorities && self.credential.is_same_as(&other.credential)
    }
}

/// Whether another request has handed the session back already.
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
    use std::{fs, path::Path};

    use faulty_server::FaultyServer;

    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    impl Session {
        fn token(&self) -> &str {
            self.credential.token().unwrap_or_default()
        }
    }

    impl SessionProvider {
        /// The login of a Pod whose account is in `folder`.
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

        /// Lets a minute pass.
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

        // What is gone or not whole does not end a login that works.
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
