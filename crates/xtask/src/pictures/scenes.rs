//! The commands of each picture.

/// A picture.
pub(super) struct Scene {
    /// The name of the file, without `.svg`.
    pub(super) name: &'static str,
    /// The title of the window.
    pub(super) title: &'static str,
    pub(super) steps: &'static [Step],
}

/// A command in a picture.
pub(super) struct Step {
    pub(super) comment: &'static str,
    /// The command for `sh`. Lines after the first should be indented.
    pub(super) command: &'static str,
    pub(super) exit_code: i32,
    /// Another command, which runs in the background and is not shown.
    pub(super) meanwhile: Option<Meanwhile>,
}

/// A command that runs once another one has printed something.
pub(super) struct Meanwhile {
    pub(super) once_shown: &'static str,
    pub(super) command: &'static str,
}

/// Every scene begins with a Deployment `web` of two replicas, in the namespace `default`.
pub(super) const SCENES: [Scene; 4] = [
    Scene {
        name: "overview",
        title: "kubectl rawpatch, rawwatch and whoami",
        steps: &[
            SCALE,
            FOLLOW,
            Step {
                comment: "Who am I, with which credential, and when does it expire?",
                command: "kubectl whoami | grep -E 'Username|Credential|Expires'",
                exit_code: 0,
                meanwhile: None,
            },
        ],
    },
    Scene {
        name: "rawpatch",
        title: "kubectl rawpatch",
        steps: &[
            SCALE,
            Step {
                comment: "A misspelled field is an error, and nothing changes",
                command: r#"kubectl rawpatch -p '{"spec":{"replica":5}}' \
    /apis/apps/v1/namespaces/default/deployments/web"#,
                exit_code: 1,
                meanwhile: None,
            },
        ],
    },
    Scene {
        name: "rawwatch",
        title: "kubectl rawwatch",
        steps: &[FOLLOW],
    },
    Scene {
        name: "whoami",
        title: "kubectl whoami",
        steps: &[Step {
            comment: "Who does the API server think I am?",
            command: "kubectl whoami",
            exit_code: 0,
            meanwhile: None,
        }],
    },
];

const SCALE: Step = Step {
    comment: "Scale a Deployment through its raw API path",
    command: r#"kubectl rawpatch --type merge -p '{"spec":{"replicas":3}}' -o none \
    /apis/apps/v1/namespaces/default/deployments/web/scale"#,
    exit_code: 0,
    meanwhile: None,
};

const FOLLOW: Step = Step {
    comment: "Show which fields change, until the Deployment is deleted",
    command: r"kubectl rawwatch -o diff --for delete \
    /apis/apps/v1/namespaces/default/deployments",
    exit_code: 0,
    meanwhile: Some(Meanwhile {
        once_shown: "ADDED",
        command: "kubectl scale deployment web --replicas 5
                  kubectl set image deployment web nginx=nginx:1.29
                  kubectl delete deployment web --wait=false",
    }),
};
