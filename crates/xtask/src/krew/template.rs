//! The templates of the manifests: those that krew-release-bot takes, in two forms of theirs.
//!
//! `{{ .TagName }}` is the version; `{{addURIAndSha "ADDRESS" .TagName }}`, alone on a line, is the
//! address of an archive, in which the first form may stand, and the archive's sum.

use anyhow::{Context as _, Result, ensure};

const TAG: &str = "{{ .TagName }}";
const ADDRESS_START: &str = "{{addURIAndSha \"";
const ADDRESS_END: &str = "\" .TagName }}";

/// How the bot indents the sum; the address stands where the template has it.
const INDENTATION: &str = "    ";

/// The manifest for a tag.
///
/// `archive` says for the template's address of an archive what the real one is, and its sum.
pub(super) fn render(
    template: &str,
    tag: &str,
    archive: impl Fn(&str) -> Result<(String, String)>,
) -> Result<String> {
    let mut manifest = String::new();
    for (index, line) in template.lines().enumerate() {
        let rendered = render_line(line, tag, &archive)
            .with_context(|| format!("line {} of the template", index + 1))?;
        manifest.push_str(&rendered);
        manifest.push('\n');
    }
    Ok(manifest)
}

fn render_line(
    line: &str,
    tag: &str,
    archive: impl Fn(&str) -> Result<(String, String)>,
) -> Result<String> {
    let address = line
        .trim_start()
        .strip_prefix(ADDRESS_START)
        .and_then(|rest| rest.strip_suffix(ADDRESS_END));
    let rendered = if let Some(address) = address {
        ensure!(
            line.starts_with(INDENTATION) && line[INDENTATION.len()..].starts_with(ADDRESS_START),
            "addURIAndSha must be indented by {} spaces, as the bot indents what follows",
            INDENTATION.len(),
        );
        let (address, sum) = archive(&address.replace(TAG, tag))?;
        format!("{INDENTATION}uri: {address}\n{INDENTATION}sha256: {sum}")
    } else {
        line.replace(TAG, tag)
    };
    ensure!(
        !rendered.contains("{{"),
        "only {TAG} and {ADDRESS_START}…{ADDRESS_END} are known"
    );
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String> {
        render(template, "v1.2.3", |address| {
            Ok((format!("<{address}>"), "abc".to_owned()))
        })
    }

    #[test]
    fn both_forms_are_filled_in() {
        let template = "\
version: {{ .TagName }}
  - selector:
    {{addURIAndSha \"https://a/{{ .TagName }}/b-{{ .TagName }}.zip\" .TagName }}
    bin: b
";
        assert_eq!(
            rendered(template).unwrap(),
            "\
version: v1.2.3
  - selector:
    uri: <https://a/v1.2.3/b-v1.2.3.zip>
    sha256: abc
    bin: b
"
        );
    }

    #[test]
    fn what_the_bot_would_read_otherwise_is_refused_with_its_line() {
        for (template, expected) in [
            (
                "a\nversion: {{.TagName}}",
                "line 2 of the template: only {{ .TagName }}",
            ),
            ("version: {{ .Version }}", "only {{ .TagName }}"),
            (
                "    x: {{addURIAndSha \"a\" .TagName }}",
                "only {{ .TagName }}",
            ),
            ("  {{addURIAndSha \"a\" .TagName }}", "indented by 4 spaces"),
            (
                "      {{addURIAndSha \"a\" .TagName }}",
                "indented by 4 spaces",
            ),
        ] {
            let error = format!("{:#}", rendered(template).unwrap_err());
            assert!(error.contains(expected), "{template}: {error}");
        }
    }
}
