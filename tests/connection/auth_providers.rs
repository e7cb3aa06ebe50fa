use anyhow::Result;

use super::case::*;
use super::servers::Servers;

#[test]
fn auth_providers_are_handled_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    let oidc = |fields: &str| {
        format!(
            "auth-provider: {{name: oidc, config: {{idp-issuer-url: 'https://$PLAIN', client-id: c, {fields}}}}}"
        )
    };
    let expired = |name, kubectl, ours| {
        departs(
            name,
            "we never renew the token, and report why it cannot be used",
            kubectl,
            ours,
        )
    };
    vec![
        same("a valid oidc id-token", "$PORT/probe; authorization: Bearer $VALID_JWT")
            .user(&oidc("id-token: $VALID_JWT")),
        same("an oidc id-token beside a certificate", "certificate of alice; authorization: Bearer")
            .user(&format!("{}, {ALICE}", oidc("id-token: $VALID_JWT"))),
        expired(
            "an expired oidc id-token",
            "Unable to connect to the server: No valid id-token, and cannot refresh without refresh-token",
            "Unable to connect to the server: the id-token of user \"c\" expired at 2020-01-01 00:00 UTC",
        )
        // {"exp":1577836800}
        .user(&oidc("id-token: e30.eyJleHAiOjE1Nzc4MzY4MDB9.c2ln")),
        expired(
            "an expired oidc id-token that kubectl renews",
            "Unable to connect to the server: ",
            "Unable to connect to the server: the id-token of user \"c\" expired at 2020-01-01 00:00 UTC",
        )
        .user(&oidc("refresh-token: hunter2, id-token: e30.eyJleHAiOjE1Nzc4MzY4MDB9.c2ln")),
        expired(
            "an oidc id-token without an expiry date",
            "Unable to connect to the server: No valid id-token",
            "Unable to connect to the server: the id-token of user \"c\" is not a JWT with an expiry date",
        )
        .user(&oidc("id-token: e30.e30.c2ln")),
        expired(
            "an oidc id-token that is not a JWT",
            "Unable to connect to the server: ID Token is not a valid JWT",
            "Unable to connect to the server: the id-token of user \"c\" is not a JWT with an expiry date",
        )
        .user(&oidc("id-token: hunter2")),
        expired(
            "oidc without an id-token",
            "Unable to connect to the server: No valid id-token",
            "Unable to connect to the server: the id-token of user \"c\" is missing",
        )
        .user(&oidc("")),
        same("a token takes precedence over an invalid id-token", "authorization: Bearer t")
            .user(&oidc("id-token: hunter2"))
            .flags(["--token=t"]),
        same("oidc without an issuer", "error: Must provide idp-issuer-url")
            .user("token: t, auth-provider: {name: oidc}"),
        same("oidc without a client", "error: Must provide client-id")
            .user("auth-provider: {name: oidc, config: {idp-issuer-url: x}}"),
        same(
            "gcp",
            "error: The gcp auth plugin has been removed.\nPlease use the \"gke-gcloud-auth-plugin\"",
        )
        .user("auth-provider: {name: gcp, config: {access-token: hunter2}}"),
        same("gcp beside a token", "error: The gcp auth plugin has been removed.")
            .user("token: t, auth-provider: {name: gcp}"),
        same(
            "azure",
            "error: The azure auth plugin has been removed.\nPlease use the https://github.com/Azure/kubelogin",
        )
        .user("auth-provider: {name: azure}"),
        same("an unknown provider", "error: no Auth Provider found for name \"none\"")
            .user("auth-provider: {name: none}"),
        same("a provider is ignored for plain http", "sent http://127.0.0.1:$PLAIN_PORT/probe")
            .with("server: 'http://$PLAIN'", "auth-provider: {name: gcp}"),
    ]
}
