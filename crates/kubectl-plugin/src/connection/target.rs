//! Where requests go, by the names that the kubeconfig has for it.

/// A server, and the context that it was chosen by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTarget {
    /// The context's name; `None` without one.
    pub context: Option<String>,
    /// The cluster's name in the kubeconfig; `None` when flags or a Pod's account say all.
    pub cluster: Option<String>,
    /// The user's name in the kubeconfig, which need not be the one that the server knows.
    pub user: Option<String>,
    /// The server's address, with its base path and without a slash at its end.
    pub server: String,
    /// The namespace of `-n`, else of the context, else of the Pod, else `default`.
    pub namespace: String,
}
