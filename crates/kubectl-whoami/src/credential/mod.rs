//! The credentials that were sent to the server, and the one that it accepted.
//!
//! * here: describes the credentials, and finds the accepted one
//! * `anonymous`: explains that no credential was accepted

pub(crate) mod anonymous;

use jiff::Timestamp;
use kubectl_plugin::connection::{
    Authorization, AwsToken, BearerToken, ClientCertificate, CredentialSummary, ExecPluginInfo,
    describe_origin, validity_problem,
};
use serde::Serialize;

use crate::identity::UserInfo;

/// The extra with which newer servers name the credential that they accepted: `X509SHA256=…`,
/// `JTI=…` (`apiserver/pkg/authentication/request/x509`, `kubernetes/pkg/serviceaccount`).
pub(crate) const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// The kind of a credential. The names appear in documents, and must not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) enum CredentialKind {
    ClientCertificate,
    BearerToken,
    Basic,
    /// An exec plugin that has not run, so its credential is not known.
    ExecPlugin,
    #[default]
    None,
    /// The credential of a context that is incomplete in the kubeconfig.
    Unknown,
}

/// One credential, as a document shows it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SentCredential {
    pub(crate) kind: CredentialKind,
    /// The exec plugin that provides the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// The file of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The kubeconfig's auth provider that has the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_provider: Option<String>,
    /// The subject of the certificate or token; the user name for basic authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) audiences: Vec<String>,
    /// The token's `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// The token's `email_verified`.
    #[serde(rename = "emailVerified", skip_serializing_if = "Option::is_none")]
    pub(crate) is_email_verified: Option<bool>,
    /// The token's `groups`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    /// The access key that signed a token of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_key_id: Option<String>,
    /// The region of a token of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
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
    /// Whether the server named this credential as the one that it accepted.
    pub(crate) confirmed: bool,
    /// The credential that the server named instead.
    #[serde(skip)]
    pub(crate) accepted_instead: Option<String>,
    /// The user according to the credential; empty if it does not tell.
    #[serde(skip)]
    pub(crate) local_user: UserInfo,
}

/// All credentials that were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authentication {
    /// The credential that the server accepted, if that is known; otherwise the one that a server
    /// checks first.
    pub(crate) used: SentCredential,
    /// The others.
    pub(crate) others: Vec<SentCredential>,
    /// Whether the server's response shows that `used` was accepted.
    pub(crate) is_used_known: bool,
}

impl Authentication {
    /// Decides which credential the server accepted, by the user in its response.
    pub(crate) fn new(credential: &CredentialSummary, user: Option<&UserInfo>) -> Self {
        let plugin = credential.plugin.as_ref();
        let mut sent: Vec<SentCredential> = Vec::new();
        // A server checks in this order: the token is tried if the certificate does not identify a
        // user.
        sent.extend(credential.certificate.as_ref().map(from_certificate));
        sent.extend(credential.authorization.as_ref().map(from_authorization));
        if let Some(plugin) = plugin {
            for credential in &mut sent {
                credential.set_plugin(plugin);
            }
        }
        let taken = user.and_then(|user| {
            sent.iter_mut()
                .position(|credential| credential.record_acceptance(user))
        });
        let is_nobody = user.is_some_and(UserInfo::is_anonymous);
        let used = match taken {
            Some(index) => sent.remove(index),
            None if is_nobody => SentCredential::default(),
            None if sent.is_empty() => plugin.map_or_else(SentCredential::default, from_plugin),
            None if user.is_none() => sent.remove(0),
            // A certificate would have given a name, so the server accepted the token.
            None => sent.pop().unwrap_or_default(),
        };
        Self {
            used,
            others: sent,
            is_used_known: taken.is_some() || is_nobody,
        }
    }
}

impl SentCredential {
    /// Returns an unknown credential.
    pub(crate) fn unknown() -> Self {
        Self {
            kind: CredentialKind::Unknown,
            ..Self::default()
        }
    }

