//! Compares `-o jsonpath` with real kubectl. Both apply each template of the table to the same object of a real
//! API server, and must print the same bytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cases;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cases::{CASES, Case, DEPLOYMENT, Document, Expected, WIDGET, WIDGET_DEFINITION};
use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use support::{Outcome, admin, run};

/// The objects of the table on a real API server, and their List on a scripted server. Only kubectl makes such a
/// List.
struct Objects {
    control_plane: &'static ControlPlane,
    admin: PathBuf,
    /// Serves the List until it is dropped.
    _list: FaultyServer,
    list_kubeconfig: PathBuf,
}

impl Objects {
    /// Creates the objects.
    fn create() -> Self {
        let control_plane = ControlPlane::shared();
        for (collection, object) in [
            (
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                WIDGET_DEFINITION,
            ),
            ("/apis/apps/v1/namespaces/default/deployments", DEPLOYMENT),
        ] {
            control_plane
                .create(collection, &serde_json::from_str(object).unwrap())
                .unwrap();
        }
        let widget = serde_json::from_str(WIDGET).unwrap();
        let mut tries = 0..200;
        while let Err(error) =
            control_plane.create("/apis/example.com/v1/namespaces/default/widgets", &widget)
        {
            tries.next().unwrap_or_else(|| panic!("{error:#}"));
            thread::sleep(std::time::Duration::from_millis(50));
        }
        let list = kubectl(control_plane, Document::List, "json");
        let list = FaultyServer::start([Answer::Reply(Reply::json(200, list.stdout))]).unwrap();
        Self {
            control_plane,
            admin: admin(),
            list_kubeconfig: list.kubeconfig().unwrap(),
            _list: list,
        }
    }

    fn kubectl(&self, case: &Case) -> Outcome {
        kubectl(
            self.control_plane,
            case.document,
            &format!("jsonpath={}", case.template),
        )
    }

    fn rawpatch(&self, case: &Case) -> Outcome {
        let (kubeconfig, path) = match case.document {
            Document::Deployment => (
                &self.admin,
                "/apis/apps/v1/namespaces/default/deployments/sleep",
            ),
            Document::Widget => (
                &self.admin,
                "/apis/example.com/v1/namespaces/default/widgets/odd",
            ),
            Document::List => (&self.list_kubeconfig, "/list"),
        };
        let rawpatch = env!("CARGO_BIN_EXE_kubectl-rawpatch");
        let mut command = support::command(rawpatch, kubeconfig);
        command
            .args(["--verbatim", "--dry-run", "--type=merge", "-p", "{}", path])
            .args(["-o", &format!("jsonpath={}", case.template)]);
        run(&mut command, "")
    }

    /// Returns the results of a case unless they are as expected.
    fn difference(&self, case: &Case) -> Option<String> {
        let (theirs, ours) = (self.kubectl(case), self.rawpatch(case));
        let is_as_expected = match case.expected {
            Expected::Prints(expected) => {
                ours.code == Some(0)
                    && theirs.code == Some(0)
                    && ours.stdout == theirs.stdout
                    && ours.stdout == expected
            }
            Expected::Refused(words) | Expected::Fails(words) => {
                let code = if matches!(case.expected, Expected::Refused(_)) {
                    2
                } else {
                    74
                };
                ours.code == Some(code)
                    && ours.stdout.is_empty()
                    && theirs.code != Some(0)
                    && ours.stderr.contains(words)
                    && theirs.stderr.contains(words)
            }
        };
        (!is_as_expected).then(|| {
            format!(
                "{:?} {}\nkubectl: {theirs:?}\nours: {ours:?}",
                case.document, case.template
            )
        })
    }
}

/// Runs `kubectl get` for a document.
fn kubectl(control_plane: &ControlPlane, document: Document, format: &str) -> Outcome {
    let names: &[&str] = match document {
        Document::Deployment => &["deployment/sleep"],
        Document::Widget => &["widget/odd"],
        Document::List => &["deployment/sleep", "widget/odd"],
    };
    let mut kubectl = control_plane.kubectl().unwrap();
    run(kubectl.arg("get").args(names).args(["-o", format]), "")
}

#[test]
fn every_template_prints_what_kubectl_prints() {
    assert!(CASES.len() >= 60);
    let objects = Objects::create();
    let next = AtomicUsize::new(0);
    let work = || {
        let cases = std::iter::from_fn(|| CASES.get(next.fetch_add(1, Ordering::Relaxed)));
        cases
            .filter_map(|case| objects.difference(case))
            .collect::<Vec<_>>()
    };
    let differences: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        CASES.len(),
        differences.join("\n\n")
    );
}
