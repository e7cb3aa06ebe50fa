//! The policy for exec plugins in kubectl's preferences (`kubectl/pkg/kuberc` and
//! `client-go/plugin/pkg/client/auth/exec`).
//!
//! Without the policy, the plugins would run programs that the user's kubectl refuses to run. Other
//! preferences are ignored.

use std::env;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::connection::kubeconfig::{file, yaml};
use crate::text::boolean::parse_boolean;

const V1ALPHA1: &str = "kubectl.config.k8s.io/v1alpha1";
const V1BETA1: &str = "kubectl.config.k8s.io/v1beta1";

/// The exec plugins that may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum PluginPolicy {
    #[default]
    AllowAll,
    DenyAll,
    /// Only these commands, each a name in `$PATH` or a path.
    Allowlist(Vec<String>),
}

/// Reads the policy from `--kuberc`, `$KUBERC` (unless it is `off`) or `~/.kube/kuberc`. As in kubectl, an
/// explicit file must exist and be valid, and the one in the home folder is skipped with a note. A
/// contradictory policy is an error in any file.
pub(crate) fn plugin_policy(
    flag: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<PluginPolicy, Error> {
    let failure = |reason| Error::usage(format!("kuberc: {reason}"));
    if env::var("KUBECTL_KUBERC").is_ok_and(|value| parse_boolean(&value) == Ok(false)) {
        return Ok(PluginPolicy::AllowAll);
    }
    let variable = env::var("KUBERC").unwrap_or_default();
    let path = match flag {
        Some(_) if variable == "off" => {
            return Err(failure(
                "disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive"
                    .to_owned(),
            ));
        }
        Some(path) => PathBuf::from(path),
        None if variable == "off" => return Ok(PluginPolicy::AllowAll),
        None => PathBuf::from(&variable),
    };
    let (path, is_named) = match (path, env::home_dir()) {
        (path, Some(home)) if path.as_os_str().is_empty() => (home.join(".kube/kuberc"), false),
        (path, _) => (path, true),
    };
    if !is_named && !path.try_exists().unwrap_or(true) {
        return Ok(PluginPolicy::AllowAll);
    }
    let preference = match Preference::read(&path) {
        Ok(preference) => preference,
        Err(reason) if is_named => return Err(failure(reason)),
        Err(reason) => {
            notes.push(format!(
                "kuberc: no preferences loaded from {}: {reason}",
                path.display()
            ));
            return Ok(PluginPolicy::AllowAll);
        }
    };
    if !preference.unknown_fields.is_empty() {
        notes.push(format!(
            "kuberc: ignoring strict decoding error in {}: strict decoding error: unknown field {}",
            path.display(),
            preference.unknown_fields.join(", unknown field ")
        ));
    }
    preference.policy().map_err(failure)
}

impl PluginPolicy {
    /// Checks that `command`, which was found at `path`, may run. The error has kubectl's wording.
    pub(crate) fn check(&self, command: &str, path: Result<&Path, &str>) -> Result<(), String> {
        let allowed = match self {
            Self::AllowAll => return Ok(()),
            Self::DenyAll => {
                return Err(format!(
                    "plugin {command:?} not allowed: policy set to \"DenyAll\""
                ));
            }
            Self::Allowlist(allowed) => allowed,
        };
        if allowed.iter().any(|entry| entry == command) {
            return Ok(());
        }
        let path = path.map_err(|reason| {
            format!(
                "plugin path {command:?} cannot be resolved for credential plugin allowlist \
                 check: {reason}"
            )
        })?;
        let is_path =
            |entry: &String| file::find_executable(entry).is_ok_and(|found| found == path);
        if allowed.iter().any(is_path) {
            return Ok(());
        }
        Err(format!(
            "plugin path \"{}\" is not permitted by the credential plugin allowlist",
            path.display()
        ))
    }
}

/// The parts of a kuberc that are read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Preference {
    credential_plugin_policy: Option<String>,
    credential_plugin_allowlist: Option<Vec<AllowlistEntry>>,
    /// The names of the unknown fields, in quotes.
    #[serde(skip)]
    unknown_fields: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AllowlistEntry {
    /// The old name of `command`.
    name: String,
    command: String,
}

impl Preference {
    fn read(path: &Path) -> Result<Self, String> {
        let bytes = file::read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        // The first document that is a Preference counts. Other documents may be anything.
        let mut documents = vec![String::new()];
        for line in text.lines() {
            match (
                line.strip_prefix("---").map(str::trim),
                documents.last_mut(),
            ) {
                (None, Some(document)) => document.extend([line, "\n"]),
                _ => documents.push(String::new()),
            }
        }
        documents
            .iter()
            .find_map(|document| Self::from_document(document))
            .ok_or_else(|| {
                format!(
                    "no valid preferences found in {}: no Preference of {V1BETA1} or {V1ALPHA1}",
                    path.display()
                )
            })
    }

    fn from_document(document: &str) -> Option<Self> {
        let value = yaml::first_document(document.as_bytes()).ok()??;
        let text = |name| value.get(name).and_then(Value::as_str);
        let (is_beta, fields): (bool, &[&str]) = match (text("kind")?, text("apiVersion")?) {
            ("Preference", V1BETA1) => (
                true,
                &[
                    "credentialPluginPolicy",
                    "credentialPluginAllowlist",
                    "defaults",
                ],
            ),
            ("Preference", V1ALPHA1) => (false, &["overrides"]),
            _ => return None,
        };
        let unknown_fields = value
            .as_object()?
            .keys()
            .filter(|key| !["kind", "apiVersion", "aliases"].contains(&key.as_str()))
            .filter(|key| !fields.contains(&key.as_str()))
            .map(|key| format!("{key:?}"))
            .collect();
        let mut preference = Self::default();
        if is_beta {
            preference = Self::deserialize(value).ok()?;
        }
        let entries = preference.credential_plugin_allowlist.iter().flatten();
        for AllowlistEntry { name, command } in entries {
            if !name.is_empty() && !command.is_empty() && name != command {
                return None;
            }
        }
        Some(Self {
            unknown_fields,
            ..preference
        })
    }

    /// Returns the policy. The error has kubectl's wording.
    fn policy(self) -> Result<PluginPolicy, String> {
        let policy = self.credential_plugin_policy.unwrap_or_default();
        match (policy.as_str(), self.credential_plugin_allowlist) {
            ("" | "AllowAll", None) => Ok(PluginPolicy::AllowAll),
            ("DenyAll", None) => Ok(PluginPolicy::DenyAll),
            ("" | "AllowAll" | "DenyAll", Some(_)) => Err(format!(
                "misconfigured credential plugin allowlist: plugin policy is {policy:?} but \
                 allowlist is non-nil"
            )),
            ("Allowlist", None) => Err(format!(
                "credential plugin policy set to {policy:?}, but allowlist is unspecified"
            )),
            ("Allowlist", Some(entries)) if entries.is_empty() => Err(format!(
                "credential plugin policy set to {policy:?}, but allowlist is empty; use \
                 \"DenyAll\" policy instead"
            )),
            ("Allowlist", Some(entries)) => {
                let commands = entries.into_iter().enumerate().map(check_entry);
                commands
                    .collect::<Result<_, _>>()
                    .map(PluginPolicy::Allowlist)
            }
            _ => Err(format!("unknown plugin policy: {policy:?}")),
        }
    }
}

/// Checks an entry of the allowlist, and returns its command.
fn check_entry((index, entry): (usize, AllowlistEntry)) -> Result<String, String> {
    let command = match entry {
        AllowlistEntry { name, command } if command.is_empty() => name,
        AllowlistEntry { command, .. } => command,
    };
    let cleaned = file::clean(&command);
    if command.is_empty() {
        let number = index + 1;
        Err(format!(
            "misconfigured credential plugin allowlist: empty allowlist entry #{number}"
        ))
    } else if cleaned != command {
        Err(format!(
            "non-normalized file path: {command:?} vs {cleaned:?}"
        ))
    } else {
        Ok(command)
    }
}
