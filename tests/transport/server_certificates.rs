use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use faulty_server::FaultyServer;

use super::side_by_side::*;

/// Starts a server with this certificate of `tests/certificates`.
fn server(name: &str) -> FaultyServer {
    let read = |name| fs::read(certificate(name)).unwrap();
    FaultyServer::start_with_certificate(&read(name), &read("p256-sec1.key"), answers()).unwrap()
}

/// Checks that both programs trust a server with the certificate `shown` if they trust `trusted`.
#[track_caller]
fn is_trusted(shown: &str, trusted: &str) {
    let server = server(shown);
    let case = Case::trusting(server.url(), trusted);
    case.kubectl().succeeded();
    case.ours().succeeded();
    assert_eq!(server.requests().len(), 2);
}

/// Checks that both programs refuse the server in the same words. Returns the hint.
#[track_caller]
fn is_not_trusted(shown: &str, trusted: &str, reason: &str) -> String {
    let server = server(shown);
    let ours = Case::trusting(server.url(), trusted).both_say(&failed(reason));
    assert!(server.requests().is_empty());
    ours.hint()
        .replace(&server.address().to_string(), "ADDRESS")
}

/// Checks that both programs refuse the server, each in its own words.
#[track_caller]
fn is_not_trusted_as(shown: &str, trusted: &str, kubectl_says: &str, we_say: &str) {
    let server = server(shown);
    let case = Case::trusting(server.url(), trusted);
    let kubectl = case.kubectl();
    assert!(
        kubectl.message().starts_with(&failed(kubectl_says)),
        "{kubectl:?}"
    );
    let ours = case.ours_says(&failed(
        &we_say.replace("ADDRESS", &server.address().to_string()),
    ));
    assert!(!ours.hint().is_empty());
    assert!(server.requests().is_empty());
}

/// Returns the line that reports an untrusted certificate.
fn failed(reason: &str) -> String {
    format!("Unable to connect to the server: tls: failed to verify certificate: x509: {reason}")
}

/// The hash of a signature need not be as long as the key.
#[test]
fn a_signature_with_any_hash_is_verified() {
    is_trusted("p256-sha512.crt", "p256-sha512-ca.crt");
    is_trusted("p384-sha512.crt", "p384-sha512-ca.crt");
    is_trusted("p384-sha256.crt", "p384-sha512-ca.crt");
    is_trusted("p256-sha384.crt", "p256-sha512-ca.crt");
}

#[test]
fn a_signature_with_sha512_by_another_key_is_refused() {
    for (name, authority) in [
        ("p256-sha512", "p256-sha512-ca.crt"),
        ("p384-sha512", "p384-sha512-ca.crt"),
    ] {
        let pem = fs::read_to_string(certificate(&format!("{name}.crt"))).unwrap();
        let lines = pem.lines().filter(|line| !line.starts_with('-'));
        let mut der = STANDARD.decode(lines.collect::<String>()).unwrap();
        // The last byte belongs to the signature.
        *der.last_mut().unwrap() ^= 1;
        let text = STANDARD.encode(der);
        let broken = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        let key = fs::read(certificate("p256-sec1.key")).unwrap();
        let server =
            FaultyServer::start_with_certificate(broken.as_bytes(), &key, answers()).unwrap();
        let ours = Case::trusting(server.url(), authority).ours().ended(3);
        assert!(
            ours.message().contains("signed by unknown authority"),
            "{ours:?}"
        );
        assert!(server.requests().is_empty());
    }
}

#[test]
fn a_certificate_signed_by_the_authority_is_trusted() {
    is_trusted("server.crt", "ca.crt");
}

#[test]
fn a_self_signed_certificate_is_trusted_as_its_own_authority() {
    is_trusted("own.crt", "own.crt");
    is_trusted("own-authority.crt", "own-authority.crt");
}

#[test]
fn a_server_certificate_is_trusted_in_place_of_its_authority() {
    is_trusted("server.crt", "server.crt");
}

#[test]
fn an_authority_certificate_is_accepted_as_a_server_certificate() {
    is_trusted("authority.crt", "ca.crt");
}

