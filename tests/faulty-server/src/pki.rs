//! A certificate authority that lives as long as its server.

use std::sync::Arc;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

/// The names that the server's certificate is valid for.
const SERVER_NAMES: [&str; 4] = ["127.0.0.1", "localhost", "faulty.example", "other.example"];

/// Signs the server's certificate and those of its clients.
pub struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate in PEM.
    pub certificate: String,
    /// The certificate in DER, as the server records it.
    pub der: Vec<u8>,
    /// The key in PEM.
    pub key: String,
}

impl Pki {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "faulty-server CA");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { authority })
    }

    /// What a client must trust, in PEM.
    pub fn certificate_authority(&self) -> String {
        self.authority.pem()
    }

    /// A client certificate for a user of this name.
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

    /// The server's side of TLS: it takes clients with and without a certificate.
    pub fn server_config(&self) -> Result<ServerConfig> {
        let names = SERVER_NAMES.map(str::to_owned).to_vec();
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.authority)?;
        let mut trusted = RootCertStore::empty();
        trusted.add(self.authority.der().clone())?;
        let clients = WebPkiClientVerifier::builder(Arc::new(trusted)).allow_unauthenticated();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(ServerConfig::builder()
            .with_client_cert_verifier(clients.build()?)
            .with_single_cert(vec![certificate.der().clone()], key)?)
    }
}
