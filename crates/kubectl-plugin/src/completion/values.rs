//! What may stand at the cursor.

use clap::{Arg, Args, Command, FromArgMatches};

use super::answer::{Answer, Candidate};
use super::line::{Cursor, Line};
use super::object;
use super::paths::{self, Wanted};
use super::server::Server;
use crate::connection::{ConnectionArgs, KubeconfigList};

/// What completion cannot read off the flags of a plugin.
pub trait Complete {
    /// What the values of an argument are; `argument` is its clap id, which is the field's name, and
    /// `before` are the values that the same flag has already, where it takes several.
    fn values(argument: &str, before: &[String]) -> Values;
}

/// Values of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Nothing is known of them.
    Unknown,
    /// These, each with a description, which may be empty.
    Words(&'static [(&'static str, &'static str)]),
    /// The paths of what the server does one of these verbs to, as RBAC names them: for `list`
    /// collections, for `patch` objects, for `watch` both.
    Paths(&'static [&'static str]),
    /// The subresources that the object of the line's path has with this verb.
    Subresources(&'static str),
    /// Those who manage fields of the object of the line's path.
    FieldManagers,
}

pub(super) async fn answer<A: Complete>(line: &Line<'_>) -> Answer {
    match &line.cursor {
        Cursor::Flag(typed) => Answer::of(line.free_flags().flat_map(flag), typed),
        Cursor::Value {
            argument,
            before,
            typed,
        } => match plain(argument, typed) {
            Some(answer) => answer,
            None => known::<A>(line, argument, before, typed).await,
        },
        Cursor::Unknown => Answer::default(),
    }
}

/// A flag by its names, with the first sentence of its help.
fn flag(argument: &Arg) -> impl Iterator<Item = Candidate> {
    let help = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let help = help.split('\n').next().unwrap_or_default().to_owned();
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    let names = long.into_iter().chain(short);
    names.map(move |name| Candidate::new(name, help.clone()))
}

/// The values that the flag itself tells of.
fn plain(argument: &Arg, typed: &str) -> Option<Answer> {
    match argument.get_value_names()?.first()?.as_str() {
        "FILE" => return Some(Answer::files()),
        "true|false" => return Some(words(&[("true", ""), ("false", "")], argument, typed)),
        _ => {}
    }
    let values = argument.get_possible_values().into_iter().map(|value| {
        let help = value.get_help().map(ToString::to_string);
        Candidate::new(value.get_name(), help.unwrap_or_default())
    });
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| Answer::of(values, typed))
}

/// Those of the words that go on with what is typed; in a list, with the last word of it.
fn words(words: &[(&str, &str)], argument: &Arg, typed: &str) -> Answer {
    let comma = argument.get_value_delimiter();
    let place = comma.and_then(|comma| typed.rfind(comma));
    let (before, _) = typed.split_at(place.map_or(0, |place| place + 1));
    let candidate = |(word, description): &(&str, &str)| {
        Candidate::new(format!("{before}{word}"), *description)
    };
    Answer::of(words.iter().map(candidate), typed)
}

/// The values that the kubeconfig, the server and the plugin know.
async fn known<A: Complete>(
    line: &Line<'_>,
    argument: &Arg,
    before: &[String],
    typed: &str,
) -> Answer {
    let Some(connection) = connection(line) else {
        return Answer::default();
    };
    let names = |list| Answer::of(names(&connection, list), typed);
    match argument.get_id().as_str() {
        "context" => return names(KubeconfigList::Contexts),
        "cluster" => return names(KubeconfigList::Clusters),
        "user" => return names(KubeconfigList::Users),
        "namespace" => {
            let server = Server::new(&connection);
            loop {
                let answer = Answer::of(object::namespaces(&server).await, typed);
                if !answer.candidates.is_empty() || !server.refresh() {
                    return answer;
                }
            }
        }
        _ => {}
    }
    let path = || {
        line.value("path")
            .or_else(|| line.value("raw"))
            .unwrap_or_default()
    };
    match A::values(argument.get_id().as_str(), before) {
        Values::Unknown => Answer::default(),
        Values::Words(known) => words(known, argument, typed),
        Values::Paths(verbs) => {
            let wanted = Wanted {
                verbs,
                namespace: connection.namespace(),
            };
            paths::answer(&Server::new(&connection), typed, &wanted).await
        }
        Values::Subresources(verb) => {
            let server = Server::new(&connection);
            let subresources = object::subresources(&server, path(), verb).await;
            Answer::of(subresources.unwrap_or_default(), typed)
        }
        Values::FieldManagers => {
            let server = Server::new(&connection);
            let managers = object::field_managers(&server, path()).await;
            Answer::of(managers.unwrap_or_default(), typed)
        }
    }
}

/// The connection flags of the line, if they can be read.
fn connection(line: &Line<'_>) -> Option<ConnectionArgs> {
    let command = ConnectionArgs::augment_args(Command::new("kubectl").no_binary_name(true));
    let matches = command
        .clone()
        .try_get_matches_from(line.flags_of(&command))
        .ok()?;
    ConnectionArgs::from_arg_matches(&matches).ok()
}

fn names(connection: &ConnectionArgs, list: KubeconfigList) -> Vec<Candidate> {
    let names = connection.kubeconfig_names(list).unwrap_or_default();
    let candidates = names.into_iter();
    candidates
        .map(|(name, description)| Candidate::new(name, description))
        .collect()
}
