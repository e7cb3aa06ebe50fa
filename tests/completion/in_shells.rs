use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use control_plane::{ControlPlane, build_plugins};
use serde_json::{Value, json};
use support::{Program, admin, run, unique};

use super::RAWPATCH;
use super::terminal::Terminal;

/// The page with the setup of completion, which the tests follow.
const PAGE: &str = include_str!("../../docs/completion.md");

/// Returns the code block below a heading of the page.
fn block(heading: &str) -> &'static str {
    let section = PAGE.split(&format!("# {heading}\n")).nth(1).unwrap();
    section
        .split("```")
        .nth(1)
        .unwrap()
        .split_once('\n')
        .unwrap()
        .1
}

/// Creates a home folder that is set up as on the page, with a completer for each plugin and more contexts.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell
        .env_clear()
        .envs(variables(home.path()))
        .env("HOME", home.path());
    run(shell.args(["-ec", block("Complete through kubectl")]), "").succeeded();
    fs::write(home.path().join("some patch.json"), "{}").unwrap();

    let kubeconfig = fs::read_to_string(admin()).unwrap();
    let mut kubeconfig: Value = serde_json::from_str(&kubeconfig).unwrap();
    let context = kubeconfig["contexts"][0].clone();
    for name in ["other:one/two", "with space", "a name:b", "jane@site"] {
        let mut context = context.clone();
        context["name"] = name.into();
        kubeconfig["contexts"].as_array_mut().unwrap().push(context);
    }
    fs::create_dir_all(home.path().join(".kube")).unwrap();
    fs::write(home.path().join(".kube/config"), kubeconfig.to_string()).unwrap();
    home
}

/// Builds the other plugins, and returns their folder. rawpatch is built already, and may be running.
fn plugins() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_plugins(|name| name != "kubectl-rawpatch").unwrap())
}

/// Returns the environment of a shell.
fn variables(home: &Path) -> Vec<(String, String)> {
    let environment = ControlPlane::shared()
        .environment(Path::new(RAWPATCH).parent())
        .unwrap();
    let text = |value: std::ffi::OsString| value.into_string().unwrap();
    let variables = environment
        .into_iter()
        .map(|(name, value)| (name.to_owned(), text(value)));
    // The shell uses the kubeconfig and the cache in its home folder.
    let mut variables: Vec<_> = variables
        .filter(|(name, _)| !["KUBECONFIG", "KUBECACHEDIR"].contains(&name.as_str()))
        .collect();
    for (name, value) in &mut variables {
        if name == "PATH" {
            *value = format!(
                "{}/.local/bin:{value}:{}",
                home.display(),
                plugins().display()
            );
        }
    }
    variables
}

/// Starts a shell with the setup of the page: kubectl's script, the block with the aliases, and an alias for
/// `kubectl rawpatch`. Returns `None` if the shell is not installed.
fn start(shell: Program, home: &Path) -> Option<Terminal> {
    let (kubectl, heading) = match shell {
        Program::BashCompletion => {
            let script = shell.find().unwrap_or_default();
            let kubectl = format!(
                "source {}\nsource <(kubectl completion bash)\n\
                 complete -o default -F __start_kubectl kkp\n",
                script.display()
            );
            (kubectl, "bash")
        }
        Program::Zsh => ("source <(kubectl completion zsh)".to_owned(), "zsh"),
        Program::Fish => ("kubectl completion fish | source".to_owned(), "fish"),
        _ => (String::new(), "bash"),
    };
    shell.is_there().then(|| {
        let set_up = format!(
            "{kubectl}\nalias kkp='kubectl rawpatch'\n{}",
            block(heading)
        );
        Terminal::start(shell, home, &variables(home), &set_up)
    })
}

fn deployment_of(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name, "image": "busybox"}]}},
        },
    })
}

/// Creates a namespace with a Deployment `sleep`. Returns the path of the Deployment's collection.
fn namespace(name: &str) -> String {
    let control_plane = ControlPlane::shared();
    control_plane
        .create("/api/v1/namespaces", &json!({"metadata": {"name": name}}))
        .unwrap();
    let collection = format!("/apis/apps/v1/namespaces/{name}/deployments");
    control_plane
        .create(
            &format!("{collection}?fieldManager=my-manager"),
            &deployment_of("sleep"),
        )
        .unwrap();
    collection
}

