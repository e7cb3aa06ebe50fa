//! Kubeconfig files, read as leniently as kubectl reads them
//! (`client-go/tools/clientcmd/loader.go`).
//!
//! client-go merges the files of a `KUBECONFIG` list: the first definition of each name wins, as a
//! whole. Here, a name is looked up in the files in their order, which has the same result. Only
//! the entries that are used are parsed; the others may contain anything.
//!
//! * `selection`: chooses the cluster and the user, with the flags as `overrides`
//! * `validation`: kubectl's checks of the cluster and the user
//! * `no_context`: explains why no context is chosen
//! * `in_cluster`: the service account of a Pod
//! * `file`: reads files and finds programs; `yaml`: parses YAML

pub(crate) mod file;
mod in_cluster;
mod no_context;
pub(crate) mod overrides;
pub(crate) mod selection;
pub(crate) mod validation;
pub(crate) mod yaml;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fmt};

use kube_client::config::{AuthInfo, Cluster, ExecConfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;
use crate::redaction::headers_and_urls::address_without_userinfo;
use crate::stderr::trace::Trace;
use crate::text::nearest::nearest;

/// The hint for a missing or unknown `interactiveMode` of an exec plugin.
pub(crate) const INTERACTIVE_MODES: &str = "set user.exec.interactiveMode to Never, or to IfAvailable or Always if the exec plugin asks for input";

/// The kubeconfig files, in order of precedence.
pub(crate) struct Kubeconfig {
    files: Vec<KubeconfigFile>,
    /// The files of `$KUBECONFIG` that do not exist.
    missing: Vec<PathBuf>,
}

struct KubeconfigFile {
    path: PathBuf,
    document: Document,
}

/// The fields of a file that are read. Other fields are allowed.
#[derive(Default)]
struct Document {
    current_context: String,
    contexts: Vec<Named>,
    clusters: Vec<Named>,
    users: Vec<Named>,
}

/// An entry in any of the three lists.
#[derive(Deserialize)]
struct Named {
    name: Option<String>,
    context: Option<Value>,
    cluster: Option<Value>,
    user: Option<Value>,
}

/// A context: a cluster, a user and a namespace. kube-client's own type requires a cluster.
#[derive(Default, Deserialize)]
pub(crate) struct Context {
    pub(crate) cluster: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) namespace: Option<String>,
}

/// One of the three lists of a kubeconfig.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Contexts,
    Clusters,
    Users,
}

impl fmt::Display for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Contexts => "context",
            Self::Clusters => "cluster",
            Self::Users => "user",
        })
    }
}

impl Kubeconfig {
    /// Reads `explicit`, the files of `$KUBECONFIG`, or `~/.kube/config`.
    pub(crate) fn load(explicit: Option<&str>, trace: Trace) -> Result<Self, Error> {
        let mut missing = Vec::new();
        let paths = match (explicit, env::var_os("KUBECONFIG")) {
            (Some(path), _) => {
                if !Path::new(path).try_exists().unwrap_or(true) {
                    let error = format!("stat {path}: no such file or directory");
                    return Err(file::with_tilde_hint(Error::usage(error)));
                }
                vec![PathBuf::from(path)]
            }
            (None, Some(list)) if !list.is_empty() => files_of_variable(&list, &mut missing)?,
            (None, _) => default_file().into_iter().collect(),
        };
        let mut files: Vec<KubeconfigFile> = Vec::with_capacity(paths.len());
        for path in paths {
            let known = files.iter().any(|file| file.path == path);
            if known || path.as_os_str().is_empty() || !path.try_exists().unwrap_or(true) {
                continue;
            }
            let document = Document::read(&path).map_err(|reason| config_error(&path, &reason))?;
            trace.kubeconfig(&path);
            files.push(KubeconfigFile { path, document });
        }
        Ok(Self { files, missing })
    }

    /// Reports whether there is a kubeconfig, or the user named one.
    pub(crate) fn is_given(&self) -> bool {
        !self.files.is_empty() || !self.missing.is_empty()
    }

    /// Returns the first file of `$KUBECONFIG` that does not exist.
    pub(crate) fn missing_file(&self) -> Option<&Path> {
        self.missing.first().map(PathBuf::as_path)
    }

    /// Returns the first `current-context`.
    pub(crate) fn current_context(&self) -> Option<&str> {
        let mut names = self
            .files
            .iter()
            .map(|file| file.document.current_context.as_str());
        names.find(|name| !name.is_empty())
    }

