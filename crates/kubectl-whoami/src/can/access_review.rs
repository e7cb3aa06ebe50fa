//! The `SelfSubjectAccessReview`: asks the server's authorizer about one request.

use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::request::Attributes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::identity::review;

/// The selectors are unknown to servers before Kubernetes 1.31, which would warn about fields that
/// the user never wrote.
const REVIEWS: &str =
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?fieldValidation=Ignore";

/// The parts of the server's `SelfSubjectAccessReview` that are read.
#[derive(Deserialize)]
pub(super) struct AccessReview {
    pub(super) spec: Value,
    pub(super) status: Map<String, Value>,
}

impl AccessReview {
    /// Asks whether a request with these attributes would be allowed.
    pub(super) async fn ask(server: &ApiServer, attributes: &Attributes) -> Result<Self, Error> {
        let asked = json!({
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "spec": spec(attributes),
        });
        let reply = server
            .look_up(review::post(REVIEWS, &asked)?)
            .await
            .map_err(Error::into_refused_check)?;
        let review: Self = review::parse(&reply, &asked["kind"])?;
        match review.status.get("allowed") {
            Some(Value::Bool(_)) if is_repeated(&asked["spec"], &review.spec) => Ok(review),
            _ => Err(review::unexpected_response()),
        }
    }

    pub(super) fn is_allowed(&self) -> bool {
        self.status.get("allowed") == Some(&Value::Bool(true))
    }

    /// Returns the reason for the result, and the evaluation error.
    pub(super) fn reason(&self) -> String {
        let text = |name| {
            let text = self.status.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        let error = text("evaluationError").map(|error| format!("evaluation error: {error}"));
        let parts = text("reason").map(str::to_owned).into_iter().chain(error);
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// Reports whether the server's `spec` repeats the one that was sent. Older servers drop selectors.
fn is_repeated(asked: &Value, spec: &Value) -> bool {
    let Value::Object(members) = asked else {
        return asked == spec;
    };
    members.iter().all(|(name, value)| {
        name.ends_with("Selector") || is_repeated(value, spec.get(name).unwrap_or(&Value::Null))
    })
}

/// Converts the attributes to the `spec` of a review (`k8s.io/api/authorization/v1`).
fn spec(attributes: &Attributes) -> Value {
    match attributes {
        Attributes::NonResource { verb, path } => {
            json!({"nonResourceAttributes": {"path": path, "verb": verb}})
        }
        Attributes::Resource {
            verb,
            resource,
            field_selector,
            label_selector,
        } => {
            let mut attributes = Map::new();
            for (name, value) in [
                ("namespace", resource.namespace.as_deref()),
                ("verb", Some(verb.as_str())),
                ("group", Some(resource.group.as_str())),
                ("version", Some(resource.version.as_str())),
                ("resource", Some(resource.resource.as_str())),
                ("subresource", resource.subresource.as_deref()),
                ("name", resource.name.as_deref()),
            ] {
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    attributes.insert(name.to_owned(), value.into());
                }
            }
            for (name, selector) in [
                ("fieldSelector", field_selector),
                ("labelSelector", label_selector),
            ] {
                if let Some(selector) = selector {
                    attributes.insert(name.to_owned(), json!({"rawSelector": selector}));
                }
            }
            json!({"resourceAttributes": attributes})
        }
    }
}
