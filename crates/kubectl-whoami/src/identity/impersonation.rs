//! Checks that an impersonation took effect. A proxy that drops the `Impersonate-*` headers leaves a
//! valid request of the owner of the credential.

use std::collections::BTreeMap;

use kubectl_plugin::Error;
use kubectl_plugin::connection::Impersonation;

use crate::identity::{Identity, Source, UserInfo};

/// Returns an error if the server named another user than the impersonated one, or a user without
/// the impersonated attributes.
pub(crate) fn check(asked: &Impersonation, identity: &Identity) -> Result<(), Error> {
    let user = &identity.user;
    let Some(name) = asked.user.as_deref() else {
        return Ok(());
    };
    // Servers trim the values of headers.
    if user.username != name.trim() {
        return Err(Error::protocol(format!(
            "the request impersonates {name:?}, but the server takes it for a request of {:?}",
            user.shown_name()
        ))
        .with_hint("check for a proxy in front of the server that drops Impersonate-* headers"));
    }
    // These sources do not show the attributes.
    if let Source::Forbidden | Source::OpenShiftUser = identity.source {
        return Ok(());
    }
    let missing = missing_attributes(asked, user);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::protocol(format!(
        "the server impersonates {name:?} without {}",
        missing.join(", ")
    ))
    .with_hint(
        "check for a proxy in front of the server that drops Impersonate-* headers; servers before \
         Kubernetes 1.22 do not support --as-uid",
    ))
}

/// Describes the impersonated attributes that `user` does not have. The server may add others.
fn missing_attributes(asked: &Impersonation, user: &UserInfo) -> Vec<String> {
    let uid = asked.uid.iter().filter(|uid| user.uid != uid.trim());
    let uid = uid.map(|uid| format!("the UID {uid:?}"));
    let groups = asked.groups.iter();
    let groups = groups.filter(|group| !user.groups.iter().any(|known| known == group.trim()));
    let groups = groups.map(|group| format!("the group {group:?}"));
    let extra = asked.extra.iter().flat_map(|(key, values)| {
        let missing = values.iter().filter(|value| !has(&user.extra, key, value));
        missing.map(move |value| format!("the extra {key}={value}"))
    });
    uid.chain(groups).chain(extra).collect()
}

/// Reports whether `extra` has a value for a key, which the server converts to lower case.
fn has(extra: &BTreeMap<String, Vec<String>>, key: &str, value: &str) -> bool {
    let values = extra.get(&key.to_lowercase());
    values.is_some_and(|values| values.iter().any(|known| known == value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Impersonation {
        Impersonation {
            user: Some("jane".to_owned()),
            uid: Some("7".to_owned()),
            groups: vec!["dev".to_owned()],
            extra: BTreeMap::from([("Acme.com/A".to_owned(), vec!["x".to_owned()])]),
        }
    }

    fn answered(source: Source, change: impl FnOnce(&mut UserInfo)) -> Result<(), String> {
        let mut user = UserInfo {
            username: "jane".to_owned(),
            uid: "7".to_owned(),
            groups: vec!["dev".to_owned(), "system:authenticated".to_owned()],
            extra: BTreeMap::from([("acme.com/a".to_owned(), vec!["x".to_owned()])]),
        };
        change(&mut user);
        check(&asked(), &Identity::new(source, user)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_impersonated_attribute_must_be_in_the_answer() {
        let source = Source::SelfSubjectReview("v1");
        assert_eq!(answered(source, |_| {}), Ok(()));
        for (change, missing) in [
            (
                (|user| user.uid.clear()) as fn(&mut UserInfo),
                "the UID \"7\"",
            ),
            (|user| user.groups.clear(), "the group \"dev\""),
            (|user| user.extra.clear(), "the extra Acme.com/A=x"),
        ] {
            let message = format!("error: the server impersonates \"jane\" without {missing}");
            assert_eq!(answered(source, change), Err(message));
        }
        // A 403 response does not show them.
        let only_name = |user: &mut UserInfo| {
            *user = UserInfo {
                username: "jane".to_owned(),
                ..UserInfo::default()
            };
        };
        assert_eq!(answered(Source::Forbidden, only_name), Ok(()));
    }

    #[test]
    fn another_user_in_the_answer_is_an_error_that_names_both() {
        for source in [Source::SelfSubjectReview("v1"), Source::Forbidden] {
            let error = answered(source, |user| user.username = "admin".to_owned());
            assert_eq!(
                error.unwrap_err(),
                "error: the request impersonates \"jane\", but the server takes it for a request of \"admin\""
            );
        }
    }
}
