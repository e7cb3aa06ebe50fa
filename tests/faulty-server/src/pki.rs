//! The certificate authority of one server.

use std::sync::Arc;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

/// The names for which the server's certificate is valid.
const SERVER_NAMES: [&str; 4] = ["127.0.0.1", "localhost", "faulty.example", "other.example"];

/// A certificate authority that issues the server's and the clients' certificates.
pub struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate as PEM.
    pub certificate: String,
    /// The certificate as DER, the form in which the server records it.
    pub der: Vec<u8>,
    /// The key as PEM.
    pub key: String,
}

impl Pki {
    /// Creates an authority.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "faulty-server CA");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { authority })
    }

    /// Returns the certificate that clients must trust, as PEM.
    pub fn certificate_authority(&self) -> String {
        self.authority.pem()
    }

    /// Issues a client certificate with this common name.
    pub fn client(&self, common_name: &str) -> Result<Identity> {
        let mut params = CertificateParams::new(Vec::new())?;
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.authority)?;
        Ok(Identity {
            certificate: certificate.pem(),
            der: certificate.der().to_vec(),
            key: key.serialize_pem(),
        })
    }

    /// Returns the server's TLS configuration. Client certificates are optional.
    pub fn server_config(&self) -> Result<ServerConfig> {
        self.server_config_for(self.clients()?.allow_unauthenticated())
    }

    /// Returns the TLS configuration of a server that requires client certificates.
    pub fn strict_server_config(&self) -> Result<ServerConfig> {
        self.server_config_for(self.clients()?)
    }

    fn clients(&self) -> Result<ClientCertVerifierBuilder> {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.authority.der().clone())?;
        Ok(WebPkiClientVerifier::builder(Arc::new(trusted)))
    }

    fn server_config_for(&self, clients: ClientCertVerifierBuilder) -> Result<ServerConfig> {
        let names = SERVER_NAMES.map(str::to_owned).to_vec();
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.authority)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(ServerConfig::builder()
            .with_client_cert_verifier(clients.build()?)
            .with_single_cert(vec![certificate.der().clone()], key)?)
    }
}
