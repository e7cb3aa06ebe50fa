//! The keys and certificates of one control plane, made fresh at every start.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};

/// Signs the certificates of the API server and of its users.
pub(crate) struct CertificateAuthority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its private key (ECDSA P-256), both PEM.
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
        let key = KeyPair::generate().context("make the key of the certificate authority")?;
        CertifiedIssuer::self_signed(params, key)
            .map(Self)
            .context("make the certificate of the certificate authority")
    }

    /// The certificate that clients trust.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// What the API server shows to clients: good for 127.0.0.1, `localhost` and the names and
    /// the address (first of the service range) by which Pods reach it.
    pub(crate) fn serving(&self) -> Result<KeyAndCertificate> {
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ];
        let mut params = CertificateParams::new(names.map(String::from))
            .context("name the API server in its certificate")?;
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

    /// A client certificate: the API server takes the user name from CN and the groups from O.
    /// Without a validity it is good for ever.
    ///
    /// # Errors
    /// With more than two groups: rcgen keeps one value for each kind of name, and O has two
    /// spellings there, by name and by number.
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
            "a client certificate for {name} with {} groups: at most {} are supported",
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
        let key = KeyPair::generate().context("make a key")?;
        let certificate = params
            .signed_by(&key, &self.0)
            .context("sign a certificate")?;
        Ok(KeyAndCertificate {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// The key that signs service-account tokens, PEM: the private and the public half.
pub(crate) fn service_account_key() -> Result<(String, String)> {
    let key = KeyPair::generate().context("make the key for service-account tokens")?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}
