//! `--can VERB PATH`: asks whether a request would be allowed.
//!
//! A `SelfSubjectAccessReview` passes the same [`Attributes`] to the server's authorizer as a
//! request with that verb for that path. The request itself is not sent.
//!
//! * here: runs the checks, and prints the results
//! * `access_review`: asks the server
//! * `discovery`: warns about resources that the server does not have
//! * `rules`: lists everything that is allowed (`--can-list`)
//! * `requester`: checks which user the responses describe

mod access_review;
mod discovery;
mod requester;
pub(crate) mod rules;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::output::write;
use kubectl_plugin::request::{Attributes, RawPath, Resource, Verb, expected_a_path, is_path};
use kubectl_plugin::{Error, stderr};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::WhoamiArgs;
use crate::can::access_review::AccessReview;
use crate::report::columns::{Cell, Layout, columns};
use crate::report::format::Format;
use crate::report::lines::Lines;
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
    let output = Format::parse(arguments)?.document_or_table("--can")?;
    let asked: Vec<(Verb, RawPath)> = arguments
        .can()
        .map(|(verb, path)| {
            let namespace = || arguments.connection.namespace_in_use();
            let is_type = (!is_path(path)).then(|| expected_a_path(&[path], namespace));
            match is_type.flatten() {
                Some(error) => Err(error),
                None => Ok((verb.parse()?, parse(path)?)),
            }
        })
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
    let all_attributes = checks.iter().map(|check| &check.attributes);
    discovery::warn_about_unknown_resources(&server, all_attributes).await;
    match (output, results.as_slice()) {
        (None, [result]) => write(lines(result).as_bytes()),
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

/// Renders one result as lines.
fn lines(CheckResult(check, review): &CheckResult<'_>) -> String {
    let mut lines = Lines::default();
    lines.row("Allowed", yes_or_no(review));
    lines.row("Verb", check.verb.as_str());
    lines.row("Path", &check.path.to_string());
    lines.row("Asked as", &in_words(&check.attributes));
    let reason = Some(review.reason()).filter(|reason| !reason.is_empty());
    lines.some("Reason", reason.as_ref());
    lines.into_text()
}

fn yes_or_no(review: &AccessReview) -> &'static str {
    if review.is_allowed() { "yes" } else { "no" }
}

/// Renders a row for each result.
fn table(results: &[CheckResult<'_>]) -> String {
    let rows = results.iter().map(|CheckResult(check, review)| {
        [
            Cell::from(yes_or_no(review)),
            check.verb.as_str().into(),
            check.path.to_string().into(),
            in_words(&check.attributes).into(),
            review.reason().into(),
        ]
    });
    let headings = ["ALLOWED", "VERB", "PATH", "ASKED AS", "REASON"];
    columns(headings, rows, Layout::Fitted(0))
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
