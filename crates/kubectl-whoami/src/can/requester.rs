//! Checks that the server answered about the right user. The response to an access review does not
//! name its user.

use kubectl_plugin::Error;
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::connection::Authorization;
use kubectl_plugin::error::Kind;

use crate::credential::{Authentication, anonymous};
use crate::identity::impersonation;
use crate::identity::ladder;
use crate::identity::ladder::Requester;
use crate::identity::{ANONYMOUS, UserInfo};
use crate::report::Report;

/// Asks the server who sends the requests, and returns an error if it is the anonymous user, or not
/// the impersonated one.
///
/// Without impersonation, a token needs no check: a server responds with 401 to a token that it does
/// not accept.
pub(super) async fn check(server: &ApiServer) -> Result<(), Error> {
    let asked = server.impersonation();
    if !asked.is_some() && sends_token(server).await {
        return Ok(());
    }
    match ladder::ask(server, Requester::Configured).await {
        Ok(identity) if asked.is_some() => impersonation::check(&asked, &identity),
        Ok(identity) if identity.user.is_anonymous() => {
            let authentication = authentication(server, &identity.user).await;
            Err(anonymous::error(&authentication, server.target(), None))
        }
        // Without impersonation, only an answer can contradict the access reviews.
        Err(error) if asked.is_some() => Err(error.into_refused_check()),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns the error with a hint: the possible causes of a 401, or how to authenticate.
pub(super) async fn explain(server: &ApiServer, error: Error) -> Result<(), Error> {
    let is_anonymous = match error.kind() {
        Kind::CheckRefused(status) => {
            ladder::name_in(&status.message).as_deref() == Some(ANONYMOUS)
        }
        _ => false,
    };
    let is_on_purpose = server.impersonation().user.as_deref() == Some(ANONYMOUS);
    if is_anonymous && !is_on_purpose {
        let user = UserInfo::anonymous();
        let authentication = authentication(server, &user).await;
        return Err(error.with_hint(anonymous::hint(&authentication, server.target())));
    }
    Report::failed(server, error).await.into_result(None)
}

async fn authentication(server: &ApiServer, user: &UserInfo) -> Authentication {
    Authentication::new(&server.credential().await, Some(user))
}

async fn sends_token(server: &ApiServer) -> bool {
    matches!(
        server.credential().await.authorization,
        Some(Authorization::Token(_))
    )
}
