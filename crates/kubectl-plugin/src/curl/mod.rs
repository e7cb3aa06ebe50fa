//! `--curl`: the command that sends the same request by curl, as a text for bash.
//!
//! A command line is seen by everybody on the machine, and a text is pasted into tickets. So
//! neither holds a secret: it says where each one is ([`Source`]), and bash reads it when the
//! command runs, into a pipe that only curl reads (`<(…)`) or by its own `printf`.
//!
//! Pure: a request and a [`CurlTarget`] in, a text out.

mod sources;

use std::time::Duration;

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::redaction::Redaction;
use crate::redaction::headers_and_urls::{shown_header, url_without_credentials};
use crate::request::{ApiRequest, RawPath};
use crate::text::shell::quoted;

/// Where the very bytes of a request's body can be read again.
pub enum BodySource<'a> {
    /// In a file of this name.
    File(&'a str),
    /// On stdin, if the user gives them once more.
    Stdin,
}

/// The way to a server, and the login for it.
pub(crate) struct CurlTarget {
    /// The server's address, with the base path.
    pub(crate) server: Uri,
    /// The name that its certificate must have, in place of the address.
    pub(crate) server_name: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) certificate: Option<CurlCertificate>,
    pub(crate) login: Option<CurlAuth>,
    /// Headers that are no credential.
    pub(crate) impersonation: HeaderMap,
    pub(crate) proxy: Option<Proxy>,
    /// How long the request may take; `None` is for ever.
    pub(crate) timeout: Option<Duration>,
}

/// Whose certificates are taken.
pub(crate) enum Trust {
    /// Those of the platform's authorities.
    Platform,
    /// Everybody's.
    Everybody,
    /// Those of these authorities.
    Authorities(Source),
}

/// A client certificate and its key.
pub(crate) struct CurlCertificate {
    pub(crate) certificate: Source,
    pub(crate) key: Source,
}

/// What goes into `Authorization`; an exec plugin may answer with a certificate as well.
pub(crate) enum CurlAuth {
    Token(Source),
    Password {
        name: String,
        password: Option<Source>,
    },
    Plugin(CurlPlugin),
}

/// An exec plugin, to be run once.
pub(crate) struct CurlPlugin {
    pub(crate) path: String,
    pub(crate) arguments: Vec<Text>,
    pub(crate) variables: Vec<(String, Source)>,
    /// `$KUBERNETES_EXEC_INFO`, in parts.
    pub(crate) request: Vec<Text>,
    /// It may ask the user.
    pub(crate) is_interactive: bool,
}

/// A proxy on the way.
pub(crate) struct Proxy {
    /// curl's name of its protocol.
    pub(crate) scheme: &'static str,
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// Where its URL is, if there are a name and a password in it.
    pub(crate) credential: Option<Source>,
}

/// A text that may be shown, or where one is that may not.
pub(crate) enum Text {
    Shown(String),
    Hidden(Source),
}

