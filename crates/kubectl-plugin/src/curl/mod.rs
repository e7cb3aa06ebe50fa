//! `--curl`: prints the request as a curl command for bash.
//!
//! Everyone on the machine can see a command line, and people paste such commands into tickets. So
//! the text contains no secret, only its location (`Source`). bash reads the secret when the
//! command runs: into a pipe that only curl reads (`<(…)`), or with its own `printf`.
//!
//! This file turns a request and a target into text, without I/O. `sources` locates the secrets of
//! a connection.

mod sources;

use std::time::Duration;

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::redaction::Redaction;
use crate::redaction::headers_and_urls::{shown_header, url_without_credentials};
use crate::request::{ApiRequest, RawPath};
use crate::text::shell::quoted;

/// A source that still has the exact bytes of a request's body.
pub enum BodySource<'a> {
    /// A file of this name.
    File(&'a str),
    /// Stdin. The user must provide the bytes again.
    Stdin,
}

/// The server, the route to it, and the credential.
pub(crate) struct CurlTarget {
    /// The server's address with its base path.
    pub(crate) server: Uri,
    /// The expected name in the server's certificate, if it differs from the host.
    pub(crate) server_name: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) certificate: Option<CurlCertificate>,
    pub(crate) auth: Option<CurlAuth>,
    /// Headers that are not a credential.
    pub(crate) impersonation: HeaderMap,
    pub(crate) proxy: Option<CurlProxy>,
    /// The timeout of the request; `None` means no limit.
    pub(crate) timeout: Option<Duration>,
}

/// The trusted certificates.
pub(crate) enum Trust {
    /// Certificates signed by the platform's authorities.
    Platform,
    /// Any certificate: it is not verified.
    Unverified,
    /// Certificates signed by these authorities.
    Authorities(Source),
}

/// A client certificate and its key.
pub(crate) struct CurlCertificate {
    pub(crate) certificate: Source,
    pub(crate) key: Source,
}

/// The source of the `Authorization` header. An exec plugin may provide a client certificate
/// instead.
pub(crate) enum CurlAuth {
    Token(Source),
    Password {
        name: String,
        password: Option<Source>,
    },
    Plugin(CurlPlugin),
}

/// The run of an exec plugin.
pub(crate) struct CurlPlugin {
    pub(crate) path: String,
    pub(crate) arguments: Vec<ShellText>,
    pub(crate) variables: Vec<(String, Source)>,
    /// The parts of `$KUBERNETES_EXEC_INFO`.
    pub(crate) request: Vec<ShellText>,
    /// Whether the plugin may prompt the user.
    pub(crate) is_interactive: bool,
}

/// A proxy in front of the server.
pub(crate) struct CurlProxy {
    /// curl's name for its protocol.
    pub(crate) scheme: &'static str,
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// The location of the proxy's URL, if it contains a user name and a password.
    pub(crate) credential: Option<Source>,
}

/// A literal text, or the location of a secret.
pub(crate) enum ShellText {
    Literal(String),
    Secret(Source),
}

