//! Refuses flags that several objects cannot have, and contradictions.

use kubectl_plugin::Error;

use crate::args::PatchArgs;
use crate::source;

/// Checks the flags.
pub(crate) fn check(arguments: &PatchArgs) -> Result<(), Error> {
    let collection = &arguments.collection;
    let has_selector =
        |selector: Option<&str>, flag| (collection.all && selector.is_some()).then_some(flag);
    if let Some(flag) = has_selector(collection.label_selector(), "--selector")
        .or_else(|| has_selector(collection.fields(), "--field-selector"))
    {
        return Err(
            Error::usage(format!("cannot set --all and {flag} at the same time"))
                .with_hint("remove --all: the selector chooses the objects"),
        );
    }
    if collection.paths_from.is_some() {
        if collection.lists() || arguments.has_path() {
            return Err(Error::usage(
                "--paths-from has the paths, but PATH, --all or a selector is also given",
            )
            .with_hint("remove --paths-from, or use it alone"));
        }
        if collection.if_unchanged_since_list {
            return Err(Error::usage(
                "--if-unchanged-since-list needs a list, but --paths-from does not list anything",
            )
            .with_hint("remove --if-unchanged-since-list, or use --all or -l"));
        }
        if reads_paths_from_stdin(arguments) && source::reads_stdin(arguments) {
            return Err(
                Error::usage("stdin cannot hold both the patch and the paths")
                    .with_hint("put the paths in a file: --paths-from FILE"),
            );
        }
    }
    for (flag, is_given, hint) in [
        (
            "--interactive",
            arguments.diff.interactive,
            "use --diff first, and then patch the objects",
        ),
        ("--curl", arguments.curl, "give the path of one object"),
        (
            "--verbatim",
            arguments.verbatim,
            "give the path of one object",
        ),
        (
            "--if-resource-version",
            arguments.outcome.if_resource_version.is_some(),
            "use --if-unchanged-since-list: each object has a resource version of its own",
        ),
        (
            "--fail-if-unchanged",
            arguments.outcome.fail_if_unchanged,
            "remove it: the summary counts the objects that did not change",
        ),
    ] {
        if is_given {
            let message = format!("{flag} is for one object, but several are patched");
            return Err(Error::usage(message).with_hint(hint));
        }
    }
    Ok(())
}

fn reads_paths_from_stdin(arguments: &PatchArgs) -> bool {
    arguments.collection.paths_from.as_deref() == Some("-")
}

/// Reports whether the command itself reads stdin.
pub(crate) fn reads_stdin(arguments: &PatchArgs) -> bool {
    source::reads_stdin(arguments) || reads_paths_from_stdin(arguments)
}