    /// Returns the names of all contexts in alphabetical order, like `kubectl config get-contexts`.
    pub(crate) fn context_names(&self) -> Vec<&str> {
        let contexts = self.files.iter().flat_map(|file| &file.document.contexts);
        let mut names: Vec<&str> = contexts.map(Named::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns a context.
    pub(crate) fn context(&self, name: &str) -> Result<Option<Context>, Error> {
        Ok(self.find(List::Contexts, name)?.map(|(context, _)| context))
    }

    /// Returns a cluster with absolute file paths.
    pub(crate) fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        let found = self.find::<Cluster>(List::Clusters, name)?;
        Ok(found.map(|(mut cluster, path)| {
            resolve(&mut cluster.certificate_authority, path);
            cluster
        }))
    }

    /// Returns a user with absolute file paths, including the exec plugin's. A command without a
    /// slash stays, because it is looked up in `$PATH`.
    pub(crate) fn user(&self, name: &str) -> Result<Option<AuthInfo>, Error> {
        let found = self.find::<AuthInfo>(List::Users, name)?;
        Ok(found.map(|(mut user, path)| {
            resolve(&mut user.client_certificate, path);
            resolve(&mut user.client_key, path);
            resolve(&mut user.token_file, path);
            if let Some(exec) = &mut user.exec
                && exec
                    .command
                    .as_ref()
                    .is_some_and(|command| command.contains('/'))
            {
                resolve(&mut exec.command, path);
            }
            user
        }))
    }

    /// Returns the files that define a name. The first one counts.
    pub(crate) fn files_with(&self, list: List, name: &str) -> Vec<PathBuf> {
        let defines = |file: &&KubeconfigFile| {
            let mut entries = file.document.list(list).iter();
            entries.any(|named| named.name() == name)
        };
        let files = self.files.iter().filter(defines);
        files.map(|file| file.path.clone()).collect()
    }

    /// Returns the names in a list, each with a description that contains no credential.
    pub(crate) fn names(&self, list: List) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = Vec::new();
        for named in self.files.iter().flat_map(|file| file.document.list(list)) {
            if names.iter().all(|(known, _)| known != named.name()) {
                names.push((named.name().to_owned(), named.description(list)));
            }
        }
        names
    }

    /// Returns the name in the list that `name` may be a misspelling of.
    pub(crate) fn nearest(&self, list: List, name: &str) -> Option<&str> {
        let entries = self.files.iter().flat_map(|file| file.document.list(list));
        nearest(name, entries.map(Named::name))
    }

    /// Returns the first definition of a name, and its file.
    fn find<T: DeserializeOwned>(
        &self,
        list: List,
        name: &str,
    ) -> Result<Option<(T, &Path)>, Error> {
        for file in &self.files {
            let Some(named) = file
                .document
                .list(list)
                .iter()
                .find(|named| named.name() == name)
            else {
                continue;
            };
            let entry = named.entry(list);
            let typed = T::deserialize(&entry)
                .map_err(|_| misfit_error::<T>(&file.path, &format!("{list} {name:?}"), &entry))?;
            return Ok(Some((typed, &file.path)));
        }
        Ok(None)
    }
}

/// Returns the kubeconfig in the home folder.
fn default_file() -> Option<PathBuf> {
    Some(env::home_dir()?.join(".kube/config"))
}

/// Returns the files in `$KUBECONFIG`, and adds those that do not exist to `missing`. Departure: kubectl
/// ignores a file below `~`, which no shell expands in the middle of a list or in quotes.
fn files_of_variable(list: &OsStr, missing: &mut Vec<PathBuf>) -> Result<Vec<PathBuf>, Error> {
    let is_path = |path: &PathBuf| !path.as_os_str().is_empty();
    let paths: Vec<PathBuf> = env::split_paths(list).filter(is_path).collect();
    let is_missing = |path: &&PathBuf| !path.try_exists().unwrap_or(true);
    missing.extend(paths.iter().filter(is_missing).cloned());
    for path in missing.iter() {
        let text = path.to_string_lossy();
        if file::has_tilde(&text) {
            let error = Error::usage(format!("KUBECONFIG: {text} does not exist"));
            return Err(file::with_tilde_hint(error));
        }
    }
    Ok(paths)
}