/// The location of a text when the command runs.
#[derive(Clone)]
pub(crate) enum Source {
    /// A JSON path in a kubeconfig: in `file`, or else in kubectl's default.
    Kubeconfig {
        file: Option<String>,
        json_path: String,
    },
    /// A file.
    File(String),
    /// An environment variable.
    Environment(&'static str),
    /// The value of a flag, which the user must copy into a variable.
    Flag(&'static str),
}

/// A shell function that extracts one field of an exec plugin's output. Shells cannot parse JSON,
/// but kubectl can: a kubeconfig may contain any value as an extension.
const FIELD_FUNCTION: &str = r#"field() {
  printf 'extensions:\n- name: answer\n  extension:\n    %s\n' "${answer//$'\n'/$'\n    '}" |
    kubectl config view --raw --kubeconfig=/dev/stdin -o "jsonpath={.extensions[0].extension.status.$1}"
}
token=$(field token)
certificate=$(field clientCertificateData)
"#;

/// A sed script that turns a line into an option in curl's configuration.
const QUOTED_FOR_CURL: &str = r#"s/["\\]/\\&/g; s/.*/OPTION = "&"/"#;

/// A sed script that extracts `NAME:PASSWORD` from a URL. It keeps the escapes, which curl decodes.
const USER_OF_URL: &str = r"s|^[^/]*//\([^/?#]*\)@.*|\1|; s/^[^:]*$/&:/; ";

/// Returns the commands, ending with a newline. If `is_secret`, they do not contain the body.
pub(crate) fn script(
    request: &ApiRequest,
    is_secret: bool,
    body_source: Option<&BodySource<'_>>,
    target: &CurlTarget,
) -> String {
    let mut script = Script::default();
    script.line("curl --disable --silent --show-error --fail-with-body".to_owned());
    // These flags select the same HTTP version, and keep curl from rewriting the URL.
    script.line("--http1.1 --path-as-is --globoff".to_owned());
    if let Some(timeout) = target.timeout {
        script.line(format!("--max-time {}", timeout.as_secs_f64()));
    }
    script.proxy(target.proxy.as_ref());
    // As in client-go, the server and a proxy use the same certificates.
    if target.server.scheme_str() == Some("https") {
        script.tls(target, "--");
    }
    if target
        .proxy
        .as_ref()
        .is_some_and(|proxy| proxy.scheme == "https")
    {
        script.tls(target, "--proxy-");
    }
    script.auth(target.auth.as_ref());
    script.headers(&target.impersonation);
    script.headers(&request.headers);
    script.line(format!("--request {}", request.method));
    script.body(request, is_secret, body_source);
    script.target(&request.path, target);
    script.text(target.auth.as_ref())
}

/// The parts of the script.
#[derive(Default)]
struct Script {
    /// The variables that the user must set, and their meaning.
    variables: Vec<(String, String)>,
    /// A note for the user.
    note: Option<&'static str>,
    /// The command that prints the body.
    body: Option<String>,
    /// The lines of the curl command, without the backslashes at their ends.
    lines: Vec<String>,
}

impl Script {
    fn line(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Adds a variable that the user must set, with a unique name similar to `name`. Returns its
    /// value as a shell word.
    fn variable(&mut self, name: &str, meaning: String) -> String {
        let mut name = name.to_ascii_uppercase();
        name = name.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
        while name.starts_with(|first: char| first.is_ascii_digit())
            || self.variables.iter().any(|(other, _)| *other == name)
        {
            name.insert(0, '_');
        }
        let word = format!("\"${name}\"");
        self.variables.push((name, meaning));
        word
    }

    /// Returns a command that prints the text at `source`.
    fn printer(&mut self, source: &Source) -> String {
        match source {
            Source::Kubeconfig { file, json_path } => {
                let flag = file
                    .as_ref()
                    .map(|file| format!(" {}", quoted(&format!("--kubeconfig={file}"))));
                format!(
                    "kubectl config view --raw{} -o {}",
                    flag.unwrap_or_default(),
                    quoted(&format!("jsonpath={json_path}"))
                )
            }
            // Only tokens are printed from files; they contain no white space.
            Source::File(path) => format!("tr -d '[:space:]' <{}", quoted(path)),
            Source::Environment(name) => format!("printf %s \"${name}\""),
            Source::Flag(flag) => {
                let meaning = format!("the value of {flag}");
                let mut known = self.variables.iter();
                if let Some((name, _)) = known.find(|(_, other)| *other == meaning) {
                    return format!("printf %s \"${name}\"");
                }
                let name = flag.trim_start_matches('-');
                format!("printf %s {}", self.variable(name, meaning))
            }
        }
    }

    /// Returns a shell word with the text at `source`.
    fn word(&mut self, source: &Source) -> String {
        let printer = self.printer(source);
        match printer.strip_prefix("printf %s ") {
            Some(word) => word.to_owned(),
            None => format!("\"$({printer})\""),
        }
    }

    fn words(&mut self, text: &ShellText) -> String {
        match text {
            ShellText::Literal(text) => quoted(text).into_owned(),
            ShellText::Secret(source) => self.word(source),
        }
    }

    /// Returns the name of a file with the PEM text at `source`. A kubeconfig has it in base64.
    fn pem(&mut self, source: &Source) -> String {
        match source {
            Source::File(path) => quoted(path).into_owned(),
            source => format!("<({} | base64 -d)", self.printer(source)),
        }
    }

    /// Writes the flags for the proxy. Without one, turns off curl's own rules for the environment.
    fn proxy(&mut self, proxy: Option<&CurlProxy>) {
        let Some(CurlProxy {
            scheme,
            address,
            credential,
        }) = proxy
        else {
            return self.line("--noproxy '*'".to_owned());
        };
        let url = format!("{scheme}://{address}");
        self.line(format!("--noproxy '' --proxy {}", quoted(&url)));
        if let Some(source) = credential {
            let printer = self.printer(source);
            self.line(configuration("proxy-user", USER_OF_URL, &printer));
        }
    }

    /// Writes the flags for the trusted certificates and the client certificate. `prefix` selects
    /// the connection: to the server or the proxy.
    fn tls(&mut self, target: &CurlTarget, prefix: &str) {
        match &target.trust {
            Trust::Platform => {}
            Trust::Unverified => self.line(format!("{prefix}insecure")),
            Trust::Authorities(source) => {
                let file = self.pem(source);
                // An empty capath keeps curl from also trusting the platform's authorities.
                self.line(format!("{prefix}cacert {file} {prefix}capath /dev/null"));
            }
        }
        if let Some(CurlCertificate { certificate, key }) = &target.certificate {
            let certificate = match certificate {
                // curl reads the text after a colon as a passphrase.
                Source::File(path) => {
                    let path = path.replace('\\', r"\\").replace(':', r"\:");
                    quoted(&path).into_owned()
                }
                source => self.pem(source),
            };
            let key = self.pem(key);
            self.line(format!("{prefix}cert {certificate}"));
            self.line(format!("{prefix}key {key}"));
        }
        if let Some(CurlAuth::Plugin(_)) = target.auth {
            self.line(format!(
                "${{certificate:+{prefix}cert <(printf '%s\\n' \"$certificate\") {prefix}key <(field clientKeyData)}}"
            ));
        }
    }

    fn auth(&mut self, auth: Option<&CurlAuth>) {
        let bearer = |word: &str| format!(r"-H @<(printf 'Authorization: Bearer %s\n' {word})");
        match auth {
            None => {}
            Some(CurlAuth::Token(source)) => {
                let word = self.word(source);
                self.line(bearer(&word));
            }
            Some(CurlAuth::Password { name, password }) => {
                let name = quoted(name);
                let password = password.as_ref().map(|source| self.printer(source));
                let password = password.map_or_else(String::new, |printer| format!(" {printer};"));
                self.line(format!(
                    "-H @<(printf 'Authorization: Basic '; \
                     {{ printf %s: {name};{password} }} | base64 | tr -d '\\n')"
                ));
            }
            Some(CurlAuth::Plugin(_)) => {
                self.line(format!("${{token:+{}}}", bearer("\"$token\"")));
            }
        }
    }

    fn headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            let line = self.header(name, value);
            self.line(line);
        }
    }

