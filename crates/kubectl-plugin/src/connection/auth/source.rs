//! Names the place that a credential comes from.

use std::fmt;
use std::path::PathBuf;

use crate::connection::flags::args::ConnectionArgs;

/// The place that a credential comes from: flags, the kubeconfig, or a Pod's service account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialSource {
    /// The flags with a credential, such as `--token`. They take precedence over the kubeconfig.
    pub(crate) flags: Vec<&'static str>,
    /// The user's name in the kubeconfig; may be empty.
    pub(crate) user: String,
    /// The kubeconfig files that define the user. The first one counts.
    pub(crate) files: Vec<PathBuf>,
}

impl CredentialSource {
    pub(crate) fn new(args: &ConnectionArgs, user: String, files: Vec<PathBuf>) -> Self {
        let flags = [
            ("--token", args.token.is_some()),
            ("--username", args.username.is_some()),
            ("--client-certificate", args.client_certificate.is_some()),
            ("--client-key", args.client_key.is_some()),
        ];
        let given = flags.into_iter().filter(|(_, is_given)| *is_given);
        Self {
            flags: given.map(|(flag, _)| flag).collect(),
            user,
            files,
        }
    }

    /// Returns the kubeconfig file that defines the user.
    pub fn file(&self) -> Option<String> {
        Some(self.files.first()?.display().to_string())
    }

    /// Names a field of the user, or the flag that replaces it.
    pub(crate) fn field(&self, name: &str) -> String {
        let flag = format!("--{name}");
        if self.flags.contains(&&*flag) {
            return flag;
        }
        format!("the {name} of {}", self.owner())
    }

    /// Returns the kubeconfig's user, for example `user "jane" in /home/jane/.kube/config`.
    fn owner(&self) -> String {
        match self.file() {
            Some(file) => format!("user {:?} in {file}", self.user),
            None => format!("user {:?}", self.user),
        }
    }

    /// Describes the source in sentences; in none if the credential is a Pod's.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if !self.flags.is_empty() || !self.files.is_empty() {
            sentences.push(format!("the credential is from {self}"));
        }
        if let [first, others @ ..] = self.files.as_slice()
            && !others.is_empty()
        {
            let others: Vec<String> = others
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            sentences.push(format!(
                "user {:?} is also in {}, but the first file in KUBECONFIG counts: {}",
                self.user,
                others.join(", "),
                first.display()
            ));
        }
        sentences
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.flags.join(", "))?;
        if self.files.is_empty() {
            return Ok(());
        }
        let and = if self.flags.is_empty() { "" } else { ", and " };
        write!(formatter, "{and}{}", self.owner())
    }
}
