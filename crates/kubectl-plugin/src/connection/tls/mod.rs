//! TLS as Go speaks it (`crypto/tls`, `crypto/x509`), on rustls: whom to trust, and the client
//! certificate. The floor is TLS 1.2 in both.

mod authorities;
mod identity;
mod verifier;

use std::sync::Arc;

use http::Uri;
use kube_client::{Config, client::ConfigExt, config::Cluster};
use rustls::{
    ClientConfig,
    pki_types::ServerName,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::Error;
pub(super) use identity::{expiry_note, identity};
pub(crate) use verifier::Unverified;
use verifier::Verifier;

/// How TLS is spoken.
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// The name that every certificate must have, in place of the host's.
    pub(super) server_name: Option<ServerName<'static>>,
}

/// How TLS is spoken with the server and with a proxy: as in client-go they are one.
/// `bundle` is the text with the authorities; `None` is the platform's.
pub(super) fn of_cluster(
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
    // kube-client has the platform's authorities, and the verifier that takes everything.
    let mut config = Config::new(Uri::default());
    config.accept_invalid_certs = is_insecure;
    // Some and empty, so that the platform's are not loaded for nothing.
    config.root_cert = (is_insecure || bundle.is_some()).then(Vec::new);
    let mut config = config.rustls_client_config().map_err(|error| {
        let reason = match error {
            kube_client::Error::RustlsTls(reason) => reason.to_string(),
            other => other.to_string(),
        };
        Error::usage(format!(
            "unable to load the platform's root certificates: {reason}"
        ))
    })?;
    if let Some(bundle) = bundle {
        let verifier = Verifier::new(authorities::bundle(bundle)?, config.crypto_provider());
        config
            .dangerous()
            .set_certificate_verifier(Arc::new(verifier));
    }
    if let Some(identity) = identity {
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(identity));
    }
    let server_name = match &cluster.tls_server_name {
        None => None,
        Some(name) => Some(ServerName::try_from(name.clone()).map_err(|_| {
            Error::usage(format!("tls-server-name: {name:?} is no name of a server"))
        })?),
    };
    Ok(Tls {
        config: Arc::new(config),
        server_name,
    })
}
