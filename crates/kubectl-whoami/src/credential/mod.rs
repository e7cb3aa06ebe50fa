//! The credentials that were sent to the server, and which of them counted.

pub(crate) mod explanation;

use jiff::Timestamp;
use kubectl_plugin::connection::{
    Authorization, BearerToken, ClientCertificate, CredentialSummary, ExecPluginInfo,
};
use kubectl_plugin::text::utc;
use serde::Serialize;

use crate::identity::UserInfo;
use crate::remaining;

/// The extra in which newer servers name the credential that they accepted: `X509SHA256=…`, `JTI=…`
/// (`apiserver/pkg/authentication/request/x509`, `kubernetes/pkg/serviceaccount`).
pub(crate) const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// The server's name for a user without a credential.
pub(crate) const ANONYMOUS: &str = "system:anonymous";

/// The kind of a credential. The names appear in documents, and do not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) enum Kind {
    ClientCertificate,
    BearerToken,
    Basic,
    /// An exec plugin that has not run, so its credential is not known.
    ExecPlugin,
    #[default]
    None,
    /// The kind for a context that is incomplete in the kubeconfig.
    Unknown,
}

/// One credential, as a document shows it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Presented {
    pub(crate) kind: Kind,
    /// The exec plugin that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// The file of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The kubeconfig's auth provider that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_provider: Option<String>,
    /// The subject of the certificate or token; the user name for basic authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) audiences: Vec<String>,
    /// The certificate's SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// The token's `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Timestamp>,
    /// Whether the token is a JWT.
    #[serde(skip)]
    pub(crate) is_jwt: bool,
    /// Whether the server named this credential as the one that it accepted.
    pub(crate) confirmed: bool,
    /// The credential that the server named instead.
    #[serde(skip)]
    pub(crate) seen_instead: Option<String>,
    /// The user that the credential stands for, as far as it tells.
    #[serde(skip)]
    pub(crate) local_user: UserInfo,
}

/// All credentials that were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authentication {
    /// The one that counted, if that is known; otherwise the one that a server checks first.
    pub(crate) used: Presented,
    /// The others.
    pub(crate) others: Vec<Presented>,
    /// Whether the server's response tells which one counted.
    pub(crate) is_settled: bool,
}

impl Authentication {
    /// Sorts the credentials by what the server says about the user.
    pub(crate) fn new(credential: &CredentialSummary, user: Option<&UserInfo>) -> Self {
        let plugin = credential.plugin.as_ref();
        let mut presented: Vec<Presented> = Vec::new();
        // A server checks in this order: it tries the token if the certificate identifies nobody.
        presented.extend(credential.certificate.as_ref().map(of_certificate));
        presented.extend(credential.authorization.as_ref().map(of_authorization));
        if let Some(plugin) = plugin {
            for one in &mut presented {
                one.come_from(plugin);
            }
        }
        let taken =
            user.and_then(|user| presented.iter_mut().position(|one| one.was_accepted(user)));
        let is_nobody = user.is_some_and(|user| user.username == ANONYMOUS);
        let used = match taken {
            Some(index) => presented.remove(index),
            None if is_nobody => Presented::default(),
            None if presented.is_empty() => plugin.map_or_else(Presented::default, of_plugin),
            None if user.is_none() => presented.remove(0),
            // A certificate would have given a name, so the token counted.
            None => presented.pop().unwrap_or_default(),
        };
        Self {
            used,
            others: presented,
            is_settled: taken.is_some() || is_nobody,
        }
    }
}

impl Presented {
    /// Returns a credential about which nothing is known.
    pub(crate) fn unknown() -> Self {
        Self {
            kind: Kind::Unknown,
            ..Self::default()
        }
    }

    /// Describes the credential and its origin, for example `bearer token from exec plugin aws`.
    pub(crate) fn description(&self) -> String {
        let what = match self.kind {
            Kind::ClientCertificate => "client certificate",
            Kind::BearerToken => "bearer token",
            Kind::Basic => "user name and password (basic)",
            Kind::ExecPlugin | Kind::Unknown => "unknown",
            Kind::None => "none",
        };
        match (&self.command, &self.file, &self.auth_provider) {
            (Some(command), ..) if self.kind == Kind::ExecPlugin => {
                format!("exec plugin {command} (not run)")
            }
            (Some(command), ..) => format!("{what} from exec plugin {command}"),
            (None, Some(file), _) => format!("{what} from file {file}"),
            (None, None, Some(provider)) => format!("{what} from auth provider {provider}"),
            (None, None, None) => what.to_owned(),
        }
    }