/// Checks what TAB completes after `command`, which calls rawpatch.
fn completes(terminal: &mut Terminal, command: &str, namespace: &str, collection: &str) {
    let walk = |typed: &str, completed: &str| (typed.to_owned(), completed.to_owned());
    let short = &collection[..collection.len() - "loyments".len()];
    for (typed, completed) in [
        walk("--field-man", "--field-manager "),
        walk("--type mer", "--type merge "),
        walk("--type=mer", "--type=merge "),
        walk("--context oth", "--context other:one/two "),
        walk("--context wi", "--context with\\ space "),
        walk("-n kube-sys", "-n kube-system "),
        walk("-f so", "-f some\\ patch.json "),
        walk("/apis/apps/v", "/apis/apps/v1/"),
        walk(
            &format!(
                "--type merge -p '{{\"a\": \"b\"}}' /apis/apps/v1/namespaces/{}",
                &namespace[..namespace.len() - 1]
            ),
            &format!("--type merge -p '{{\"a\": \"b\"}}' /apis/apps/v1/namespaces/{namespace}/"),
        ),
        walk(short, &format!("{collection}/")),
        walk(&format!("{collection}/sl"), &format!("{collection}/sleep ")),
        walk(
            &format!("{collection}/sleep/sc"),
            &format!("{collection}/sleep/scale "),
        ),
        walk(
            &format!("{collection}/sleep --field-manager my"),
            &format!("{collection}/sleep --field-manager my-manager "),
        ),
        walk(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:disc",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:discovery ",
        ),
    ] {
        let line = terminal.line_after(&format!("{command} {typed}\t"));
        assert_eq!(
            line,
            format!("{command} {completed}"),
            "{}",
            terminal.shown()
        );
    }
    // Several candidates are listed with their descriptions.
    terminal.line_after(&format!("{command} /apis/ap\t\t"));
    terminal.shows(&["apps/", "apiregistration.k8s.io/", "v1"]);
    let shown = terminal.shown();
    assert!(!shown.contains("authentication.k8s.io"), "{shown}");
}

/// The command lines that call the plugins.
struct Calls {
    rawpatch: &'static [&'static str],
    rawwatch: &'static str,
    whoami: &'static str,
}

/// Calls through kubectl, and through an alias for it.
const THROUGH_KUBECTL: Calls = Calls {
    rawpatch: &["kubectl rawpatch", "kkp"],
    rawwatch: "kubectl rawwatch",
    whoami: "kubectl whoami",
};

/// Calls by the programs' names and by the aliases of the page, also after other words on the line.
const DIRECTLY: Calls = Calls {
    rawpatch: &["kubectl-rawpatch", "kp", "cd /; A=1 kp"],
    rawwatch: "kw",
    whoami: "kwho",
};

fn completes_in(shell: Program, calls: &Calls) {
    let namespace_name = unique("in-shell") + "-x";
    let collection = namespace(&namespace_name);
    let home = home();
    let Some(mut terminal) = start(shell, home.path()) else {
        return;
    };
    for command in calls.rawpatch {
        completes(&mut terminal, command, &namespace_name, &collection);
    }
    let mut check = |command: &str, typed: &str, completed: &str| {
        let line = terminal.line_after(&format!("{command} {typed}\t"));
        assert_eq!(line, format!("{command} {completed}"));
    };
    // kubectl's fish script fails here, because it passes a candidate that starts with dashes to
    // `string split` (https://github.com/spf13/cobra/blob/main/fish_completions.go).
    let command = calls.rawpatch[0];
    if shell != Program::Fish || !command.starts_with("kubectl ") {
        check(command, "--raw=/apis/apps/v", "--raw=/apis/apps/v1/");
    }
    // A collection can be watched, and leads to its objects.
    check(calls.rawwatch, "--tag /api/v1/nod", "--tag /api/v1/nodes");
    check(calls.whoami, "-o sub", "-o subjects ");
}

#[test]
fn bash_completes_through_kubectl() {
    completes_in(Program::BashCompletion, &THROUGH_KUBECTL);
}

#[test]
fn bash_completes_the_plugins_and_their_aliases() {
    completes_in(Program::Bash, &DIRECTLY);
}

