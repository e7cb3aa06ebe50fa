//! Patches one of the objects.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::{Error, stderr};

use crate::apply::{Applied, Effect, Policy, apply};
use crate::args::PatchArgs;
use crate::body::PatchType;
use crate::collection::objects::{Listed, Objects};
use crate::collection::outcome::{Outcome, label};
use crate::diff::{Comparison, Shown};
use crate::hints;
use crate::live_object::{LiveObject, resource_version};
use crate::report;
use crate::request::PatchRequest;

/// The maximum number of different warnings that are printed.
const MAX_WARNINGS: usize = 20;

/// Everything that the patches of all objects share.
pub(crate) struct Sender<'a> {
    pub(crate) server: &'a ApiServer,
    /// The request, without the path of an object.
    pub(crate) template: &'a PatchRequest,
    pub(crate) policy: &'a Policy,
    pub(crate) objects: &'a Objects,
    /// Whether an object that has changed since the LIST is not patched.
    if_unchanged_since_list: bool,
    /// With `--diff`, the parts of the objects that are shown.
    shown: Option<Shown>,
    /// The kinds of errors that have had a hint.
    hinted: RefCell<BTreeSet<String>>,
    /// The warnings that were printed.
    warned: RefCell<BTreeSet<String>>,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(
        server: &'a ApiServer,
        template: &'a PatchRequest,
        policy: &'a Policy,
        objects: &'a Objects,
        arguments: &PatchArgs,
    ) -> Self {
        Self {
            server,
            template,
            policy,
            objects,
            if_unchanged_since_list: arguments.collection.if_unchanged_since_list,
            shown: arguments.diff.diff.then(|| Shown::new(arguments)),
            hinted: RefCell::default(),
            warned: RefCell::default(),
        }
    }

    /// Reports whether the server stores the patched objects.
    pub(crate) fn stores(&self) -> bool {
        !self.shows_differences() && !self.template.path.is_dry_run()
    }

    /// Reports whether the objects are compared, and not patched.
    pub(crate) fn shows_differences(&self) -> bool {
        self.shown.is_some()
    }

    /// Patches the object with this number, or compares it.
    pub(crate) async fn patch(&self, number: usize) -> Outcome {
        let object = self.objects.get(number);
        let mut request = self.template.for_object(object.path);
        let policy = self.policy_for(&object);
        let outcome = match self.shown {
            Some(shown) => Comparison::read(&request, &policy, shown, self.server)
                .await
                .map(|comparison| Outcome::Compared(Box::new(comparison))),
            None => apply(&mut request, &policy, self.server)
                .await
                .map(|applied| self.patched(&object, &request, applied)),
        };
        match outcome {
            Ok(outcome) => outcome,
            Err(error) if self.is_gone(&error, &request.path).await => Outcome::Gone,
            Err(error) => {
                let error = self.with_hint(error, &request, &policy).await;
                Outcome::of_error(error, self.stores())
            }
        }
    }

    fn patched(
        &self,
        object: &Listed<'_>,
        request: &PatchRequest,
        mut applied: Applied,
    ) -> Outcome {
        if self.is_unchanged(object, &applied) {
            applied.effect = Effect::Unchanged;
        }
        self.warn(request, &applied);
        Outcome::Patched(Box::new(applied))
    }

    fn policy_for(&self, object: &Listed<'_>) -> Cow<'a, Policy> {
        if !self.if_unchanged_since_list {
            return Cow::Borrowed(self.policy);
        }
        let mut policy = self.policy.clone();
        policy.if_resource_version = Some(object.resource_version.to_owned());
        Cow::Owned(policy)
    }

    /// Reports whether the object still has the version of the LIST. A dry run never changes it.
    fn is_unchanged(&self, object: &Listed<'_>, applied: &Applied) -> bool {
        self.stores()
            && !object.resource_version.is_empty()
            && resource_version(&applied.object) == Some(object.resource_version)
    }

    /// Warns about parts of the patch that had no effect. Each text is printed once.
    fn warn(&self, request: &PatchRequest, applied: &Applied) {
        for warning in report::warnings(request, &applied.object, self.server) {
            let mut warned = self.warned.borrow_mut();
            if warned.len() < MAX_WARNINGS && warned.insert(warning.clone()) {
                stderr::warn(&warning);
            }
        }
    }

    /// Reports whether an object was deleted after the LIST. The object is read, because a 404 may also
    /// mean that it lacks the subresource.
    ///
    /// An apply patch without a name never creates an object: the server answers 400 instead.
    async fn is_gone(&self, error: &Error, path: &RawPath) -> bool {
        let is_apply = self.template.patch_type == PatchType::Apply;
        let may_be_gone = error.is_refusal(404) || (is_apply && error.is_refusal(400));
        if !self.objects.are_listed || !may_be_gone {
            return false;
        }
        let live = LiveObject::read(&path.without_subresource(), self.server).await;
        live.is_err_and(|error| error.is_refusal(404))
    }

    /// Adds a hint to the first refusal of each kind.
    async fn with_hint(&self, error: Error, request: &PatchRequest, policy: &Policy) -> Error {
        let may_get_one = matches!(error.kind(), Kind::Refused(_)) && error.hint().is_none();
        if !may_get_one || !self.hinted.borrow_mut().insert(label(&error)) {
            return error;
        }
        hints::add(error, request, policy, self.server).await
    }
}