impl Document {
    /// Reads and checks a file. The error does not quote its text.
    fn read(path: &Path) -> Result<Self, String> {
        let text = file::read(path)?;
        let mut fields = match yaml::first_document(&text)? {
            None => return Ok(Self::default()),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err("not a mapping".to_owned()),
        };
        let kind: String = take(&mut fields, "kind")?;
        let version: String = take(&mut fields, "apiVersion")?;
        if !["", "Config"].contains(&kind.as_str()) || !["", "v1"].contains(&version.as_str()) {
            return Err(format!(
                "no kind {kind:?} is registered for version {version:?}"
            ));
        }
        let document = Self {
            current_context: take(&mut fields, "current-context")?,
            contexts: take(&mut fields, "contexts")?,
            clusters: take(&mut fields, "clusters")?,
            users: take(&mut fields, "users")?,
        };
        for list in [List::Clusters, List::Users, List::Contexts] {
            let mut names: Vec<&str> = document.list(list).iter().map(Named::name).collect();
            names.sort_unstable();
            if let Some([name, _]) = names.array_windows().find(|[left, right]| left == right) {
                return Err(format!("duplicate name {name:?} in list of {list}s"));
            }
        }
        Ok(document)
    }

    fn list(&self, list: List) -> &[Named] {
        match list {
            List::Contexts => &self.contexts,
            List::Clusters => &self.clusters,
            List::Users => &self.users,
        }
    }
}

impl Named {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Describes an entry: a context by its cluster and user, a cluster by its server.
    fn description(&self, list: List) -> String {
        let entry = self.entry(list);
        let text = |field| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        match list {
            List::Contexts => format!("{} as {}", text("cluster"), text("user")),
            List::Clusters => address_without_userinfo(text("server")),
            List::Users => String::new(),
        }
    }

    /// Returns the value of an entry. Omits nulls and empty strings at any depth, which Go treats
    /// as absent.
    fn entry(&self, list: List) -> Value {
        let entry = match list {
            List::Contexts => &self.context,
            List::Clusters => &self.cluster,
            List::Users => &self.user,
        };
        entry
            .as_ref()
            .map_or_else(|| Value::Object(Map::new()), without_the_unset)
    }
}

fn without_the_unset(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_set =
                |(_, value): &(&String, &Value)| !value.is_null() && value.as_str() != Some("");
            let set = members.iter().filter(is_set);
            // Extensions may have any content, and stay unchanged.
            let kept = set.map(|(name, value)| match name.as_str() {
                "extensions" => (name.clone(), value.clone()),
                _ => (name.clone(), without_the_unset(value)),
            });
            kept.collect()
        }
        Value::Array(items) => items.iter().map(without_the_unset).collect(),
        other => other.clone(),
    }
}

/// Removes and parses a field. A null counts as absent. The error omits serde's message, which
/// quotes the value.
fn take<T: DeserializeOwned + Default>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<T, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => {
            serde_json::from_value(value).map_err(|_| format!("{name} is of the wrong type"))
        }
    }
}

/// Returns the name of the field that keeps `value` from being a `T`.
pub(crate) fn misfit<T: DeserializeOwned>(value: &Value) -> Option<&str> {
    value.as_object()?.iter().find_map(|(key, field)| {
        let alone = Value::Object(Map::from_iter([(key.clone(), field.clone())]));
        T::deserialize(&alone).is_err().then_some(key.as_str())
    })
}

/// Returns the error about an entry with a field of the wrong type. `owner` names the entry.
fn misfit_error<T: DeserializeOwned>(path: &Path, owner: &str, entry: &Value) -> Error {
    let field = misfit::<T>(entry).unwrap_or("a field");
    match (field, misfit::<ExecConfig>(&entry["exec"])) {
        ("exec", Some("interactiveMode")) => {
            let reason = format!("{owner}: exec.interactiveMode has an unknown value");
            config_error(path, &reason).with_hint(INTERACTIVE_MODES)
        }
        ("exec", Some(inner)) => {
            config_error(path, &format!("{owner}: exec.{inner} is of the wrong type"))
        }
        _ => config_error(path, &format!("{owner}: {field} is of the wrong type")),
    }
}

fn config_error(path: &Path, reason: &str) -> Error {
    Error::usage(format!(
        "error loading config file \"{}\": {reason}",
        path.display()
    ))
}

/// Makes a path in a kubeconfig absolute. As in client-go, `..` removes the folder before it in the
/// text, even if that folder is a link.
fn resolve(reference: &mut Option<String>, kubeconfig: &Path) {
    let Some(text) = reference else { return };
    if Path::new(text).is_absolute() {
        return;
    }
    if let Ok(kubeconfig) = std::path::absolute(kubeconfig) {
        *text = file::clean(&kubeconfig.with_file_name(&text).to_string_lossy());
    }
}
