//! `--can VERB PATH`: asks whether a request would be allowed.
//!
//! A `SelfSubjectAccessReview` passes the same [`Attributes`] to the server's authorizer as a
//! request with that verb for that path. The request itself is not sent.
//!
//! * here: runs the checks, and prints the results
//! * `access_review`: asks the server
//! * `requester`: checks which user the responses describe

mod access_review;
mod requester;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::write;
use kubectl_plugin::request::{Attributes, RawPath, Resource, Verb};
use kubectl_plugin::{Error, stderr};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::WhoamiArgs;
use crate::can::access_review::AccessReview;
use crate::report::columns::{Cell, columns};
use crate::report::format::Format;
use crate::report::list::List;

/// A verb and a path, and their attributes.
struct AccessCheck {
    verb: Verb,
    path: RawPath,
    attributes: Attributes,
}

struct CheckResult<'a>(&'a AccessCheck, AccessReview);

/// A review as it is printed, with the key `whoami` for the verb and the path.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Map<String, Value>,
    spec: &'a Value,
    status: &'a Map<String, Value>,
    whoami: Value,
}

/// Runs the checks of `--can` one after the other, and prints the results.
///
/// # Errors
/// [`Kind::CheckDenied`] if the server denies a check, [`Kind::CheckRefused`] if it refuses to
/// answer, and the errors of [`requester::check`].
pub(crate) async fn check(arguments: &WhoamiArgs) -> Result<(), Error> {
    let output = match Format::parse(arguments)? {
        Format::Table => None,
        Format::Document(output) => Some(output),
        Format::Review(_) | Format::Name | Format::Subjects(_) => {
            return Err(Error::usage("this -o format cannot be used with --can")
                .with_hint("use -o json, yaml or jsonpath=TEMPLATE"));
        }
    };
    let asked: Vec<(Verb, RawPath)> = arguments
        .can()
        .map(|(verb, path)| Ok((verb.parse()?, parse(path)?)))
        .collect::<Result<_, Error>>()?;
    let server = ApiServer::connect(&arguments.connection)?;
    let checks = asked
        .into_iter()
        .map(|(verb, path)| AccessCheck::new(verb, server.path(path)?, arguments))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut results = Vec::with_capacity(checks.len());
    for check in &checks {
        match AccessReview::ask(&server, &check.attributes).await {
            Ok(review) => results.push(CheckResult(check, review)),
            Err(error) => return requester::explain(&server, error).await,
        }
    }
    let requester = requester::check(&server).await;
    match (output, results.as_slice()) {
        (None, results) => write(table(results).as_bytes()),
        (Some(output), [result]) => output.write_struct(&Document::from_result(result)),
        (Some(output), results) => output.write_struct(
            &results
                .iter()
                .map(Document::from_result)
                .collect::<List<_>>(),
        ),
    }?;
    requester?;
    if results.iter().all(|result| result.1.is_allowed()) {
        Ok(())
    } else {
        Err(Kind::CheckDenied.into())
    }
}

/// Parses a path. A trailing slash of a non-resource path is significant, so it stays.
fn parse(text: &str) -> Result<RawPath, Error> {
    let path: RawPath = text.parse()?;
    match path.resource() {
        Some(_) => Ok(path),
        None => RawPath::verbatim(text),
    }
}

impl AccessCheck {
    fn new(verb: Verb, path: RawPath, arguments: &WhoamiArgs) -> Result<Self, Error> {
        if let Some(namespace) = arguments.connection.namespace() {
            path.check_namespace(namespace)?;
        }
        let attributes = path.attributes(&verb)?;
        if !verb.is_known() {
            // This is kubectl's wording.
            stderr::warn(&format!("verb '{}' is not a known verb", verb.as_str()));
        }
        Ok(Self {
            verb,
            path,
            attributes,
        })
    }
}

impl<'a> Document<'a> {
    fn from_result(CheckResult(check, review): &'a CheckResult<'_>) -> Self {
        Self {
            kind: "SelfSubjectAccessReview",
            api_version: "authorization.k8s.io/v1",
            metadata: Map::new(),
            spec: &review.spec,
            status: &review.status,
            whoami: json!({"verb": check.verb.as_str(), "path": check.path.to_string()}),
        }
    }
}

/// Renders a row for each result.
fn table(results: &[CheckResult<'_>]) -> String {
    let rows = results.iter().map(|CheckResult(check, review)| {
        [
            Cell::from(if review.is_allowed() { "yes" } else { "no" }),
            check.verb.as_str().into(),
            check.path.to_string().into(),
            in_words(&check.attributes).into(),
            review.reason().into(),
        ]
    });
    columns(["ALLOWED", "VERB", "PATH", "ASKED AS", "REASON"], rows)
}

/// Formats the attributes as arguments of `kubectl auth can-i`, which supports neither selectors
/// nor versions.
fn in_words(attributes: &Attributes) -> String {
    match attributes {
        Attributes::NonResource { verb, path } => format!("{verb} {path}"),
        Attributes::Resource { verb, resource, .. } => {
            let Resource {
                group,
                namespace,
                resource,
                name,
                subresource,
                ..
            } = resource;
            let mut words = format!("{verb} {resource}");
            for (mark, part) in [
                (".", Some(group).filter(|group| !group.is_empty())),
                ("/", name.as_ref()),
                (" --subresource=", subresource.as_ref()),
                (" -n ", namespace.as_ref()),
            ] {
                words.extend(part.into_iter().flat_map(|part| [mark, part.as_str()]));
            }
            if namespace.is_none() {
                words.push_str(" -A");
            }
            words
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_formatted_as_arguments_of_can_i() {
        for (verb, path, expected) in [
            ("GET", "/api/v1/namespaces/n/pods", "list pods -n n"),
            ("get", "/api/v1/nodes/m", "get nodes/m -A"),
            (
                "patch",
                "/apis/apps/v1/namespaces/n/deployments/d/scale",
                "patch deployments.apps/d --subresource=scale -n n",
            ),
            ("get", "/healthz?verbose", "get /healthz"),
            ("get", "/logs/", "get /logs/"),
        ] {
            let attributes = parse(path).and_then(|path| path.attributes(&verb.parse()?));
            assert_eq!(in_words(&attributes.unwrap()), expected, "{path}");
        }
    }
}
