//! `--curl`: writes the request as a curl command for bash.
//!
//! Everyone on the machine can see a command line, and people paste such texts into tickets. So the text
//! contains no secret. It tells where each one is (`Source`), and bash reads it when the command runs: into
//! a pipe that only curl reads (`<(…)`), or with its own `printf`.
//!
//! Pure: a request and a target in, a text out. `sources` locates the secrets of a connection.

mod sources;

use std::time::Duration;

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::redaction::Redaction;
use crate::redaction::headers_and_urls::{shown_header, url_without_credentials};
use crate::request::{ApiRequest, RawPath};
use crate::text::shell::quoted;

/// A source from which the exact bytes of a request's body can be read again.
pub enum BodySource<'a> {
    /// A file of this name.
    File(&'a str),
    /// Stdin, if the user provides them again.
    Stdin,
}

/// The server, the route to it, and the credential.
pub(crate) struct CurlTarget {
    /// The server's address with its base path.
    pub(crate) server: Uri,
    /// The expected name in its certificate, if it is not the host's.
    pub(crate) server_name: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) certificate: Option<CurlCertificate>,
    pub(crate) login: Option<CurlAuth>,
    /// Headers that are not a credential.
    pub(crate) impersonation: HeaderMap,
    pub(crate) proxy: Option<Proxy>,
    /// The time limit of the request; `None` is no limit.
    pub(crate) timeout: Option<Duration>,
}

/// The certificates that are trusted.
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

/// The content of `Authorization`. An exec plugin may print a certificate, too.
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
    pub(crate) arguments: Vec<Text>,
    pub(crate) variables: Vec<(String, Source)>,
    /// `$KUBERNETES_EXEC_INFO`, in parts.
    pub(crate) request: Vec<Text>,
    /// It may ask the user.
    pub(crate) is_interactive: bool,
}

/// A proxy in front of the server.
pub(crate) struct Proxy {
    /// curl's name for its protocol.
    pub(crate) scheme: &'static str,
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// The location of its URL, if that contains a user name and a password.
    pub(crate) credential: Option<Source>,
}

/// A text, or the location of a secret one.
pub(crate) enum Text {
    Shown(String),
    Hidden(Source),
}

