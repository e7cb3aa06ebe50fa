//! stub
use kube_core::Status;
pub(crate) fn line(status: &Status) -> String {
    status.message.clone()
}
