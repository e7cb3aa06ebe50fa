//! Verifies ECDSA signatures with SHA-512 in certificates, which ring does not support for keys on P-256
//! and P-384 (rustls/rustls#1335). A certificate authority is free to sign so, for example with
//! `openssl x509 -req -sha512`.

use std::sync::LazyLock;

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// ring's algorithms, and those of this module. webpki selects an algorithm by the signature and the key.
static ALGORITHMS: LazyLock<Vec<Algorithm>> = LazyLock::new(|| {
    let of_ring = ring::default_provider().signature_verification_algorithms;
    let own: [Algorithm; 2] = [&EcdsaSha512::P256, &EcdsaSha512::P384];
    of_ring.all.iter().copied().chain(own).collect()
});

/// Returns the algorithms for certificates. Those for handshakes are ring's.
pub(crate) fn supported_algorithms() -> WebPkiSupportedAlgorithms {
    WebPkiSupportedAlgorithms {
        all: &ALGORITHMS,
        ..ring::default_provider().signature_verification_algorithms
    }
}

/// ECDSA with SHA-512, by the curve of the key.
#[derive(Debug)]
enum EcdsaSha512 {
    P256,
    P384,
}

impl SignatureVerificationAlgorithm for EcdsaSha512 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        // The first bits of the hash are used, as many as the curve has.
        let hash = ::ring::digest::digest(&::ring::digest::SHA512, message);
        let is_valid = match self {
            Self::P256 => p256_verifies(public_key, hash.as_ref(), signature),
            Self::P384 => p384_verifies(public_key, hash.as_ref(), signature),
        };
        is_valid.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self {
            Self::P256 => alg_id::ECDSA_P256,
            Self::P384 => alg_id::ECDSA_P384,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA512
    }
}

fn p256_verifies(key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), p256::ecdsa::Error> {
    use p256::ecdsa::{Signature, VerifyingKey};
    let key = VerifyingKey::from_sec1_bytes(key)?;
    key.verify_prehash(hash, &Signature::from_der(signature)?)
}

fn p384_verifies(key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), p384::ecdsa::Error> {
    use p384::ecdsa::{Signature, VerifyingKey};
    let key = VerifyingKey::from_sec1_bytes(key)?;
    key.verify_prehash(hash, &Signature::from_der(signature)?)
}
