use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::unique;

use super::plugin::*;

const UNAUTHORIZED: &str = "error: You must be logged in to the server (Unauthorized)";

/// Checks that both are refused with a 401, that ours prints `hint`, and that it prints none of `secrets` at
/// any verbosity. Returns the whole hint.
#[track_caller]
fn refused(kubeconfig: &Path, hint: &str, secrets: &[&str]) -> String {
    kubectl(kubeconfig, &[]).ended(1).says(UNAUTHORIZED);
    let outcome = whoami(kubeconfig, &["-v=10"]).ended(3).says(UNAUTHORIZED);
    let said = outcome.stderr.lines().last().unwrap().to_owned();
    assert!(
        said.starts_with("hint: ") && said.contains(hint),
        "{outcome:#?}"
    );
    assert!(
        outcome
            .row("Source")
            .starts_with("the local credential, unverified")
    );
    let document = whoami(kubeconfig, &["-o", "json"]).ended(3);
    let error = &document.json()["whoami"]["error"];
    assert_eq!(error["exitCode"], 3);
    let explanation = error["explanation"][0].as_str().unwrap();
    assert!(explanation.contains(hint), "{error}");
    for secret in secrets {
        for outcome in [&outcome, &document] {
            assert!(
                !format!("{outcome:?}").contains(secret),
                "{secret} in {outcome:#?}"
            );
        }
    }
    for format in ["name", "subjects", "review"] {
        assert_eq!(whoami(kubeconfig, &["-o", format]).ended(3).stdout, "");
    }
    said
}

/// Checks the hint for a token with these claims, and returns the whole hint.
#[track_caller]
fn token_is_refused(claims: &Value, hint: &str) -> String {
    let token = signed(claims);
    let parts: Vec<&str> = token.split('.').collect();
    refused(
        &user(&json!({"token": token})),
        hint,
        &[&token, parts[1], parts[2]],
    )
}

#[test]
fn an_expired_token_is_explained() {
    let mut claims = claims();
    claims["exp"] = json!(now() - 3 * 3_600);
    token_is_refused(&claims, "the bearer token expired 3 hours ago, at 2");
}

#[test]
fn a_token_that_is_not_yet_valid_is_explained() {
    let mut claims = claims();
    claims["nbf"] = json!(now() + 86_400 + 5);
    claims["exp"] = json!(now() + 90_000);
    let said = token_is_refused(&claims, "the bearer token is not valid until 2");
    assert!(said.contains(" UTC (in 1 day)"), "{said}");
}

#[test]
fn a_token_for_another_audience_is_explained() {
    let mut claims = claims();
    claims["aud"] = json!(["https://other.example", "vault"]);
    token_is_refused(
        &claims,
        "and audience https://other.example, vault; check the server's --service-account-issuer and --api-audiences",
    );
}

#[test]
fn a_token_from_another_issuer_is_explained() {
    let mut claims = claims();
    claims["iss"] = json!("https://issuer.example");
    token_is_refused(&claims, "has issuer https://issuer.example and audience");
}

/// Accounts and their flags do not concern the token of an identity provider.
#[test]
fn a_token_of_an_identity_provider_is_explained() {
    let mut claims = claims();
    claims["sub"] = json!("00u1abcd");
    claims["iss"] = json!("https://login.example");
    claims["aud"] = json!("kubernetes");
    let hint = "has issuer https://login.example and audience kubernetes; check the server's \
                --oidc-issuer-url and --oidc-client-id. If they match, the signature is wrong, or";
    let said = token_is_refused(&claims, hint);
    assert!(
        !said.contains("account") && !said.contains("email"),
        "{said}"
    );

    claims["email"] = json!("jane@example.com");
    claims["email_verified"] = json!(false);
    claims["groups"] = json!(["dev", "ops"]);
    let hint = "The email jane@example.com is not verified, so a server with \
                --oidc-username-claim=email rejects the token";
    token_is_refused(&claims, hint);
    let kubeconfig = user(&json!({"token": signed(&claims)}));
    let table = whoami(&kubeconfig, &["--offline"]).ended(0);
    assert_eq!(table.row("Email"), "jane@example.com (not verified)");
    assert_eq!(table.row("Groups claim"), "dev");
    let document = whoami(&kubeconfig, &["--offline", "-o", "json"])
        .ended(0)
        .json();
    let credential = &document["whoami"]["credential"];
    assert_eq!(credential["email"], "jane@example.com");
    assert_eq!(credential["emailVerified"], false);
    assert_eq!(credential["groups"], json!(["dev", "ops"]));
}