/// The location of a text when the command runs.
#[derive(Clone)]
pub(crate) enum Source {
    /// In a kubeconfig, which is `file` or the one that kubectl finds, at a JSON path.
    Kubeconfig {
        file: Option<String>,
        json_path: String,
    },
    /// In a file.
    File(String),
    /// In an environment variable.
    Environment(&'static str),
    /// In the value of a flag, for which the user sets a variable.
    Flag(&'static str),
}

/// Reads one field of an exec plugin's answer. No shell can parse JSON, but kubectl can: a kubeconfig may
/// contain anything as an extension.
const FIELD_OF_ANSWER: &str = r#"field() {
  printf 'extensions:\n- name: login\n  extension:\n    %s\n' "${login//$'\n'/$'\n    '}" |
    kubectl config view --raw --kubeconfig=/dev/stdin -o "jsonpath={.extensions[0].extension.status.$1}"
}
token=$(field token)
certificate=$(field clientCertificateData)
"#;

/// Turns a line into the value of an option in curl's configuration.
const QUOTED_FOR_CURL: &str = r#"s/["\\]/\\&/g; s/.*/OPTION = "&"/"#;

/// Extracts `NAME:PASSWORD` from a URL, with its escapes, which curl decodes.
const USER_OF_URL: &str = r"s|^[^/]*//\([^/?#]*\)@.*|\1|; s/^[^:]*$/&:/; ";

/// Writes the commands, ending with a newline. The body is not shown if it `is_secret`.
pub(crate) fn script(
    request: &ApiRequest,
    is_secret: bool,
    given: Option<&BodySource<'_>>,
    way: &CurlTarget,
) -> String {
    let mut script = Script::default();
    script.line("curl --disable --silent --show-error --fail-with-body".to_owned());
    // The same HTTP version, and a URL that is not rewritten.
    script.line("--http1.1 --path-as-is --globoff".to_owned());
    if let Some(timeout) = way.timeout {
        script.line(format!("--max-time {}", timeout.as_secs_f64()));
    }
    script.proxy(way.proxy.as_ref());
    // As in client-go, the server and a proxy use the same certificates.
    if way.server.scheme_str() == Some("https") {
        script.tls(way, "--");
    }
    if way
        .proxy
        .as_ref()
        .is_some_and(|proxy| proxy.scheme == "https")
    {
        script.tls(way, "--proxy-");
    }
    script.login(way.login.as_ref());
    script.headers(&way.impersonation);
    script.headers(&request.headers);
    script.line(format!("--request {}", request.method));
    script.body(request, is_secret, given);
    script.target(&request.path, way);
    script.text(way.login.as_ref())
}

/// The parts of the script.
#[derive(Default)]
struct Script {
    /// The variables that the user must set, and their meaning.
    variables: Vec<(String, String)>,
    /// A note for the user.
    note: Option<&'static str>,
    /// The command whose output is the body.
    body: Option<String>,
    /// The lines of the curl command, without the backslashes at their ends.
    lines: Vec<String>,
}

impl Script {
    fn line(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Returns a new variable as a word. Its name is like `name`, but unique.
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

    /// Returns the text at `source` as one word.
    fn word(&mut self, source: &Source) -> String {
        let printer = self.printer(source);
        match printer.strip_prefix("printf %s ") {
            Some(word) => word.to_owned(),
            None => format!("\"$({printer})\""),
        }
    }

    fn words(&mut self, text: &Text) -> String {
        match text {
            Text::Shown(text) => quoted(text).into_owned(),
            Text::Hidden(source) => self.word(source),
        }
    }

    /// Returns the name of a file with the PEM text at `source`, which a kubeconfig has in base64.
    fn pem(&mut self, source: &Source) -> String {
        match source {
            Source::File(path) => quoted(path).into_owned(),
            source => format!("<({} | base64 -d)", self.printer(source)),
        }
    }

    /// Writes the proxy, even if there is none, because curl has its own rules for the environment.
    fn proxy(&mut self, proxy: Option<&Proxy>) {
        let Some(Proxy {
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

    /// Writes the trusted certificates and the client certificate. `prefix` tells for which connection.
    fn tls(&mut self, way: &CurlTarget, prefix: &str) {
        match &way.trust {
            Trust::Platform => {}
            Trust::Unverified => self.line(format!("{prefix}insecure")),
            Trust::Authorities(source) => {
                let file = self.pem(source);
                // Without an own folder, curl trusts the platform's authorities, too.
                self.line(format!("{prefix}cacert {file} {prefix}capath /dev/null"));
            }
        }
        if let Some(CurlCertificate { certificate, key }) = &way.certificate {
            let certificate = match certificate {
                // To curl, the text after a colon is a passphrase.
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
        if let Some(CurlAuth::Plugin(_)) = way.login {
            self.line(format!(
                "${{certificate:+{prefix}cert <(printf '%s\\n' \"$certificate\") {prefix}key <(field clientKeyData)}}"
            ));
        }
    }

    fn login(&mut self, login: Option<&CurlAuth>) {
        let bearer = |word: &str| format!(r"-H @<(printf 'Authorization: Bearer %s\n' {word})");
        match login {
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

    fn body(&mut self, request: &ApiRequest, is_secret: bool, given: Option<&BodySource<'_>>) {
        let body = &request.body;
        if body.is_empty() {
            return;
        }
        let text = str::from_utf8(body)
            .ok()
            .filter(|text| !is_secret && !text.contains('\0'));
        match (given, text) {
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

    /// Writes the URL. For a different name in the certificate, the URL has that name, and the connection and the
    /// `Host` header use the server's.
    fn target(&mut self, path: &RawPath, way: &CurlTarget) {
        let mut server = way.server.to_string();
        let authority = way.server.authority();
        if let (Some(name), Some(authority), Some("https")) =
            (&way.server_name, authority, way.server.scheme_str())
        {
            let bracketed = if name.contains(':') {
                format!("[{name}]")
            } else {
                name.clone()
            };
            let port = authority.port_u16().unwrap_or(443);
            let target = format!("{bracketed}:{port}");
            let detour = format!("{target}:{}:{port}", authority.host());
            self.line(format!("--connect-to {}", quoted(&detour)));
            self.line(format!("-H {}", quoted(&format!("Host: {authority}"))));
            server = format!("https://{target}{}", way.server.path());
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

    /// Returns the whole script. An exec plugin's answer stays in a subshell.
    fn text(mut self, login: Option<&CurlAuth>) -> String {
        let plugin = match login {
            Some(CurlAuth::Plugin(plugin)) => Some(self.plugin(plugin)),
            _ => None,
        };
        let mut text = String::new();
        for (name, meaning) in &self.variables {
            text.extend(["# set ", name, " first: ", meaning, "\n"]);
        }
        text.extend(self.note.iter().flat_map(|note| [note, "\n"]));
        if let Some(plugin) = &plugin {
            text.extend(["(\n", plugin, FIELD_OF_ANSWER]);
        }
        text.extend(self.body.iter().flat_map(|body| [body.as_str(), " |\n"]));
        text.push_str(&self.lines.join(" \\\n  "));
        text.push('\n');
        if plugin.is_some() {
            text.push_str(")\n");
        }
        text
    }

    /// Returns the run of an exec plugin.
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
        // stdin may be the shell's, which reads these commands from it.
        let stdin = if plugin.is_interactive {
            "/dev/tty"
        } else {
            "/dev/null"
        };
        format!("login=$({command} <{stdin}) || exit\n")
    }
}

impl Source {
    /// Locates a field of an entry in a kubeconfig. `list` and `entry` are `users` and `user`, or `clusters` and
    /// `cluster`.
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

/// Returns an option of curl whose value `printer` prints, after the sed script `before`.
fn configuration(option: &str, before: &str, printer: &str) -> String {
    let edit = format!("{before}{}", QUOTED_FOR_CURL.replace("OPTION", option));
    format!("--config <({printer} | sed {})", quoted(&edit))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn way() -> CurlTarget {
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
            login: Some(CurlAuth::Token(Source::Flag("--token"))),
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
        }
    }

    #[test]
    fn one_option_a_line_and_no_secret() {
        assert_eq!(
            script(&request("{}"), false, None, &way()),
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
    fn a_body_that_is_secret_or_no_text_is_read_from_where_it_is() {
        let body_of = |body: &str, is_secret, given: Option<BodySource<'_>>| {
            let text = script(&request(body), is_secret, given.as_ref(), &way());
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
    fn each_variable_has_a_name_of_its_own() {
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
