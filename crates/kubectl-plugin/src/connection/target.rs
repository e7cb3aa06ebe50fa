//! The names of the server, the context and the user of a connection.

/// A server, and the names that selected it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTarget {
    /// The context's name; `None` without a context.
    pub context: Option<String>,
    /// The cluster's name in the kubeconfig; `None` for flags alone and in a Pod.
    pub cluster: Option<String>,
    /// The user's name in the kubeconfig, which may differ from the server's.
    pub user: Option<String>,
    /// The server's address, with its base path and without a trailing slash.
    pub server: String,
    /// The namespace: of `-n`, the context, the Pod, or `default`.
    pub namespace: String,
}