#[test]
fn a_certificate_that_is_its_own_authority_must_still_be_valid() {
    is_not_trusted(
        "own-other-name.crt",
        "own-other-name.crt",
        "certificate is valid for 10.0.0.1, not 127.0.0.1",
    );
    is_not_trusted(
        "client-only.crt",
        "client-only.crt",
        "certificate specifies an incompatible key usage",
    );
    is_not_trusted_as(
        "own-expired.crt",
        "own-expired.crt",
        "certificate has expired or is not yet valid: current time",
        "certificate has expired or is not yet valid: the certificate of the server ADDRESS expired at 2026-01-02 03:04 UTC",
    );
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let hint = is_not_trusted(
        "own.crt",
        "ca.crt",
        "certificate signed by unknown authority",
    );
    assert_eq!(
        hint,
        "no trusted authority signed the certificate of the server ADDRESS: check the cluster's certificate-authority, and whether a proxy intercepts the connection"
    );
    is_not_trusted(
        "own-authority.crt",
        "ca.crt",
        "certificate signed by unknown authority",
    );
    // A trusted server certificate does not make the certificates that it signed trusted.
    is_not_trusted(
        "server.crt",
        "own.crt",
        "certificate signed by unknown authority",
    );
    is_not_trusted_as(
        "by-own.crt",
        "own.crt",
        "certificate signed by unknown authority (possibly because of \"x509: invalid signature: \
         parent certificate cannot sign this kind of certificate\"",
        "certificate signed by unknown authority",
    );
}

#[test]
fn the_platforms_authorities_are_trusted_by_default() {
    let refused = failed("certificate signed by unknown authority");
    for shown in ["server.crt", "own.crt", "own-authority.crt"] {
        let server = server(shown);
        let case = Case::default()
            .cluster(format!("server: '{}'", server.url()))
            .user("token: t");
        case.both_say(&refused);
    }
    let server = server("server.crt");
    let case = Case::default()
        .cluster(format!("server: '{}'", server.url()))
        .user("token: t")
        .variable("SSL_CERT_FILE", certificate("ca.crt").display());
    case.kubectl().succeeded();
    case.ours().succeeded();
}

#[test]
fn an_authority_with_a_known_name_and_another_key_is_unknown() {
    is_not_trusted_as(
        "server.crt",
        "namesake.crt",
        "certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\"",
        "certificate signed by unknown authority (a trusted authority has the same name but a different key)",
    );
    is_not_trusted_as(
        "authority.crt",
        "namesake.crt",
        "certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\"",
        "certificate signed by unknown authority",
    );
}

#[test]
fn validity_dates_are_shown_in_utc() {
    is_not_trusted_as(
        "expired.crt",
        "ca.crt",
        "certificate has expired or is not yet valid: current time",
        "certificate has expired or is not yet valid: the certificate of the server ADDRESS expired at 2026-01-02 03:04 UTC",
    );
    is_not_trusted_as(
        "early.crt",
        "ca.crt",
        "certificate has expired or is not yet valid: current time",
        "certificate has expired or is not yet valid: the certificate of the server ADDRESS is not valid before \
         2125-01-01 00:00 UTC",
    );
}

#[test]
fn an_expired_authority_is_named() {
    is_not_trusted_as(
        "by-old-ca.crt",
        "old-ca.crt",
        "certificate has expired or is not yet valid: current time",
        "certificate has expired or is not yet valid: the certificate of the authority \"old-ca\" expired at 2026-01-02 03:04 UTC",
    );
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let hint = is_not_trusted(
        "other-name.crt",
        "ca.crt",
        "certificate is valid for 10.0.0.1, not 127.0.0.1",
    );
    assert_eq!(
        hint,
        "check the address, or set --tls-server-name to a name in the certificate"
    );
    is_not_trusted(
        "only-names.crt",
        "ca.crt",
        "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
    );
    // Like Go, both check the name before the signature.
    is_not_trusted(
        "own-other-name.crt",
        "ca.crt",
        "certificate is valid for 10.0.0.1, not 127.0.0.1",
    );
}

