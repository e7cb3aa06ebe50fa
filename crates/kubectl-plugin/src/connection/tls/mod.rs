//! TLS with the rules of Go's `crypto/tls` and `crypto/x509`, on rustls: the trusted authorities, and the
//! client certificate. Both require TLS 1.2.

mod authorities;
mod identity;
mod unchecked;
mod verifier;

use std::sync::Arc;

use kube_client::config::Cluster;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use rustls_platform_verifier::Verifier as PlatformVerifier;

use crate::Error;
pub(crate) use authorities::names as names_of_authorities;
pub(crate) use identity::{expiry_note, identity};
use unchecked::Unchecked;
pub(crate) use verifier::Unverified;
use verifier::Verifier;

/// The TLS settings of a connection.
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    /// The name that every certificate must have, in place of the host's.
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// Returns the settings for the server and a proxy, which are the same in client-go. `bundle` has the trusted
/// authorities in PEM; `None` means the platform's.
pub(crate) fn of_cluster(
    cluster: &Cluster,
    bundle: Option<&[u8]>,
    identity: Option<CertifiedKey>,
) -> Result<Tls, Error> {
    let is_insecure = cluster.insecure_skip_tls_verify == Some(true);
    if bundle.is_some() && is_insecure {
        return Err(Error::usage(
            "specifying a root certificates file with the insecure flag is not allowed",
        ));
    }
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match bundle {
        Some(bundle) => Arc::new(Verifier::new(authorities::bundle(bundle)?, &provider)),
        None if is_insecure => Arc::new(Unchecked(Arc::clone(&provider))),
        None => Arc::new(
            PlatformVerifier::new(Arc::clone(&provider)).map_err(|error| platform(&error))?,
        ),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| platform(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    if let Some(identity) = identity {
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(identity));
    }
    let server_name = match &cluster.tls_server_name {
        None => None,
        Some(name) => Some(
            ServerName::try_from(name.trim_matches(['[', ']']).to_owned()).map_err(|_| {
                Error::usage(format!("tls-server-name: {name:?} is not a server name"))
            })?,
        ),
    };
    Ok(Tls {
        config: Arc::new(config),
        server_name,
    })
}

fn platform(error: &rustls::Error) -> Error {
    Error::usage(format!(
        "unable to load the platform's root certificates: {error}"
    ))
}