    /// Describes the credential and its origin, for example `bearer token from exec plugin aws`.
    pub(crate) fn description(&self) -> String {
        let what = match self.kind {
            CredentialKind::ClientCertificate => "client certificate",
            CredentialKind::BearerToken => "bearer token",
            CredentialKind::Basic => "user name and password (basic)",
            CredentialKind::ExecPlugin | CredentialKind::Unknown => "unknown",
            CredentialKind::None => "none",
        };
        match &self.command {
            Some(command) if self.kind == CredentialKind::ExecPlugin => {
                format!("exec plugin {command} (not run)")
            }
            command => describe_origin(
                what,
                command.as_deref(),
                self.file.as_deref(),
                self.auth_provider.as_deref(),
            ),
        }
    }

    /// Returns a description if the credential has expired or is not yet valid, for example
    /// `expired 3 hours ago, at …`.
    pub(crate) fn validity_problem(&self, now: Timestamp) -> Option<String> {
        validity_problem(self.not_before, self.expires, now)
    }

    fn set_plugin(&mut self, plugin: &ExecPluginInfo) {
        self.command = Some(plugin.command.clone());
        // The earlier expiry counts.
        self.expires = match (self.expires, plugin.expires) {
            (Some(own), Some(plugins)) => Some(own.min(plugins)),
            (own, plugins) => own.or(plugins),
        };
    }

    /// Records whether the server accepted this credential, by its ID, or else by the user's name.
    /// Returns whether it did.
    fn record_acceptance(&mut self, user: &UserInfo) -> bool {
        let Some(ids) = user.extra.get(CREDENTIAL_ID) else {
            return !user.username.is_empty() && self.local_user.username == user.username;
        };
        let is_named = |id: &String| match id.split_once('=') {
            Some(("X509SHA256", fingerprint)) => self.fingerprint.as_deref() == Some(fingerprint),
            Some(("JTI", id)) => self.id.as_deref() == Some(id),
            _ => false,
        };
        self.confirmed = ids.iter().any(is_named);
        self.accepted_instead = (!self.confirmed).then(|| ids.join(", "));
        self.confirmed
    }
}

/// Returns a credential for a plugin that has not run.
fn from_plugin(plugin: &ExecPluginInfo) -> SentCredential {
    SentCredential {
        kind: CredentialKind::ExecPlugin,
        command: Some(plugin.command.clone()),
        ..SentCredential::default()
    }
}

fn from_authorization(authorization: &Authorization) -> SentCredential {
    match authorization {
        Authorization::Token(token) => from_token(token),
        Authorization::Basic { name } => SentCredential {
            kind: CredentialKind::Basic,
            subject: Some(name.clone()),
            local_user: UserInfo {
                username: name.clone(),
                ..UserInfo::default()
            },
            ..SentCredential::default()
        },
    }
}

fn from_token(token: &BearerToken) -> SentCredential {
    if let Some(aws) = AwsToken::parse(token.expose()) {
        return SentCredential {
            kind: CredentialKind::BearerToken,
            file: token.file.clone(),
            expires: aws.expires(),
            not_before: aws.signed,
            access_key_id: aws.access_key_id,
            region: aws.region,
            ..SentCredential::default()
        };
    }
    let claims = *token.claims.clone().unwrap_or_default();
    // An OIDC provider's subject is not the server's user name.
    let is_account = |subject: &&String| subject.starts_with("system:serviceaccount:");
    SentCredential {
        kind: CredentialKind::BearerToken,
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
        email: claims.email,
        is_email_verified: claims.is_email_verified,
        groups: claims.groups,
        id: claims.id,
        not_before: claims.not_before,
        expires: claims.expires,
        ..SentCredential::default()
    }
}

fn from_certificate(certificate: &ClientCertificate) -> SentCredential {
    SentCredential {
        kind: CredentialKind::ClientCertificate,
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
        ..SentCredential::default()
    }
}