    /// Tells that it has expired or is not yet valid, for example `expired 3 hours ago, at …`.
    pub(crate) fn out_of_date(&self, now: Timestamp) -> Option<String> {
        let date = |time: Timestamp| utc::minute(time.as_second());
        if let Some(expires) = self.expires.filter(|expires| *expires <= now) {
            let ago = remaining::words(now.duration_since(expires));
            return Some(format!("expired {ago} ago, at {}", date(expires)));
        }
        let start = self.not_before.filter(|start| now < *start)?;
        let until = remaining::words(start.duration_since(now));
        Some(format!("is not valid until {} (in {until})", date(start)))
    }

    fn come_from(&mut self, plugin: &ExecPluginInfo) {
        self.command = Some(plugin.command.clone());
        // The earlier of both ends counts.
        self.expires = match (self.expires, plugin.expires) {
            (Some(own), Some(of_plugin)) => Some(own.min(of_plugin)),
            (own, of_plugin) => own.or(of_plugin),
        };
    }

    /// Decides whether the server accepted this credential: by its ID, otherwise by the user's name.
    fn was_accepted(&mut self, user: &UserInfo) -> bool {
        let Some(ids) = user.extra.get(CREDENTIAL_ID) else {
            return !user.username.is_empty() && self.local_user.username == user.username;
        };
        let is_named = |id: &String| match id.split_once('=') {
            Some(("X509SHA256", fingerprint)) => self.fingerprint.as_deref() == Some(fingerprint),
            Some(("JTI", id)) => self.id.as_deref() == Some(id),
            _ => false,
        };
        self.confirmed = ids.iter().any(is_named);
        self.seen_instead = (!self.confirmed).then(|| ids.join(", "));
        self.confirmed
    }
}

/// Returns a credential for a plugin that has not run.
fn of_plugin(plugin: &ExecPluginInfo) -> Presented {
    Presented {
        kind: Kind::ExecPlugin,
        command: Some(plugin.command.clone()),
        ..Presented::default()
    }
}

fn of_authorization(authorization: &Authorization) -> Presented {
    match authorization {
        Authorization::Token(token) => of_token(token),
        Authorization::Basic { name } => Presented {
            kind: Kind::Basic,
            subject: Some(name.clone()),
            local_user: UserInfo {
                username: name.clone(),
                ..UserInfo::default()
            },
            ..Presented::default()
        },
    }
}

fn of_token(token: &BearerToken) -> Presented {
    let claims = token.claims.clone().unwrap_or_default();
    // An OIDC provider's subject is not the server's user name.
    let is_account = |subject: &&String| subject.starts_with("system:serviceaccount:");
    Presented {
        kind: Kind::BearerToken,
        is_jwt: token.claims.is_some(),
        file: token.file.clone(),
        auth_provider: token.auth_provider.clone(),
        local_user: UserInfo {
            username: claims
                .subject
                .as_ref()
                .filter(is_account)
                .cloned()
                .unwrap_or_default(),
            ..UserInfo::default()
        },
        subject: claims.subject,
        issuer: claims.issuer,
        audiences: claims.audiences,
        id: claims.id,
        not_before: claims.not_before,
        expires: claims.expires,
        ..Presented::default()
    }
}

fn of_certificate(certificate: &ClientCertificate) -> Presented {
    Presented {
        kind: Kind::ClientCertificate,
        subject: Some(certificate.subject.clone()),
        issuer: Some(certificate.issuer.clone()),
        fingerprint: Some(certificate.fingerprint.clone()),
        not_before: Some(certificate.not_before),
        expires: Some(certificate.not_after),
        local_user: UserInfo {
            username: certificate.common_name.clone().unwrap_or_default(),
            groups: certificate.organizations.clone(),
            ..UserInfo::default()
        },
        ..Presented::default()
    }
}
