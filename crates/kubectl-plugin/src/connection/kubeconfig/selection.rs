//! Chooses the cluster and the user: from the kubeconfig or the Pod, overridden by the flags
//! (`client-go/tools/clientcmd/client_config.go` and `merged_client_builder.go`).

use std::env;
use std::path::PathBuf;

use kube_client::config::{AuthInfo, Cluster};

use crate::Error;
use crate::connection::auth::source::CredentialSource;
use crate::connection::flags::args::ConnectionArgs;
use crate::connection::kubeconfig::{Context, Kubeconfig, List, in_cluster, overrides, validation};

/// The cluster and the user of a connection.
pub(crate) struct Selection {
    /// The server's address, as configured.
    pub(crate) server: String,
    /// The context's name.
    pub(crate) context_name: Option<String>,
    /// The namespace from the flag, the context or the Pod, or else `default`.
    pub(crate) namespace: String,
    /// The cluster's name in the kubeconfig; may be empty.
    pub(crate) cluster_name: String,
    /// The cluster, with the flags applied.
    pub(crate) cluster: Cluster,
    /// The kubeconfig file that defines the cluster.
    pub(crate) cluster_file: Option<PathBuf>,
    /// The place that the user's credential comes from.
    pub(crate) source: CredentialSource,
    /// The user, with the flags applied.
    pub(crate) user: AuthInfo,
}

/// The selected names, and their entries in the kubeconfig.
struct Choice {
    context_name: Option<String>,
    context: Option<Context>,
    cluster_name: Option<String>,
    cluster: Option<Cluster>,
    user_name: Option<String>,
    user: Option<AuthInfo>,
}

/// Selects the cluster and the user by the flags and the kubeconfig.
pub(crate) fn select(args: &ConnectionArgs, kubeconfig: &Kubeconfig) -> Result<Selection, Error> {
    let choice = choose(args, kubeconfig)?;
    check_names(args, kubeconfig, &choice)?;

    let is_unknown = choice.cluster.is_none() && args.server.is_none();
    // client-go only uses a Pod's service account if no flag changes its default configuration. Here,
    // any flag works with it (kubernetes/kubernetes#93474). Departure: kubectl also uses it if there is
    // a kubeconfig without a current context, or if a named kubeconfig does not exist.
    let account = if is_unknown && !kubeconfig.is_given() {
        in_cluster::service_account()
    } else {
        None
    };
    let is_pod = account.is_some();
    let (account_cluster, account_user) = account.unzip();
    let mut cluster = match choice.cluster.or(account_cluster) {
        Some(cluster) => cluster,
        None if is_unknown => default_cluster(kubeconfig)?,
        None => Cluster::default(),
    };
    let mut user = match choice.user_name {
        Some(_) => choice.user,
        None => account_user,
    }
    .unwrap_or_default();
    let cluster_name = choice.cluster_name.unwrap_or_default();
    let user_name = choice.user_name.unwrap_or_default();
    let mut cluster_files = kubeconfig
        .files_with(List::Clusters, &cluster_name)
        .into_iter();
    let cluster_file = cluster_files.next();
    let user_files = kubeconfig.files_with(List::Users, &user_name);
    overrides::apply_to_cluster(args, &mut cluster);
    overrides::apply_to_user(args, &mut user);
    validation::check(&cluster_name, &cluster, &user_name, &user)?;

    // Departure: kubectl connects to localhost:8080.
    let Some(server) = cluster.server.clone() else {
        let message = format!("no server found for cluster {cluster_name:?}");
        return Err(Error::usage(message));
    };
    let of_context = choice.context.and_then(|context| context.namespace);
    let namespace = args.namespace.clone().or(of_context);
    let of_pod = || is_pod.then(in_cluster::namespace).flatten();
    Ok(Selection {
        server,
        context_name: choice.context_name,
        namespace: namespace.or_else(of_pod).unwrap_or("default".to_owned()),
        cluster_name,
        cluster,
        cluster_file,
        source: CredentialSource::new(args, user_name, user_files),
        user,
    })
}

fn choose(args: &ConnectionArgs, kubeconfig: &Kubeconfig) -> Result<Choice, Error> {
    let current_context = || kubeconfig.current_context().map(str::to_owned);
    let context_name = args.context.clone().or_else(current_context);
    let context = match &context_name {
        Some(name) => kubeconfig.context(name)?,
        None => None,
    };
    let of_context = context.as_ref();
    let cluster_name = args.cluster.clone().or_else(|| of_context?.cluster.clone());
    let user_name = args.user.clone().or_else(|| of_context?.user.clone());
    Ok(Choice {
        cluster: match &cluster_name {
            Some(name) => kubeconfig.cluster(name)?,
            None => None,
        },
        user: match &user_name {
            Some(name) => kubeconfig.user(name)?,
            None => None,
        },
        context_name,
        context,
        cluster_name,
        user_name,
    })
}

/// Refuses a name that the kubeconfig does not contain. If there are several, reports the same one
/// as kubectl.
fn check_names(
    args: &ConnectionArgs,
    kubeconfig: &Kubeconfig,
    choice: &Choice,
) -> Result<(), Error> {
    let absent = |list, name, error: Error| {
        let nearest = kubeconfig.nearest(list, name);
        let hint = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
        let missing = || {
            let missing = kubeconfig.missing_file()?;
            Some(format!(
                "correct KUBECONFIG: {} does not exist",
                missing.display()
            ))
        };
        let contexts = || {
            kubeconfig
                .contexts_hint()
                .filter(|_| list == List::Contexts)
        };
        Err(match hint.or_else(missing).or_else(contexts) {
            Some(hint) => error.with_hint(hint),
            None => error,
        })
    };
    let has_user = choice.user.is_some();
    let has_context = choice.context.is_some();
    let has_cluster = choice.cluster.is_some();
    for (list, kind, flag, exists) in [
        (List::Users, "auth info", &args.user, has_user),
        (List::Contexts, "context", &args.context, has_context),
        (List::Clusters, "cluster", &args.cluster, has_cluster),
    ] {
        if let (Some(name), false) = (flag, exists) {
            let error = Error::usage(format!("{kind} {name:?} does not exist"));
            return absent(list, name, error);
        }
    }
    let Some(context) = &choice.context_name else {
        return Ok(());
    };
    if !has_context {
        let problem = format!("context was not found for specified context: {context}");
        return absent(List::Contexts, context, Error::configuration(problem));
    }
    // Departures: for a missing user kubectl asks for a password, and for a missing cluster it connects
    // to localhost:8080.
    if let (Some(name), false, false) = (
        &choice.user_name,
        has_user,
        overrides::contain_credential(args),
    ) {
        let error = Error::usage(format!(
            "user {name:?} was not found for context {context:?}"
        ));
        return absent(List::Users, name, error);
    }
    match &choice.cluster_name {
        _ if has_cluster || args.server.is_some() => Ok(()),
        Some(name) => {
            let message = format!("cluster {name:?} was not found for context {context:?}");
            absent(List::Clusters, name, Error::usage(message))
        }
        None => Err(Error::usage(format!(
            "cluster was not specified for context {context:?}"
        ))),
    }
}

/// Returns the cluster of `$KUBERNETES_MASTER`. Departure: without this variable, kubectl connects to
/// localhost:8080, where any server may listen.
fn default_cluster(kubeconfig: &Kubeconfig) -> Result<Cluster, Error> {
    match env::var("KUBERNETES_MASTER") {
        Ok(server) if !server.is_empty() => Ok(Cluster {
            server: Some(server),
            ..Cluster::default()
        }),
        _ => Err(kubeconfig.no_context()),
    }
}