/// Where a text is when the command runs.
#[derive(Clone)]
pub(crate) enum Source {
    /// In a kubeconfig: `file`, or else the one that kubectl finds; at a JSON path.
    Kubeconfig {
        file: Option<String>,
        json_path: String,
    },
    /// In a file.
    File(String),
    /// In a variable of the environment.
    Environment(&'static str),
    /// In the value of a flag, which a variable must hold when the command runs.
    Flag(&'static str),
}

/// Reads one field of what an exec plugin answered, as no shell can read JSON and kubectl can: a
/// kubeconfig may hold anything as an extension.
const FIELD_OF_ANSWER: &str = r#"field() {
  printf 'extensions:\n- name: login\n  extension:\n    %s\n' "${login//$'\n'/$'\n    '}" |
    kubectl config view --raw --kubeconfig=/dev/stdin -o "jsonpath={.extensions[0].extension.status.$1}"
}
token=$(field token)
certificate=$(field clientCertificateData)
"#;

/// Turns a line into the value of an option in curl's configuration.
const QUOTED_FOR_CURL: &str = r#"s/["\\]/\\&/g; s/.*/OPTION = "&"/"#;

/// Leaves `NAME:PASSWORD` of a URL, with its escapes, which curl reads.
const USER_OF_URL: &str = r"s|^[^/]*//\([^/?#]*\)@.*|\1|; s/^[^:]*$/&:/; ";

/// The commands, whose last line has its end. A body is not shown if it `is_secret`.
pub(crate) fn script(
    request: &ApiRequest,
    is_secret: bool,
    given: Option<&BodySource<'_>>,
    way: &CurlTarget,
) -> String {
    let mut script = Script::default();
    script.line("curl --disable --silent --show-error --fail-with-body".to_owned());
    // As they are here: the version of HTTP, a URL that is not rewritten.
    script.line("--http1.1 --path-as-is --globoff".to_owned());
    if let Some(timeout) = way.timeout {
        script.line(format!("--max-time {}", timeout.as_secs_f64()));
    }
    script.proxy(way.proxy.as_ref());
    // One set of certificates is for the server and for a proxy, as in client-go.
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

/// The parts of the text.
#[derive(Default)]
struct Script {
    /// The variables to be set, and what to.
    variables: Vec<(String, String)>,
    /// Other things that the user should know.
    note: Option<&'static str>,
    /// The command whose output is the body.
    body: Option<String>,
    /// The lines of the curl command, without the marks at their ends.
    lines: Vec<String>,
}

impl Script {
    fn line(&mut self, line: String) {
        self.lines.push(line);
    }

    /// A new variable that the user has to set, as a word: `name`, or one like it.
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

    /// A command that prints what is at `source`.
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
            // Of files only tokens are printed, which have no white space, or lose it.
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

    /// What is at `source`, as one word.
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

    /// The name of a file with the PEM text at `source`, which a kubeconfig has in base64.
    fn pem(&mut self, source: &Source) -> String {
        match source {
            Source::File(path) => quoted(path).into_owned(),
            source => format!("<({} | base64 -d)", self.printer(source)),
        }
    }

    /// Says the proxy also where there is none, as curl has its own rules for the environment.
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

    /// Whom to trust, and the client certificate; `prefix` says for which of both connections.
    fn tls(&mut self, way: &CurlTarget, prefix: &str) {
        match &way.trust {
            Trust::Platform => {}
            Trust::Everybody => self.line(format!("{prefix}insecure")),
            Trust::Authorities(source) => {
                let file = self.pem(source);
                // Without a folder of its own curl trusts the platform's authorities as well.
                self.line(format!("{prefix}cacert {file} {prefix}capath /dev/null"));
            }
        }
        if let Some(CurlCertificate { certificate, key }) = &way.certificate {
            let certificate = match certificate {
                // What follows a colon is a passphrase for curl.
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
            // A header that ends with its colon is one that curl leaves out.
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
                let meaning = "the body of the request as it is sent, in JSON".to_owned();
                self.body = Some(format!("printf %s {}", self.variable(name, meaning)));
            }
        }
        self.line("--data-binary @-".to_owned());
    }

    /// The URL. For another name in the certificate it is the URL of that name, and the connection
    /// and the header `Host` are those of the server.
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

    /// All of it. What a plugin answers stays in a shell of its own.
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

    /// The run of an exec plugin.
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
        // stdin may be that of the shell that reads these very commands.
        let stdin = if plugin.is_interactive {
            "/dev/tty"
        } else {
            "/dev/null"
        };
        format!("login=$({command} <{stdin}) || exit\n")
    }
}

impl Source {
    /// A field of an entry of a kubeconfig; `list` and `entry` are `users` and `user`, or
    /// `clusters` and `cluster`.
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

/// An option of curl whose value `printer` prints, after it went through the sed script `before`.
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
        assert!(variable.contains("# set PATCH first: the body of the request as it is sent, in JSON\nprintf %s \"$PATCH\" |\n"), "{variable}");
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
