//! The keys and certificates of one control plane, generated at every start.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};

/// The certificate authority of a control plane, for its API server and its users.
pub(crate) struct CertificateAuthority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its private key (ECDSA P-256), both as PEM.
pub(crate) struct KeyAndCertificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl CertificateAuthority {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "control-plane");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context("generate the key of the certificate authority")?;
        CertifiedIssuer::self_signed(params, key)
            .map(Self)
            .context("create the certificate of the certificate authority")
    }

    /// Returns the certificate that clients must trust, as PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues the API server's certificate. It is valid for 127.0.0.1, for `localhost`, and for the
    /// names and the address (the first of the service range) under which Pods reach the server.
    pub(crate) fn serving(&self) -> Result<KeyAndCertificate> {
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ];
        let mut params = CertificateParams::new(names.map(String::from))
            .context("add the API server's names to its certificate")?;
        for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 0, 0, 1)] {
            params
                .subject_alt_names
                .push(SanType::IpAddress(IpAddr::V4(address)));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        self.sign(params)
    }

    /// Issues a client certificate. The API server reads the user name from CN and the groups from
    /// O. Without `validity`, the certificate never expires.
    ///
    /// # Errors
    /// Fails for more than two groups: rcgen holds one value per attribute type, and can express O
    /// in two ways, by name and by number.
    pub(crate) fn client(
        &self,
        name: &str,
        groups: &[&str],
        validity: Option<Range<SystemTime>>,
    ) -> Result<KeyAndCertificate> {
        let organizations = [
            DnType::OrganizationName,
            DnType::CustomDnType(vec![2, 5, 4, 10]),
        ];
        ensure!(
            groups.len() <= organizations.len(),
            "cannot issue a client certificate with {} groups for {name}: at most {} are supported",
            groups.len(),
            organizations.len(),
        );
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if let Some(validity) = validity {
            params.not_before = validity.start.into();
            params.not_after = validity.end.into();
        }
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        for (organization, group) in organizations.into_iter().zip(groups) {
            params.distinguished_name.push(organization, *group);
        }
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<KeyAndCertificate> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().context("generate a key")?;
        let certificate = params
            .signed_by(&key, &self.0)
            .context("sign a certificate")?;
        Ok(KeyAndCertificate {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// Generates the key pair that signs service account tokens, and returns the private and the public
/// key as PEM.
pub(crate) fn service_account_key() -> Result<(String, String)> {
    let key = KeyPair::generate().context("generate the key for service account tokens")?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}
