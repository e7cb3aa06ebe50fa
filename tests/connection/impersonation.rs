use anyhow::Result;

use super::case::*;
use super::servers::Servers;

#[test]
fn impersonation_is_requested_like_kubectl() -> Result<()> {
    Servers::start()?.compare(&cases())
}

fn cases() -> Vec<Case> {
    let all = "token: t, as: jane, as-uid: '7', as-groups: [g1, g2], as-user-extra: \
             {a: [v, w], b: [z]}";
    vec![
        same(
            "every field in the kubeconfig",
            "impersonate-extra-a: v; impersonate-extra-a: w; impersonate-extra-b: z; \
             impersonate-group: g1; impersonate-group: g2; impersonate-uid: 7; \
             impersonate-user: jane",
        )
        .user(all),
        same("--as", "impersonate-user: joe")
            .user("token: t")
            .flags(["--as", "joe"]),
        same(
            "--as changes only the user",
            "impersonate-group: g1; impersonate-group: g2; impersonate-uid: 7; \
             impersonate-user: joe",
        )
        .user(all)
        .flags(["--as=joe"]),
        same("--as-uid", "impersonate-uid: 8")
            .user(all)
            .flags(["--as-uid=8"]),
        same(
            "--as-group replaces the groups",
            "impersonate-group: g3; impersonate-group: g4; impersonate-uid",
        )
        .user(all)
        .flags(["--as-group=g3", "--as-group", "g4"]),
        same(
            "a comma does not separate groups",
            "impersonate-group: g2,g3;",
        )
        .user("token: t")
        .flags(["--as=jane", "--as-group=g2,g3"]),
        same(
            "--as-user-extra replaces the values of its key",
            "impersonate-extra-a: 1; impersonate-extra-a: 2=3; impersonate-extra-b: z;",
        )
        .user(all)
        .flags(["--as-user-extra=a=1", "--as-user-extra=a=2=3"]),
        same(
            "the key of an extra is escaped",
            "impersonate-extra-a%2fb%20c: x",
        )
        .user("token: t")
        .flags(["--as=jane", "--as-user-extra=A/b C=x"]),
        departs(
            "an extra without a value",
            "kubectl drops it silently",
            "impersonate-user: jane",
            "error: invalid value for --as-user-extra: must be KEY=VALUE",
        )
        .user("token: t")
        .flags(["--as=jane", "--as-user-extra=x"]),
        same(
            "a uid without a user",
            "error: requesting uid, groups or user-extra for c without impersonating \
             a user",
        )
        .user("token: t")
        .flags(["--as-uid=7"]),
        same(
            "a group without a user",
            "error: requesting uid, groups or user-extra for c without impersonating \
             a user",
        )
        .user("token: t, as-groups: [g]"),
        same(
            "an extra without a user",
            "error: requesting uid, groups or user-extra for c without impersonating \
             a user",
        )
        .user("token: t")
        .flags(["--as-user-extra=a=b"]),
        same(
            "two problems are reported at once",
            "Error in configuration: \n* requesting uid, groups or user-extra for c \
             without impersonating a user\n* unable to read certificate-authority \
             none for c due to open none: no such file or directory",
        )
        .user("token: t")
        .flags(["--as-uid=7", "--certificate-authority=none"]),
        same(
            "impersonation over plain http",
            "sent http://127.0.0.1:$PLAIN_PORT/probe; impersonate-user: jane",
        )
        .with("server: 'http://$PLAIN'", "token: t, as: jane"),
    ]
}