    fn header(&mut self, name: &HeaderName, value: &HeaderValue) -> String {
        let text = String::from_utf8_lossy(value.as_bytes());
        if text.is_empty() {
            // curl drops a header that ends with its colon.
            return format!("-H {}", quoted(&format!("{name};")));
        }
        if shown_header(name, value, &Redaction::default()) == text {
            return format!("-H {}", quoted(&format!("{name}: {text}")));
        }
        let word = self.variable(name.as_str(), format!("the value of the header {name}"));
        let format = quoted(&format!("{}: %s\\n", name.as_str().replace('%', "%%"))).into_owned();
        format!("-H @<(printf {format} {word})")
    }

    fn body(
        &mut self,
        request: &ApiRequest,
        is_secret: bool,
        body_source: Option<&BodySource<'_>>,
    ) {
        let body = &request.body;
        if body.is_empty() {
            return;
        }
        let text = str::from_utf8(body)
            .ok()
            .filter(|text| !is_secret && !text.contains('\0'));
        match (body_source, text) {
            (Some(BodySource::File(file)), _) => {
                let file = format!("@{file}");
                return self.line(format!("--data-binary {}", quoted(&file)));
            }
            (_, Some(text)) => self.body = Some(format!("printf %s {}", quoted(text))),
            (Some(BodySource::Stdin), None) => {
                self.note = Some("# reads the body of the request from stdin");
            }
            (None, None) => {
                let name = request.method.as_str();
                let meaning = "the request body, in JSON".to_owned();
                self.body = Some(format!("printf %s {}", self.variable(name, meaning)));
            }
        }
        self.line("--data-binary @-".to_owned());
    }

