//! What was presented to the server, and which part of it counted.

use jiff::Timestamp;
use kubectl_plugin::{Authorization, BearerToken, ClientCertificate, Credential, Plugin};
use serde::Serialize;

use crate::identity::UserInfo;

/// The extra by which servers since Kubernetes 1.32 say what they took: `X509SHA256=…`, `JTI=…`
/// (`apiserver/pkg/authentication/request/x509`, `kubernetes/pkg/serviceaccount`).
pub(crate) const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// What a login is made of. The names are those in documents, and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Kind {
    ClientCertificate,
    BearerToken,
    Basic,
    None,
}

/// Where a login comes from, when it is not in the kubeconfig itself or a flag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Origin {
    /// The exec plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// The token's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The kubeconfig's auth provider.
    #[serde(rename = "authProvider", skip_serializing_if = "Option::is_none")]
    pub(crate) auth_provider: Option<String>,
}

/// One thing that a server may know somebody by, as a document shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Presented {
    pub(crate) kind: Kind,
    #[serde(flatten)]
    pub(crate) origin: Origin,
    /// Of the certificate, or of the token; the name for Basic.
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
    /// Whether the server named this very one as what it took.
    pub(crate) confirmed: bool,
    /// The user that a server would make of it, as far as that can be told.
    #[serde(skip)]
    pub(crate) local_user: UserInfo,
}

/// All that was presented.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// What counted, as far as is known; else what looks first.
    pub(crate) used: Presented,
    /// What was presented beside it.
    pub(crate) others: Vec<Presented>,
    /// An exec plugin that has not run: nothing is known of what it would say.
    pub(crate) has_unasked_plugin: bool,
}

impl Login {
    /// Sorts what was presented by what the server made of it.
    pub(crate) fn new(credential: &Credential, user: Option<&UserInfo>) -> Self {
        let plugin = credential.plugin.as_ref();
        let mut presented: Vec<Presented> = Vec::new();
        presented.extend(credential.authorization.as_ref().map(of_authorization));
        presented.extend(credential.certificate.as_ref().map(of_certificate));
        if let Some(plugin) = plugin {
            presented.iter_mut().for_each(|one| one.is_from(plugin));
        }
        let used = user.and_then(|user| presented.iter_mut().position(|one| one.is_user(user)));
        let is_nobody = user.is_some_and(|user| user.username == "system:anonymous");
        let used = match used {
            Some(index) => presented.remove(index),
            None if presented.is_empty() || is_nobody => Presented::nothing(plugin),
            None => presented.remove(0),
        };
        Self {
            used,
            others: presented,
            has_unasked_plugin: plugin.is_some_and(|plugin| !plugin.has_answered),
        }
    }
}

impl Presented {
    fn nothing(plugin: Option<&Plugin>) -> Self {
        Self {
            kind: Kind::None,
            origin: Origin {
                command: plugin.map(|plugin| plugin.command.clone()),
                ..Origin::default()
            },
            subject: None,
            issuer: None,
            audiences: Vec::new(),
            fingerprint: None,
            id: None,
            not_before: None,
            expires: None,
            confirmed: false,
            local_user: UserInfo::default(),
        }
    }

    fn is_from(&mut self, plugin: &Plugin) {
        self.origin.command = Some(plugin.command.clone());
        // The first end counts.
        self.expires = match (self.expires, plugin.expires) {
            (Some(own), Some(of_plugin)) => Some(own.min(of_plugin)),
            (own, of_plugin) => own.or(of_plugin),
        };
    }

    /// Whether the server took this one: by the credential that it names, else by the user's name.
    fn is_user(&mut self, user: &UserInfo) -> bool {
        let Some(ids) = user.extra.get(CREDENTIAL_ID) else {
            return !user.username.is_empty() && self.local_user.username == user.username;
        };
        let is_named = |id: &String| match id.split_once('=') {
            Some(("X509SHA256", fingerprint)) => self.fingerprint.as_deref() == Some(fingerprint),
            Some(("JTI", id)) => self.id.as_deref() == Some(id),
            _ => false,
        };
        self.confirmed = ids.iter().any(is_named);
        self.confirmed
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
            ..Presented::nothing(None)
        },
    }
}

fn of_token(token: &BearerToken) -> Presented {
    let claims = token.claims.clone().unwrap_or_default();
    // What an OIDC provider calls somebody is not what the server calls them.
    let is_account = |subject: &&String| subject.starts_with("system:serviceaccount:");
    Presented {
        kind: Kind::BearerToken,
        origin: Origin {
            file: token.file.clone(),
            auth_provider: token.auth_provider.clone(),
            command: None,
        },
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
        ..Presented::nothing(None)
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
        ..Presented::nothing(None)
    }
}