#[test]
fn tls_server_name_is_checked_instead_of_the_address() {
    let server = server("other-name.crt");
    let named =
        |name: &str| Case::new(server.url()).and_cluster(format!("tls-server-name: {name}"));
    for name in ["a.example", "b.example", "10.0.0.1"] {
        named(name).kubectl().succeeded();
        named(name).ours().succeeded();
    }
    named("c.example").both_say(&failed(
        "certificate is valid for a.example, b.example, not c.example",
    ));
    let common_name = server_of_common_name();
    Case::new(common_name.url())
        .and_cluster("tls-server-name: localhost")
        .both_say(&failed(
            "certificate relies on legacy Common Name field, use SANs instead",
        ));
    Case::new(common_name.url())
        .and_cluster("tls-server-name: other")
        .both_say(&failed(
            "certificate is not valid for any names, but wanted to match other",
        ));
}

/// Starts a server whose certificate has no name but the common name.
fn server_of_common_name() -> FaultyServer {
    server("common-name.crt")
}

#[test]
fn a_certificate_for_another_purpose_is_refused() {
    is_not_trusted(
        "client-only.crt",
        "ca.crt",
        "certificate specifies an incompatible key usage",
    );
}

#[test]
fn insecure_skip_tls_verify_accepts_any_certificate() {
    for shown in [
        "own.crt",
        "expired.crt",
        "other-name.crt",
        "authority.crt",
        "client-only.crt",
    ] {
        let server = server(shown);
        let case = Case::default()
            .cluster(format!(
                "server: '{}', insecure-skip-tls-verify: true",
                server.url()
            ))
            .user("token: t");
        case.kubectl().succeeded();
        case.ours().succeeded();
    }
}

/// Blocks of a bundle without a certificate are ignored.
#[test]
fn bundles_are_read_like_go_reads_them() {
    let server = server("server.crt");
    let read = |name| fs::read_to_string(certificate(name)).unwrap();
    let (ca, other) = (read("ca.crt"), read("own.crt"));
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    let folder = tempfile::tempdir().unwrap();
    for (number, bundle) in [
        format!("{other}{ca}"),
        format!("# the first one\n{other}\n  and the second one: \n\n{ca}the end"),
        format!("{no_certificate}{ca}"),
        format!("{no_base64}{ca}"),
        format!("{}{ca}", read("p256-sec1.key")),
        ca.replace('\n', "\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.path().join(number.to_string());
        fs::write(&file, &bundle).unwrap();
        let case = Case::trusting(server.url(), file.to_str().unwrap());
        assert_eq!(case.kubectl().code, Some(0), "{bundle}");
        assert_eq!(case.ours().code, Some(0), "{bundle}");
    }
    let key = read("p256-sec1.key");
    let file = folder.path().join("none");
    let case = Case::trusting(server.url(), file.to_str().unwrap());
    let no_block = "unable to parse bytes as PEM block";
    for (bundle, reason) in [
        ("text", no_block),
        (no_base64, no_block),
        (&key, no_block),
        (
            no_certificate,
            "failed to parse certificate: x509: malformed certificate",
        ),
    ] {
        fs::write(&file, bundle).unwrap();
        let line = format!("error: unable to load root certificates: {reason}");
        let kubectl = case.kubectl().message();
        assert!(
            kubectl.starts_with("error: unable to load root certificates: "),
            "{kubectl}"
        );
        refuses(&case, &line);
    }
    // Departure: kubectl ignores an empty file, and trusts the platform's certificate authorities.
    fs::write(&file, "").unwrap();
    assert!(case.kubectl().message().contains("unknown authority"));
    refuses(
        &case,
        &format!("error: unable to load root certificates: {no_block}"),
    );
}

/// Checks that rawpatch refuses the file before it connects.
fn refuses(case: &Case, line: &str) {
    let ours = case.ours();
    assert_eq!((ours.message().as_str(), ours.code), (line, Some(2)));
    assert_eq!(
        ours.hint(),
        "check the cluster's certificate-authority: it contains no PEM certificate"
    );
}
