//! Users of a control plane, their credentials and kubeconfigs.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::ControlPlane;
use crate::pki::KeyAndCertificate;

/// A user of the control plane.
#[derive(Clone, Copy, Debug)]
pub enum User<'a> {
    /// `admin` in the group `system:masters`, with a client certificate. May do everything.
    Admin,
    /// A person with a client certificate. May do only what the test's RBAC objects allow.
    Person {
        /// The user name.
        name: &'a str,
        /// At most two groups.
        groups: &'a [&'a str],
    },
    /// A service account with a bearer token that is valid for an hour. A missing account is created.
    ServiceAccount {
        /// The account's namespace, which must exist.
        namespace: &'a str,
        /// The account's name.
        name: &'a str,
    },
    /// A user without a credential, whom the server calls `system:anonymous`.
    Anonymous,
}

impl ControlPlane {
    /// Writes a new kubeconfig file (JSON, which is YAML) with one context that logs in as this user.
    pub fn kubeconfig(&self, user: &User<'_>) -> Result<PathBuf> {
        let folder = self.new_folder()?;
        let credential = match *user {
            User::Admin => {
                let (certificate, key) = self.admin_certificate();
                client_certificate(&certificate, &key)
            }
            User::Person { name, groups } => {
                let issued = self.authority.client(name, groups, None)?;
                let (certificate, key) = save(&folder, &issued)?;
                client_certificate(&certificate, &key)
            }
            User::ServiceAccount { namespace, name } => {
                json!({ "token": self.service_account_token(namespace, name)? })
            }
            User::Anonymous => json!({}),
        };
        let name = match *user {
            User::Admin => "admin",
            User::Person { name, .. } | User::ServiceAccount { name, .. } => name,
            User::Anonymous => "anonymous",
        };
        self.write_kubeconfig(&folder, name, &credential)
    }

    /// Writes a new kubeconfig file whose only user has the given `user` value.
    pub fn kubeconfig_with(&self, user: &Value) -> Result<PathBuf> {
        self.write_kubeconfig(&self.new_folder()?, "user", user)
    }

    /// Creates a folder for the files of one user.
    fn new_folder(&self) -> Result<PathBuf> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder().join("users").join(number.to_string());
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok(folder)
    }

    fn write_kubeconfig(&self, folder: &Path, name: &str, credential: &Value) -> Result<PathBuf> {
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "control-plane",
                "cluster": {
                    "server": self.url(),
                    "certificate-authority": self.certificate_authority(),
                },
            }],
            "users": [{ "name": name, "user": credential }],
            "contexts": [{
                "name": "control-plane",
                "context": { "cluster": "control-plane", "user": name },
            }],
            "current-context": "control-plane",
        });
        let path = folder.join("kubeconfig");
        fs::write(&path, format!("{kubeconfig:#}\n"))
            .with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Returns the PEM files with the admin's certificate and key.
    pub fn admin_certificate(&self) -> (PathBuf, PathBuf) {
        certificate_and_key(&self.folder().join("admin"))
    }

    /// Issues a client certificate that is valid for the given time, and returns the PEM files with
    /// the certificate and its key.
    pub fn client_certificate(
        &self,
        name: &str,
        groups: &[&str],
        validity: Range<SystemTime>,
    ) -> Result<(PathBuf, PathBuf)> {
        let credential = self.authority.client(name, groups, Some(validity))?;
        save(&self.new_folder()?, &credential)
    }

    /// Returns the PEM file with the key that signs service account tokens (PKCS#8, for ES256).
    pub fn service_account_key(&self) -> PathBuf {
        self.folder().join("service-account-private.pem")
    }

    /// Requests a bearer token for a service account, valid for an hour. A missing account is created;
    /// its namespace must exist.
    pub fn service_account_token(&self, namespace: &str, name: &str) -> Result<String> {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        let account = json!({ "metadata": { "name": name } }).to_string();
        let body = Some(("application/json", account.as_bytes()));
        match self.request("POST", &accounts, body)? {
            (201 | 409, _) => {}
            (status, reply) => bail!("create the service account {name}: {status} {reply}"),
        }
        let request = json!({ "spec": { "expirationSeconds": 3600 } });
        let reply = self.create(&format!("{accounts}/{name}/token"), &request)?;
        reply["status"]["token"]
            .as_str()
            .map(String::from)
            .context("the response to a TokenRequest has no token")
    }
}

/// Writes a certificate and its key into an existing folder, and returns the two files.
pub(crate) fn save(folder: &Path, credential: &KeyAndCertificate) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = certificate_and_key(folder);
    for (path, text) in [
        (&certificate, &credential.certificate),
        (&key, &credential.key),
    ] {
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok((certificate, key))
}

fn certificate_and_key(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("certificate.pem"), folder.join("key.pem"))
}

fn client_certificate(certificate: &Path, key: &Path) -> Value {
    json!({ "client-certificate": certificate, "client-key": key })
}
