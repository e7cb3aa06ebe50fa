use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use control_plane::ControlPlane;
use serde_json::{Value, json};
use support::{Outcome, run, unique};

use super::program::{OURS, Program};

/// Writes a kubeconfig whose user `admin` has this token.
fn kubeconfig(token: &str) -> Result<PathBuf> {
    ControlPlane::shared().kubeconfig_with(&json!({"token": token}))
}

/// Runs rawpatch, to which the API server answers with 401.
fn refused(kubeconfig: &str, flags: &[&str]) -> Outcome {
    let mut command = Command::new(OURS);
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("KUBECONFIG", kubeconfig)
        .args(Program::Ours.arguments("/api/v1/namespaces/default/configmaps/none"))
        .args(flags);
    run(&mut command, "")
        .ended(3)
        .says("error: You must be logged in to the server (Unauthorized)")
}

/// Returns the name of the user in a kubeconfig.
fn user_in(kubeconfig: &str) -> Result<String> {
    let text = fs::read_to_string(kubeconfig)?;
    let config: Value = serde_json::from_str(&text)?;
    Ok(config["users"][0]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

#[test]
fn a_401_names_the_user_and_the_file_of_the_credential() -> Result<()> {
    let path = kubeconfig(&unique("opaque"))?.display().to_string();
    let user = user_in(&path)?;
    let hint = refused(&path, &[]).hint();
    assert_eq!(
        hint,
        format!(
            "the bearer token is not a JWT; check that it is correct, current, and for this cluster; \
             the credential is from user {user:?} in {path}"
        )
    );
    let trace = refused(&path, &["-v=6"]);
    let line = format!("Credential from user {user:?} in {path}\n");
    assert!(trace.stderr.contains(&line), "{trace:?}");
    let hint = refused(&path, &["--token=opaque"]).hint();
    let source = format!("the credential is from --token, and user {user:?} in {path}");
    assert!(hint.ends_with(&source), "{hint}");
    Ok(())
}

/// The context is in the second file, and the user of that name in the first one is another.
#[test]
fn a_401_tells_that_a_user_is_in_several_files() -> Result<()> {
    let first = kubeconfig(&unique("first"))?.display().to_string();
    let second = kubeconfig(&unique("second"))?.display().to_string();
    let user = user_in(&first)?;
    assert_eq!(user, user_in(&second)?);
    let hint = refused(&format!("{first}:{second}"), &[]).hint();
    let sentence = format!(
        "the credential is from user {user:?} in {first}; user {user:?} is also in {second}, but the \
         first file in KUBECONFIG counts: {first}"
    );
    assert!(hint.ends_with(&sentence), "{hint}");
    Ok(())
}

#[test]
fn a_401_explains_the_token_of_a_provider() -> Result<()> {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "https://idp.example", "aud": "kubernetes", "sub": "jane"});
    let token = format!("{}.{}.c2ln", part(json!({"alg": "none"})), part(claims));
    let path = kubeconfig(&token)?.display().to_string();
    let hint = refused(&path, &[]).hint();
    let sentence = "the bearer token has issuer https://idp.example and audience kubernetes; check the \
                    server's --oidc-issuer-url and --oidc-client-id. If they match, the signature is \
                    wrong, or the server requires another claim; ";
    assert!(hint.starts_with(sentence), "{hint}");
    assert!(!hint.contains("account"), "{hint}");
    Ok(())
}

#[test]
fn a_401_describes_a_token_that_looks_wrong() -> Result<()> {
    for (token, hint) in [
        (
            "b3BhcXVlLXRva2Vu",
            "it may still be encoded in base64: decode it with `base64 -d`",
        ),
        (
            "$TOKEN",
            "it looks like a placeholder: replace it with the token",
        ),
        ("'t'", "remove the quotes around it"),
    ] {
        let path = kubeconfig(token)?.display().to_string();
        let outcome = refused(&path, &[]);
        let sentence = format!("the bearer token is not a JWT; {hint}; ");
        assert!(outcome.hint().starts_with(&sentence), "{outcome:?}");
        assert!(!outcome.stderr.contains("b3BhcXVlLXRva2Vu"), "{outcome:?}");
    }
    Ok(())
}