    /// Writes the URL. If the certificate must have another name, the URL has that name, and other
    /// flags set the real host for the connection and the `Host` header.
    fn target(&mut self, path: &RawPath, target: &CurlTarget) {
        let mut server = target.server.to_string();
        let authority = target.server.authority();
        if let (Some(name), Some(authority), Some("https")) =
            (&target.server_name, authority, target.server.scheme_str())
        {
            let bracketed = if name.contains(':') {
                format!("[{name}]")
            } else {
                name.clone()
            };
            let port = authority.port_u16().unwrap_or(443);
            let tls_authority = format!("{bracketed}:{port}");
            let detour = format!("{tls_authority}:{}:{port}", authority.host());
            self.line(format!("--connect-to {}", quoted(&detour)));
            self.line(format!("-H {}", quoted(&format!("Host: {authority}"))));
            server = format!("https://{tls_authority}{}", target.server.path());
        }
        let url = format!("{}{path}", server.trim_end_matches('/'));
        let shown = url_without_credentials(&url);
        if shown == url {
            self.line(quoted(&url).into_owned());
        } else {
            let word = self.variable("URL", shown);
            self.line(configuration("url", "", &format!("printf %s {word}")));
        }
    }

    /// Returns the whole script. The variables with an exec plugin's output exist only in a
    /// subshell.
    fn text(mut self, auth: Option<&CurlAuth>) -> String {
        let plugin = match auth {
            Some(CurlAuth::Plugin(plugin)) => Some(self.plugin(plugin)),
            _ => None,
        };
        let mut text = String::new();
        for (name, meaning) in &self.variables {
            text.extend(["# set ", name, " first: ", meaning, "\n"]);
        }
        text.extend(self.note.iter().flat_map(|note| [note, "\n"]));
        if let Some(plugin) = &plugin {
            text.extend(["(\n", plugin, FIELD_FUNCTION]);
        }
        text.extend(self.body.iter().flat_map(|body| [body.as_str(), " |\n"]));
        text.push_str(&self.lines.join(" \\\n  "));
        text.push('\n');
        if plugin.is_some() {
            text.push_str(")\n");
        }
        text
    }

    /// Returns the command that runs an exec plugin.
    fn plugin(&mut self, plugin: &CurlPlugin) -> String {
        let mut command = String::new();
        for (name, source) in &plugin.variables {
            command.extend([name, "=", &self.word(source), " \\\n  "]);
        }
        let request: Vec<_> = plugin.request.iter().map(|part| self.words(part)).collect();
        command.extend(["KUBERNETES_EXEC_INFO=", &request.concat(), " \\\n  "]);
        command.push_str(&quoted(&plugin.path));
        for argument in &plugin.arguments {
            command.extend([" ", &self.words(argument)]);
        }
        // The shell may read these very commands from stdin.
        let stdin = if plugin.is_interactive {
            "/dev/tty"
        } else {
            "/dev/null"
        };
        format!("answer=$({command} <{stdin}) || exit\n")
    }
}

impl Source {
    /// Returns the location of a field of an entry in a kubeconfig. `list` and `entry` are `users`
    /// and `user`, or `clusters` and `cluster`.
    pub(crate) fn in_kubeconfig(
        file: Option<&str>,
        (list, entry): (&str, &str),
        name: &str,
        field: &str,
    ) -> Self {
        let name = name.replace('\\', r"\\").replace('"', "\\\"");
        Self::Kubeconfig {
            file: file.map(str::to_owned),
            json_path: format!("{{.{list}[?(@.name==\"{name}\")].{entry}.{field}}}"),
        }
    }
}

