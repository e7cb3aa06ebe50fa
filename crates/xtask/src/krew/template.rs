//! Renders the templates of the manifests, in the syntax of krew-release-bot.
//!
//! Two directives are supported: `{{ .TagName }}` is the version, and `{{addURIAndSha "URL" .TagName }}`
//! on a line of its own is the URL and the checksum of an archive. The URL may contain `{{ .TagName }}`.

use anyhow::{Context as _, Result, ensure};

const TAG: &str = "{{ .TagName }}";
const ARCHIVE_START: &str = "{{addURIAndSha \"";
const ARCHIVE_END: &str = "\" .TagName }}";

/// The indentation of the bot's second line, the checksum. The first keeps the template's indentation.
const INDENTATION: &str = "    ";

/// Renders the manifest for a tag.
///
/// `archive` maps the template's URL of an archive to its real URL and its checksum.
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
    let url = line
        .trim_start()
        .strip_prefix(ARCHIVE_START)
        .and_then(|rest| rest.strip_suffix(ARCHIVE_END));
    let rendered = if let Some(url) = url {
        ensure!(
            line.starts_with(INDENTATION) && line[INDENTATION.len()..].starts_with(ARCHIVE_START),
            "addURIAndSha must be indented by {} spaces, as the bot indents its second line",
            INDENTATION.len(),
        );
        let (url, sum) = archive(&url.replace(TAG, tag))?;
        format!("{INDENTATION}uri: {url}\n{INDENTATION}sha256: {sum}")
    } else {
        line.replace(TAG, tag)
    };
    ensure!(
        !rendered.contains("{{"),
        "only {TAG} and {ARCHIVE_START}…{ARCHIVE_END} are supported"
    );
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String> {
        render(template, "v1.2.3", |url| {
            Ok((format!("<{url}>"), "abc".to_owned()))
        })
    }

    #[test]
    fn both_directives_are_rendered() {
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
    fn unsupported_syntax_is_an_error_with_its_line() {
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
