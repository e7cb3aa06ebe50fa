//! `--can-list`: lists what a user may do in a namespace, like `kubectl auth can-i --list`.

use std::collections::BTreeMap;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::output::write;
use kubectl_plugin::{Error, stderr};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::args::WhoamiArgs;
use crate::can::requester;
use crate::identity::{or_nothing, review};
use crate::report::columns::{Cell, Layout, columns};
use crate::report::format::Format;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

/// The server's `SelfSubjectRulesReview`. The members are in Go's order.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RulesReview {
    kind: String,
    api_version: String,
    #[serde(default)]
    metadata: Map<String, Value>,
    spec: Value,
    status: Value,
}

/// The part of its status that is read (`k8s.io/api/authorization/v1`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default, deserialize_with = "or_nothing")]
    resource_rules: Vec<Rule>,
    #[serde(default, deserialize_with = "or_nothing")]
    non_resource_rules: Vec<Rule>,
    incomplete: bool,
    #[serde(default)]
    evaluation_error: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    #[serde(deserialize_with = "or_nothing")]
    verbs: Vec<String>,
    #[serde(deserialize_with = "or_nothing")]
    api_groups: Vec<String>,
    #[serde(deserialize_with = "or_nothing")]
    resources: Vec<String>,
    #[serde(deserialize_with = "or_nothing")]
    resource_names: Vec<String>,
    #[serde(rename = "nonResourceURLs", deserialize_with = "or_nothing")]
    non_resource_urls: Vec<String>,
}

/// A row of the table. Lists are formatted like in Go.
struct Row {
    verbs: String,
    group: String,
    resource: String,
    names: String,
    urls: String,
}

/// Asks the server for the rules, and prints them.
///
/// # Errors
/// [`kubectl_plugin::error::Kind::CheckRefused`] if the server refuses to answer, and the errors of
/// [`requester::check`].
pub(crate) async fn list(arguments: &WhoamiArgs) -> Result<(), Error> {
    let output = Format::parse(arguments)?.document_or_table("--can-list")?;
    let server = ApiServer::connect(&arguments.connection)?;
    let review = match ask(&server).await {
        Ok(review) => review,
        Err(error) => return requester::explain(&server, error).await,
    };
    let status: Status =
        serde_json::from_value(review.status.clone()).map_err(|_| review::unexpected_response())?;
    let requester = requester::check(&server).await;
    if status.incomplete {
        // This is kubectl's wording.
        let why = &status.evaluation_error;
        stderr::warn(&format!("the list may be incomplete: {why}"));
    }
    match output {
        Some(output) => output.write_struct(&review)?,
        None => write(table(&status).as_bytes())?,
    }
    requester
}

async fn ask(server: &ApiServer) -> Result<RulesReview, Error> {
    let asked = json!({
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"namespace": server.target().namespace},
    });
    let reply = server
        .look_up(review::post(REVIEWS, &asked)?)
        .await
        .map_err(Error::into_refused_check)?;
    review::parse(&reply, &asked["kind"])
}

/// Renders the columns and rows of kubectl.
fn table(status: &Status) -> String {
    let mut rows = resource_rows(&status.resource_rules);
    rows.extend(url_rows(&status.non_resource_rules));
    rows.sort_by_cached_key(Row::sort_key);
    let rows = rows.iter().map(|row| {
        [
            Cell::from(with_group(&row.resource, &row.group)),
            (&row.urls).into(),
            (&row.names).into(),
            (&row.verbs).into(),
        ]
    });
    let headings = ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"];
    columns(headings, rows, Layout::Whole)
}

impl Row {
    /// Returns Go's form of the rule, because kubectl sorts rules by it.
    fn sort_key(&self) -> String {
        let Self {
            verbs,
            group,
            resource,
            names,
            urls,
        } = self;
        format!("{verbs},[{group}],[{resource}],{names},{urls}")
    }
}

/// Splits rules into single resources, and collects the verbs of each (`kubectl/pkg/util/rbac`).
fn resource_rows(rules: &[Rule]) -> Vec<Row> {
    let mut verbs_of: BTreeMap<(&str, &str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for rule in rules {
        let names: Vec<Option<&str>> = match rule.resource_names.as_slice() {
            [] => vec![None],
            names => names.iter().map(|name| Some(name.as_str())).collect(),
        };
        for (group, resource) in rule
            .api_groups
            .iter()
            .flat_map(|group| rule.resources.iter().map(move |one| (group, one)))
        {
            for name in &names {
                let verbs = verbs_of.entry((group, resource, *name)).or_default();
                for verb in &rule.verbs {
                    if !verbs.contains(&verb.as_str()) {
                        verbs.push(verb);
                    }
                }
            }
        }
    }
    let rows = verbs_of.into_iter();
    rows.filter(|(_, verbs)| !verbs.is_empty())
        .map(|((group, resource, name), verbs)| Row {
            verbs: in_brackets(&verbs),
            group: group.to_owned(),
            resource: resource.to_owned(),
            names: in_brackets(name.as_slice()),
            urls: in_brackets(&[]),
        })
        .collect()
}

/// Splits rules into single URLs and verbs.
fn url_rows(rules: &[Rule]) -> Vec<Row> {
    let pairs = rules.iter().flat_map(|rule| {
        let urls = rule.non_resource_urls.iter();
        urls.flat_map(|url| rule.verbs.iter().map(move |verb| (url, verb)))
    });
    pairs
        .map(|(url, verb)| Row {
            verbs: in_brackets(&[verb]),
            group: String::new(),
            resource: String::new(),
            names: in_brackets(&[]),
            urls: in_brackets(&[url]),
        })
        .collect()
}

/// Formats a list like Go.
fn in_brackets(values: &[&str]) -> String {
    format!("[{}]", values.join(" "))
}

/// Returns `deployments.apps/scale` for `deployments/scale` in the group `apps`.
fn with_group(resource: &str, group: &str) -> String {
    let (name, subresource) = match resource.split_once('/') {
        Some((name, subresource)) => (name, format!("/{subresource}")),
        None => (resource, String::new()),
    };
    let group = match group {
        "" => String::new(),
        group => format!(".{group}"),
    };
    format!("{name}{group}{subresource}")
}
