//! Completes the word at the cursor.

use clap::{Arg, Args as _, Command, FromArgMatches as _};

use crate::completion::cached_server::CachedServer;
use crate::completion::completions::{Candidate, Completions};
use crate::completion::line::{Cursor, Line};
use crate::completion::object;
use crate::completion::paths;
use crate::completion::paths::PathFilter;
use crate::connection::{ConnectionArgs, KubeconfigList};
use crate::text::boolean;

/// The values of a plugin's own arguments, where clap does not know them.
pub trait Complete {
    /// Returns the values of an argument. `argument` is its clap id, which is the name of the field;
    /// `before` are the earlier values of the same flag, if it takes several.
    fn values(argument: &str, before: &[String]) -> Values;
}

/// The values of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Values that cannot be listed.
    Unknown,
    /// These words, each with a description, which may be empty.
    Words(&'static [(&'static str, &'static str)]),
    /// The API paths that support at least one of these RBAC verbs: collections for `list`, objects for
    /// `patch`, both for `watch`.
    Paths(&'static [&'static str]),
    /// The subresources that support this verb, of the object whose path is on the line.
    Subresources(&'static str),
    /// The field managers of the object whose path is on the line.
    FieldManagers,
}

/// Completes the word at the cursor.
pub(super) async fn complete<A: Complete>(line: &Line<'_>) -> Completions {
    match &line.cursor {
        Cursor::Flag(typed) => {
            Completions::matching(line.available_flags().flat_map(flag_names), typed)
        }
        Cursor::Value {
            argument,
            before,
            typed,
        } => {
            if let Some(completions) = values_known_to_clap(argument, typed) {
                return completions;
            }
            let Some(connection) = connection(line) else {
                return Completions::default();
            };
            match connection_values(&connection, argument.get_id().as_str(), typed).await {
                Some(completions) => completions,
                None => plugin_values::<A>(line, &connection, argument, before, typed).await,
            }
        }
        Cursor::Unknown => Completions::default(),
    }
}

/// Returns the long and the short name of a flag, each with the first line of its help.
fn flag_names(flag: &Arg) -> impl Iterator<Item = Candidate> {
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let help = help.split('\n').next().unwrap_or_default().to_owned();
    let long = flag.get_long().map(|long| format!("--{long}"));
    let short = flag.get_short().map(|short| format!("-{short}"));
    let names = long.into_iter().chain(short);
    names.map(move |name| Candidate::new(name, help.clone()))
}

/// Completes a value that the clap definition describes: a file, a boolean or an enumeration.
fn values_known_to_clap(argument: &Arg, typed: &str) -> Option<Completions> {
    match argument.get_value_names()?.first()?.as_str() {
        "FILE" => return Some(Completions::files()),
        boolean::VALUE_NAME => {
            return Some(words(&[("true", ""), ("false", "")], argument, typed));
        }
        _ => {}
    }
    let values = argument.get_possible_values().into_iter().map(|value| {
        let help = value.get_help().map(ToString::to_string);
        Candidate::new(value.get_name(), help.unwrap_or_default())
    });
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| Completions::matching(values, typed))
}

/// Selects the words that start with `typed`. In a list, completes its last word.
fn words(words: &[(&str, &str)], argument: &Arg, typed: &str) -> Completions {
    let comma = argument.get_value_delimiter();
    let last_comma = comma.and_then(|comma| typed.rfind(comma));
    let (before, _) = typed.split_at(last_comma.map_or(0, |place| place + 1));
    let candidate = |(word, description): &(&str, &str)| {
        Candidate::new(format!("{before}{word}"), *description)
    };
    Completions::matching(words.iter().map(candidate), typed)
}

/// Reads the connection flags on the line. Returns `None` if they are invalid.
fn connection(line: &Line<'_>) -> Option<ConnectionArgs> {
    let command = ConnectionArgs::augment_args(Command::new("kubectl").no_binary_name(true));
    let matches = command
        .clone()
        .try_get_matches_from(line.flags_of(&command))
        .ok()?;
    ConnectionArgs::from_arg_matches(&matches).ok()
}

/// Completes the value of a connection flag, from the kubeconfig or the server. Returns `None` for
/// another argument.
async fn connection_values(
    connection: &ConnectionArgs,
    argument: &str,
    typed: &str,
) -> Option<Completions> {
    let list = match argument {
        "context" => KubeconfigList::Contexts,
        "cluster" => KubeconfigList::Clusters,
        "user" => KubeconfigList::Users,
        "namespace" => return Some(namespaces(connection, typed).await),
        _ => return None,
    };
    let names = connection.kubeconfig_names(list).unwrap_or_default();
    let candidates = names
        .into_iter()
        .map(|(name, description)| Candidate::new(name, description));
    Some(Completions::matching(candidates, typed))
}

async fn namespaces(connection: &ConnectionArgs, typed: &str) -> Completions {
    let server = CachedServer::new(connection);
    loop {
        let completions = Completions::matching(object::namespaces(&server).await, typed);
        if !completions.candidates.is_empty() || !server.refresh() {
            return completions;
        }
    }
}

/// Completes a value that the plugin describes by [`Complete`].
async fn plugin_values<A: Complete>(
    line: &Line<'_>,
    connection: &ConnectionArgs,
    argument: &Arg,
    before: &[String],
    typed: &str,
) -> Completions {
    let server = || CachedServer::new(connection);
    let path = || {
        line.value("path")
            .or_else(|| line.value("raw"))
            .unwrap_or_default()
    };
    let candidates = match A::values(argument.get_id().as_str(), before) {
        Values::Unknown => None,
        Values::Words(known) => return words(known, argument, typed),
        Values::Paths(verbs) => {
            let filter = PathFilter {
                verbs,
                namespace: connection.namespace(),
            };
            return paths::complete(&server(), typed, &filter).await;
        }
        Values::Subresources(verb) => object::subresources(&server(), path(), verb).await,
        Values::FieldManagers => object::field_managers(&server(), path()).await,
    };
    Completions::matching(candidates.unwrap_or_default(), typed)
}
