//! What was presented to the server, and which part of it counted.

use jiff::Timestamp;
use kubectl_plugin::connection::{
    Authorization, BearerToken, ClientCertificate, CredentialSummary, ExecPluginInfo,
};
use kubectl_plugin::text::utc;
use serde::Serialize;

use crate::identity::UserInfo;
use crate::remaining;

/// The extra by which newer servers say what they took: `X509SHA256=…`, `JTI=…`
/// (`apiserver/pkg/authentication/request/x509`, `kubernetes/pkg/serviceaccount`).
pub(crate) const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// What the server calls those without a login that it takes.
pub(crate) const ANONYMOUS: &str = "system:anonymous";

/// What a login is made of. The names are those in documents, and do not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) enum Kind {
    ClientCertificate,
    BearerToken,
    Basic,
    /// One that has not answered, so that nothing is known of what it would present.
    ExecPlugin,
    #[default]
    None,
    /// That of a context of which the kubeconfig says too little.
    Unknown,
}

/// One thing that a server may know somebody by, as a document shows it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Presented {
    pub(crate) kind: Kind,
    /// The exec plugin that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// The token's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The kubeconfig's auth provider that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_provider: Option<String>,
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
    /// Whether a token says of itself what it is.
    #[serde(skip)]
    pub(crate) is_jwt: bool,
    /// Whether the server named this very one as what it took.
    pub(crate) confirmed: bool,
    /// What the server named instead.
    #[serde(skip)]
    pub(crate) seen_instead: Option<String>,
    /// The user that a server would make of it, as far as that can be told.
    #[serde(skip)]
    pub(crate) local_user: UserInfo,
}

/// All that was presented.
#[derive(Clone, Debug, Default)]
pub(crate) struct Login {
    /// What counted, as far as is known; else what a server looks at first.
    pub(crate) used: Presented,
    /// What was presented beside it.
    pub(crate) others: Vec<Presented>,
    /// Whether the server's answer tells which one counted.
    pub(crate) is_settled: bool,
}

impl Login {
    /// Sorts what was presented by what the server made of it.
    pub(crate) fn new(credential: &CredentialSummary, user: Option<&UserInfo>) -> Self {
        let plugin = credential.plugin.as_ref();
        let mut presented: Vec<Presented> = Vec::new();
        // As a server looks at them: at the token when the certificate is nobody's.
        presented.extend(credential.certificate.as_ref().map(of_certificate));
        presented.extend(credential.authorization.as_ref().map(of_authorization));
        if let Some(plugin) = plugin {
            for one in &mut presented {
                one.come_from(plugin);
            }
        }
        let taken = user.and_then(|user| presented.iter_mut().position(|one| one.was_taken(user)));
        let is_nobody = user.is_some_and(|user| user.username == ANONYMOUS);
        let used = match taken {
            Some(index) => presented.remove(index),
            None if is_nobody => Presented::default(),
            None if presented.is_empty() => plugin.map_or_else(Presented::default, of_plugin),
            None if user.is_none() => presented.remove(0),
            // A certificate would have given its name, so it is the one behind it.
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
    /// One that nobody could look at.
    pub(crate) fn unknown() -> Self {
        Self {
            kind: Kind::Unknown,
            ..Self::default()
        }
    }

    /// What it is and where it comes from, as in `bearer token of the exec plugin aws`.
    pub(crate) fn description(&self) -> String {
        let what = match self.kind {
            Kind::ClientCertificate => "client certificate",
            Kind::BearerToken => "bearer token",
            Kind::Basic => "name and password (basic)",
            Kind::ExecPlugin | Kind::Unknown => "unknown",
            Kind::None => "none",
        };
        match (&self.command, &self.file, &self.auth_provider) {
            (Some(command), ..) if self.kind == Kind::ExecPlugin => {
                format!("exec plugin {command}, which has not answered")
            }
            (Some(command), ..) => format!("{what} of the exec plugin {command}"),
            (None, Some(file), _) => format!("{what} of the file {file}"),
            (None, None, Some(provider)) => format!("{what} of the auth provider {provider}"),
            (None, None, None) => what.to_owned(),
        }
    }

    /// That it has expired, or is not yet valid, as in `expired 3 hours ago, at …`.
    pub(crate) fn out_of_date(&self, now: Timestamp) -> Option<String> {
        let date = |time: Timestamp| utc::minute(time.as_second());
        if let Some(expires) = self.expires.filter(|expires| *expires <= now) {
            let ago = remaining::words(now.duration_since(expires));
            return Some(format!("expired {ago} ago, at {}", date(expires)));
        }
        let start = self.not_before.filter(|start| now < *start)?;
        let until = remaining::words(start.duration_since(now));
        Some(format!(
            "is not valid for another {until}, until {}",
            date(start)
        ))
    }

    fn come_from(&mut self, plugin: &ExecPluginInfo) {
        self.command = Some(plugin.command.clone());
        // The first end counts.
        self.expires = match (self.expires, plugin.expires) {
            (Some(own), Some(of_plugin)) => Some(own.min(of_plugin)),
            (own, of_plugin) => own.or(of_plugin),
        };
    }

    /// Whether the server took this one: by the credential that it names, else by the user's name.
    fn was_taken(&mut self, user: &UserInfo) -> bool {
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

/// A plugin without an answer.
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
    // What an OIDC provider calls somebody is not what the server calls them.
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