/// Checks names with spaces and word breaks, in quotes and with escapes.
fn completes_quoted_names_in(shell: Program) {
    let home = home();
    let Some(mut terminal) = start(shell, home.path()) else {
        return;
    };
    let mut lines = vec![(
        "--context jane@s".to_owned(),
        "--context jane@site ".to_owned(),
    )];
    for flag in ["--context ", "--context=", "-n x --user 'a b' --context="] {
        for (typed, completed) in [
            (r#""wi"#, r#""with space" "#),
            ("'wi", "'with space' "),
            (r#""with sp"#, r#""with space" "#),
            ("'with sp", "'with space' "),
            (r"with\ sp", r"with\ space "),
            (r#""a na"#, r#""a name:b" "#),
            (r#""a name:"#, r#""a name:b" "#),
            (r"a\ name:", r"a\ name:b "),
        ] {
            // After `=`, zsh replaces an open quote by escapes.
            let completed = match typed.as_bytes() {
                [b'"' | b'\'', ..] if shell == Program::Zsh && flag.ends_with('=') => {
                    completed[1..completed.len() - 2].replace(' ', "\\ ") + " "
                }
                _ => completed.to_owned(),
            };
            lines.push((format!("{flag}{typed}"), format!("{flag}{completed}")));
        }
    }
    let different: Vec<_> = lines
        .iter()
        .filter_map(|(typed, completed)| {
            let line = terminal.line_after(&format!("kp {typed}\t"));
            (line != format!("kp {completed}")).then_some((typed, line))
        })
        .collect();
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn bash_completes_quoted_and_escaped_names() {
    completes_quoted_names_in(Program::Bash);
}

#[test]
fn bash_completes_flags_when_equals_is_not_a_word_break() {
    let home = home();
    let Some(mut terminal) = start(Program::Bash, home.path()) else {
        return;
    };
    terminal.line_after("COMP_WORDBREAKS=${COMP_WORDBREAKS//[=@:]}\r");
    for (typed, completed) in [
        ("--type=mer", "--type=merge "),
        ("--context=jane@s", "--context=jane@site "),
        ("--context=oth", "--context=other:one/two "),
        (r#"--context="a na"#, r#"--context="a name:b" "#),
    ] {
        let line = terminal.line_after(&format!("kp {typed}\t"));
        assert_eq!(line, format!("kp {completed}"));
    }
}

#[test]
fn zsh_completes_quoted_and_escaped_names() {
    completes_quoted_names_in(Program::Zsh);
}

#[test]
fn fish_completes_quoted_and_escaped_names() {
    completes_quoted_names_in(Program::Fish);
}

#[test]
fn bash_escapes_a_name_so_that_it_runs_nothing() {
    let home = home();
    let path = home.path().join(".kube/config");
    let mut kubeconfig: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let context = kubeconfig["contexts"][0].clone();
    for name in ["evil$(touch x)`y`\"1", "evil$(touch x)`y`\"2"] {
        let mut context = context.clone();
        context["name"] = name.into();
        kubeconfig["contexts"].as_array_mut().unwrap().push(context);
    }
    fs::write(&path, kubeconfig.to_string()).unwrap();
    let Some(mut terminal) = start(Program::Bash, home.path()) else {
        return;
    };
    for (typed, completed) in [
        ("evi", r#"evil\$\(touch\ x\)\`y\`\""#),
        ("\"evi", r#""evil\$(touch x)\`y\`\""#),
        ("'evi", r#"'evil$(touch x)`y`""#),
    ] {
        for flag in ["--context ", "--context="] {
            let line = terminal.line_after(&format!("kp {flag}{typed}\t"));
            assert_eq!(line, format!("kp {flag}{completed}"));
        }
    }
    terminal.line_after("bind '\"\\t\": menu-complete'\r");
    let line = terminal.line_after("kp --context evi\t");
    assert_eq!(line, r#"kp --context evil\$\(touch\ x\)\`y\`\"1 "#);
}

#[test]
fn bash_shows_the_lists_of_the_page() {
    let home = home();
    let Some(mut terminal) = start(Program::Bash, home.path()) else {
        return;
    };
    let in_words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let example = PAGE.split("```").nth(1).unwrap();
    let mut steps = 0;
    for step in example.split("$ ").skip(1) {
        let (line, list) = step.split_once("<TAB>\n").unwrap();
        assert_eq!(terminal.line_after(&format!("{line}\t\t")), line);
        let last = list.split_whitespace().last().unwrap();
        terminal.shows(&[last]);
        let shown = in_words(&terminal.shown());
        assert!(shown.contains(&in_words(list)), "{shown}");
        steps += 1;
    }
    assert_eq!(steps, 2);
}

#[test]
fn zsh_completes_through_kubectl() {
    completes_in(Program::Zsh, &THROUGH_KUBECTL);
}

#[test]
fn zsh_completes_the_plugins_and_their_aliases() {
    completes_in(Program::Zsh, &DIRECTLY);
}

#[test]
fn fish_completes_through_kubectl() {
    completes_in(Program::Fish, &THROUGH_KUBECTL);
}

#[test]
fn fish_completes_the_plugins_and_their_aliases() {
    completes_in(Program::Fish, &DIRECTLY);
}

#[test]
fn zsh_autoloads_the_script_and_supports_complete_aliases() {
    let home = home();
    let script = home.path().join("_kubectl-rawpatch");
    let set_up = format!(
        "fpath=({home} $fpath)\nkubectl-rawpatch completion zsh > {script}\ncompinit -u -D\n\
         alias kp=kubectl-rawpatch\nsetopt complete_aliases\ncompdef _kubectl-rawpatch kp\n",
        home = home.path().display(),
        script = script.display()
    );
    if !Program::Zsh.is_there() {
        return;
    }
    let variables = variables(home.path());
    let mut terminal = Terminal::start(Program::Zsh, home.path(), &variables, &set_up);
    for command in ["kubectl-rawpatch", "kp"] {
        let line = terminal.line_after(&format!("{command} --type=mer\t"));
        assert_eq!(line, format!("{command} --type=merge "));
    }
}