/// Returns a token as `aws eks get-token` prints it, signed at this time.
fn aws_token(signed_at: &str) -> String {
    let url = format!(
        "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
         &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20261127%2Feu-west-1%2Fsts%2Faws4_request\
         &X-Amz-Date={signed_at}&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
         &X-Amz-Security-Token=session-secret&X-Amz-Signature=signature-secret"
    );
    format!("k8s-aws-v1.{}", BASE64_URL_SAFE_NO_PAD.encode(url))
}

#[test]
fn a_token_of_aws_is_explained() {
    let secrets = |token: &str| {
        let url = token["k8s-aws-v1.".len()..].to_owned();
        [
            token.to_owned(),
            url,
            "session-secret".to_owned(),
            "signature-secret".to_owned(),
        ]
    };
    for (signed_at, hint) in [
        (
            "20991231T235000Z",
            "the bearer token is not valid until 2099-12-31 23:50 UTC",
        ),
        ("20200101T000000Z", "the bearer token expired 6 years"),
        (
            "",
            "the bearer token was signed with the access key ASIAEXAMPLE; check the cluster name",
        ),
    ] {
        let token = aws_token(signed_at);
        let secrets = secrets(&token);
        refused(
            &user(&json!({"token": token})),
            hint,
            &secrets.each_ref().map(String::as_str),
        );
    }
    let kubeconfig = user(&json!({"token": aws_token("20991231T235000Z")}));
    let table = whoami(&kubeconfig, &["--offline"]).ended(0);
    assert_eq!(table.row("Access key"), "ASIAEXAMPLE");
    assert_eq!(table.row("Region"), "eu-west-1");
    let document = whoami(&kubeconfig, &["--offline", "-o", "json"])
        .ended(0)
        .json();
    let credential = &document["whoami"]["credential"];
    assert_eq!(credential["accessKeyId"], "ASIAEXAMPLE");
    assert_eq!(credential["region"], "eu-west-1");
    // A cluster accepts it for a quarter of an hour.
    assert_eq!(credential["expires"], "2100-01-01T00:05:00Z");
}

#[test]
fn a_token_with_a_bad_signature_is_explained() {
    let token = format!("{}.c2lnbmF0dXJl", unsigned(&claims()));
    let kubeconfig = user(&json!({"token": token}));
    let hint = "the signature is wrong, the token was revoked, or its account was deleted";
    refused(&kubeconfig, hint, &[&token, "c2lnbmF0dXJl"]);
}

#[test]
fn an_opaque_token_is_explained() {
    let kubeconfig = user(&json!({"token": "opaque-and-secret"}));
    refused(
        &kubeconfig,
        "the bearer token is not a JWT; check that it is correct, current, and for this cluster",
        &["opaque-and-secret"],
    );
}

#[test]
fn a_certificate_outside_its_validity_is_explained() {
    let control_plane = ControlPlane::shared();
    let hour = |count: u32| Duration::from_hours(1) * count;
    let now = SystemTime::now();
    for (validity, hint) in [
        (
            now - hour(72)..now - hour(48),
            "the client certificate expired 2 days ago, at 2",
        ),
        (
            now + hour(49)..now + hour(72),
            "the client certificate is not valid until 2",
        ),
    ] {
        let (certificate, key) = control_plane
            .client_certificate("jane", &[], validity)
            .unwrap();
        let text = fs::read_to_string(&key).unwrap();
        let secret = text.lines().nth(1).unwrap();
        let login = json!({"client-certificate": certificate, "client-key": key});
        refused(&user(&login), hint, &[secret]);
    }
}