/// Returns a curl option with the output of `printer` as its value, edited by the sed script
/// `before`.
fn configuration(option: &str, before: &str, printer: &str) -> String {
    let edit = format!("{before}{}", QUOTED_FOR_CURL.replace("OPTION", option));
    format!("--config <({printer} | sed {})", quoted(&edit))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::request::ExpectedReply;

    fn target() -> CurlTarget {
        CurlTarget {
            server: Uri::from_static("https://server:6443/base"),
            server_name: None,
            trust: Trust::Authorities(Source::in_kubeconfig(
                Some("a b"),
                ("clusters", "cluster"),
                "c\"\\",
                "certificate-authority-data",
            )),
            certificate: Some(CurlCertificate {
                certificate: Source::File("C:\\x.crt".to_owned()),
                key: Source::File("/x.key".to_owned()),
            }),
            auth: Some(CurlAuth::Token(Source::Flag("--token"))),
            impersonation: HeaderMap::new(),
            proxy: None,
            timeout: Some(Duration::from_millis(1500)),
        }
    }

    fn request(body: &str) -> ApiRequest {
        let header = |name, value| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        ApiRequest {
            method: Method::PATCH,
            path: "/api/v1/x?a=b".parse().unwrap(),
            headers: HeaderMap::from_iter([
                header("x-token", "hunter2"),
                header("x-reason", "it's"),
            ]),
            body: body.to_owned().into(),
            expected: ExpectedReply::Object,
        }
    }

    #[test]
    fn the_script_has_one_option_per_line_and_no_secret() {
        assert_eq!(
            script(&request("{}"), false, None, &target()),
            r#"# set TOKEN first: the value of --token
# set X_TOKEN first: the value of the header x-token
printf %s '{}' |
curl --disable --silent --show-error --fail-with-body \
  --http1.1 --path-as-is --globoff \
  --max-time 1.5 \
  --noproxy '*' \
  --cacert <(kubectl config view --raw '--kubeconfig=a b' -o 'jsonpath={.clusters[?(@.name=="c\"\\")].cluster.certificate-authority-data}' | base64 -d) --capath /dev/null \
  --cert 'C\:\\x.crt' \
  --key /x.key \
  -H @<(printf 'Authorization: Bearer %s\n' "$TOKEN") \
  -H @<(printf 'x-token: %s\n' "$X_TOKEN") \
  -H 'x-reason: it'\''s' \
  --request PATCH \
  --data-binary @- \
  'https://server:6443/base/api/v1/x?a=b'
"#
        );
    }

    #[test]
    fn a_secret_or_binary_body_is_read_from_its_source() {
        let body_of = |body: &str, is_secret, body_source: Option<BodySource<'_>>| {
            let text = script(&request(body), is_secret, body_source.as_ref(), &target());
            assert!(!text.contains("hunter2"), "{text}");
            text
        };
        let file = body_of("hunter2", true, Some(BodySource::File("it's")));
        assert!(file.contains(r"--data-binary '@it'\''s'"), "{file}");
        let stdin = body_of("hunter2", true, Some(BodySource::Stdin));
        assert!(stdin.contains("# reads the body of the request from stdin\ncurl "));
        let variable = body_of("hunter2", true, None);
        assert!(
            variable
                .contains("# set PATCH first: the request body, in JSON\nprintf %s \"$PATCH\" |\n"),
            "{variable}"
        );
        assert!(!body_of("a\0b", false, Some(BodySource::Stdin)).contains("printf %s a"));
        assert!(!body_of("", false, None).contains("--data-binary"));
    }

    #[test]
    fn variable_names_are_unique() {
        let mut script = Script::default();
        let mut word = |name: &str| script.variable(name, String::new());
        assert_eq!(word("x-token"), "\"$X_TOKEN\"");
        assert_eq!(word("x_token"), "\"$_X_TOKEN\"");
        assert_eq!(word("9-key"), "\"$_9_KEY\"");
        assert_eq!(
            script.word(&Source::Flag("--token")),
            script.word(&Source::Flag("--token"))
        );
    }
}
