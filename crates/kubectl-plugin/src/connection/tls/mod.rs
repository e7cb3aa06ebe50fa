//! TLS by the rules of Go's `crypto/tls` and `crypto/x509`, on top of rustls. As in Go, TLS 1.2 is
//! the oldest version.
//!
//! * `authorities`: parses the trusted certificates
//! * `client_certificate`: parses the client certificate and its key
//! * `ecdsa_sha512`: verifies signatures that ring does not support
//! * `verifier`: verifies the server's certificate by Go's rules
//! * `unchecked`: accepts any certificate, for `--insecure-skip-tls-verify`

mod authorities;
mod client_certificate;
mod ecdsa_sha512;
mod unchecked;
mod verifier;

use std::sync::Arc;

use kube_client::config::Cluster;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use rustls_platform_verifier::Verifier as PlatformVerifier;

use crate::Error;
pub(crate) use authorities::names as names_of_authorities;
pub(crate) use client_certificate::{certified_key, expiry_note};
use unchecked::Unchecked;
pub(crate) use verifier::Unverified;
use verifier::Verifier;

/// The TLS settings of a connection.
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    /// The name that the peer's certificate must have, instead of the host.
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// Returns the settings for the server and a proxy, which share them as in client-go. `bundle` has
/// the trusted authorities in PEM; `None` means the platform's.
pub(crate) fn settings(
    cluster: &Cluster,
    bundle: Option<&[u8]>,
    certified_key: Option<CertifiedKey>,
) -> Result<Tls, Error> {
    let is_insecure = cluster.insecure_skip_tls_verify == Some(true);
    if bundle.is_some() && is_insecure {
        return Err(Error::usage(
            "specifying a root certificates file with the insecure flag is not allowed",
        ));
    }
    let provider = Arc::new(CryptoProvider {
        signature_verification_algorithms: ecdsa_sha512::supported_algorithms(),
        ..ring::default_provider()
    });
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
    if let Some(certified_key) = certified_key {
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified_key));
    }
    let server_name = match &cluster.tls_server_name {
        None => None,
        Some(name) => Some(
            ServerName::try_from(name.trim_matches(['[', ']']).to_owned()).map_err(|_| {
                Error::usage(format!(
                    "invalid tls-server-name {name:?}: must be a DNS name or an IP address"
                ))
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