#[test]
fn a_certificate_of_another_cluster_is_explained() {
    let stranger = FaultyServer::start([]).unwrap().pki.client("jane").unwrap();
    let folder = ControlPlane::shared().folder().join(unique("stranger"));
    fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    fs::write(&certificate, stranger.certificate).unwrap();
    fs::write(&key, stranger.key).unwrap();
    let login = json!({"client-certificate": certificate, "client-key": key});
    let said = refused(&user(&login), "is signed by CN=faulty-server CA", &[]);
    assert!(
        said.contains("but the server's certificate is signed by CN=control-plane"),
        "{said}"
    );
}

#[test]
fn an_expired_token_of_an_exec_plugin_is_explained() {
    let mut claims = claims();
    claims["exp"] = json!(now() - 65);
    let token = signed(&claims);
    let kubeconfig = user(&exec_plugin(&answer(&json!({"token": token}))));
    let said = refused(
        &kubeconfig,
        "the bearer token from exec plugin /",
        &[&token],
    );
    assert!(said.contains("log-in expired 1 minute"), "{said}");
}

#[test]
fn a_missing_credential_is_explained() {
    let control_plane = ControlPlane::builder()
        .api_server_flag("--anonymous-auth=false")
        .start()
        .unwrap();
    let kubeconfig = control_plane.kubeconfig(&User::Anonymous).unwrap();
    let outcome = whoami(&kubeconfig, &[])
        .ended(3)
        .says(UNAUTHORIZED)
        .says("hint: add a credential to the kubeconfig user: none was sent, and the server does not accept anonymous requests");
    assert_eq!(outcome.row("Username"), "unknown");
    assert_eq!(outcome.row("Credential"), "none");
}

/// By the server's clock the token has expired, and by ours it has not.
#[test]
fn a_wrong_clock_is_explained() {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "Unauthorized",
        "reason": "Unauthorized", "code": 401,
    });
    for (date, token_ends, hints) in [
        (
            "Fri, 01 Jan 2100 00:00:00 GMT",
            now() + 3_600,
            &[
                "the bearer token expired",
                "this machine's clock is",
                "behind the server's",
            ][..],
        ),
        (
            "Sat, 01 Jan 2000 00:00:00 GMT",
            now() + 3_600,
            &[
                "the bearer token is not valid until",
                "ahead of the server's",
            ],
        ),
        // Without a Date, its clock is unknown.
        ("", now() - 3_600, &["the bearer token expired 1 hour ago"]),
    ] {
        let mut reply = Reply::json(401, status.to_string());
        if !date.is_empty() {
            reply = reply.header("Date", date);
        }
        let server = FaultyServer::start([Answer::Reply(reply)]).unwrap();
        let mut claims = json!({"sub": "jane", "exp": token_ends});
        claims["nbf"] = json!(now() - 7_200);
        let token = format!("{}.c2ln", unsigned(&claims));
        let kubeconfig = server.kubeconfig().unwrap();
        let mut outcome = whoami(&kubeconfig, &[&format!("--token={token}")]).ended(3);
        for hint in hints {
            outcome = outcome.says(hint);
        }
        assert_eq!(
            outcome.stderr.contains("clock"),
            !date.is_empty(),
            "{outcome:#?}"
        );
    }
}

/// Clocks are never exactly equal.
#[test]
fn a_small_difference_between_clocks_is_not_mentioned() {
    let outcome = whoami(&user(&json!({"token": "opaque"})), &[]).ended(3);
    assert!(!outcome.stderr.contains("clock"), "{outcome:#?}");
}

#[test]
fn can_explains_a_401_too() {
    let mut claims = claims();
    claims["exp"] = json!(now() - 3 * 3_600);
    let kubeconfig = user(&json!({"token": signed(&claims)}));
    whoami(&kubeconfig, &["--can", "get", "/api/v1/pods"])
        .ended(3)
        .says(UNAUTHORIZED)
        .says("hint: the bearer token expired 3 hours ago, at 2");
}
