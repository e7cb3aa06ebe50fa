//! `RawPath`: an API path and query that are safe to send as they stand.
//!
//! kubectl decodes a raw path, cleans it, sorts its query and drops what it cannot
//! read, and the API server drops query pairs of its own: `?dryRun=All;fieldManager=x`
//! writes for real. So nothing is rewritten here, and everything that a server may
//! understand in another way than its writer is refused, with the place and the
//! right spelling.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::Error;
use crate::nearest::nearest;

/// What must not stand raw in a path (RFC 3986, `pchar`).
const REFUSED_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'\\')
    .add(b'^')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'[')
    .add(b']');
/// What must not stand raw in a query. Selectors and JSONPath are written with brackets,
/// which every server reads.
const REFUSED_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
/// What a parameter's value is encoded with when a flag adds it.
const VALUE: &AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A checked API path with its query, relative to the server's base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPath {
    path: String,
    query: Option<String>,
    /// `https://host:port` of a pasted URL, until [`RawPath::on_server`] has compared it.
    origin: Option<String>,
}

/// What an API path is about, by the rules of the API server
/// (`apiserver/pkg/endpoints/request/requestinfo.go`). Names are percent-decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Empty for the core group.
    pub group: String,
    /// For example `v1`.
    pub version: String,
    /// None for cluster-scoped objects, and for all namespaces.
    pub namespace: Option<String>,
    /// The plural, for example `deployments`.
    pub resource: String,
    /// None for a collection.
    pub name: Option<String>,
    /// For example `scale`.
    pub subresource: Option<String>,
}

impl Resource {
    /// Whether the data of a Secret may be in what the server says.
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.resource == "secrets"
    }
}

impl RawPath {
    /// Takes `text` as it is: nothing is checked but that it can be sent.
    pub fn verbatim(text: &str) -> Result<Self, Error> {
        let raw_path = Self::split(text)?;
        raw_path.to_string().parse::<Uri>().map_err(|error| {
            Error::usage(format!("PATH cannot be sent: {error}"))
                .hinted("percent-encode what is no letter, digit or `-._~` in it")
        })?;
        Ok(raw_path)
    }

    fn split(text: &str) -> Result<Self, Error> {
        if let Some(offset) = text.find('#') {
            return Err(Error::usage(format!(
                "PATH has a `#` at byte {offset}, and what follows it would not be sent"
            ))
            .hinted("write `%23` for a `#` that belongs to a value"));
        }
        let (origin, rest) = match text.find("://") {
            Some(end_of_scheme) if !text[..end_of_scheme].contains(['/', '?']) => {
                let end = text[end_of_scheme + 3..]
                    .find(['/', '?'])
                    .map_or(text.len(), |length| end_of_scheme + 3 + length);
                (Some(text[..end].to_owned()), &text[end..])
            }
            _ => (None, text),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (rest, None),
        };
        if !path.starts_with('/') {
            return Err(Error::usage("PATH must start with `/`").hinted(match path {
                path if path.starts_with("api") => format!("did you mean `/{path}`?"),
                path if path.contains(":/") || path.contains(":\\") => {
                    "a Unix-like shell on Windows rewrites paths: set MSYS_NO_PATHCONV=1".to_owned()
                }
                _ => "an API path is, for example, `/apis/apps/v1/namespaces/default/deployments/NAME`"
                    .to_owned(),
            }));
        }
        Ok(Self {
            path: path.to_owned(),
            query,
            origin,
        })
    }

    /// The place of a part of this path in what the user typed.
    fn offset(&self, part: &str) -> usize {
        let inside = |whole: &str| {
            let distance = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
            (distance <= whole.len()).then_some(distance)
        };
        let before = self.origin.as_ref().map_or(0, String::len);
        match (inside(&self.path), self.query.as_deref().and_then(inside)) {
            (Some(distance), _) => before + distance,
            (None, Some(distance)) => before + self.path.len() + 1 + distance,
            (None, None) => before,
        }
    }

    fn check_path(&self) -> Result<(), Error> {
        let refuse = |part: &str, what: &str, hint: String| {
            Err(Error::usage(format!("PATH has {what} at byte {}", self.offset(part))).hinted(hint))
        };
        check_characters(self, &self.path, REFUSED_IN_PATH)?;
        let mut behind_proxy = false;
        for segment in self.path[1..].split('/') {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            match decoded.as_ref() {
                "" => {
                    return refuse(
                        segment,
                        "an empty segment (`//`)",
                        "is a variable empty? without a namespace, a path means all of them"
                            .to_owned(),
                    );
                }
                "." | ".." => {
                    return refuse(
                        segment,
                        &format!("a `{decoded}` segment"),
                        "write the path out: it is sent as it stands, and nothing resolves it"
                            .to_owned(),
                    );
                }
                _ if decoded.contains('/') && !behind_proxy => {
                    return refuse(
                        segment,
                        "an encoded slash (`%2F`)",
                        format!(
                            "the server would read it as `{decoded}`; write a `/` if you mean one"
                        ),
                    );
                }
                _ => behind_proxy |= segment == "proxy",
            }
        }
        Ok(())
    }

    fn check_query(&self) -> Result<(), Error> {
        let Some(query) = &self.query else {
            return Ok(());
        };
        check_characters(self, query, REFUSED_IN_QUERY)?;
        if let Some(place) = query.find(';') {
            return Err(Error::usage(format!(
                "PATH has a raw `;` in its query at byte {}: the server drops such a pair unread",
                self.offset(&query[place..])
            ))
            .hinted("separate parameters with `&`, or write `%3B` for a `;` inside a value"));
        }
        Ok(())
    }

    /// Refuses a parameter that is none of `known`, and one given twice. What is behind
    /// `/proxy/` belongs to another server and is not judged.
    pub fn check_parameters(&self, known: &[&str]) -> Result<(), Error> {
        if self.is_proxied() {
            return Ok(());
        }
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for (pair, name, _) in self.pairs() {
            let offset = self.offset(pair);
            if !known.contains(&name.as_ref()) {
                let hint = nearest(&name, known.iter().copied()).map_or_else(
                    || format!("the server would ignore it; it knows {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(Error::usage(format!(
                    "PATH has the unknown parameter `{name}` at byte {offset}"
                ))
                .hinted(hint));
            }
            if seen.contains(&name) {
                return Err(Error::usage(format!(
                    "PATH has the parameter `{name}` a second time at byte {offset}"
                ))
                .hinted("the server reads only one of them"));
            }
            seen.push(name);
        }
        Ok(())
    }

    /// The query's pairs as they stand, each with its decoded name and value.
    fn pairs(&self) -> impl Iterator<Item = (&str, Cow<'_, str>, Cow<'_, str>)> {
        self.query
            .iter()
            .flat_map(|query| query.split('&'))
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (pair, decode_form(name), decode_form(value))
            })
    }

    /// The decoded value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        self.pairs()
            .find(|(_, found, _)| found == name)
            .map(|(_, _, value)| value)
    }

    /// Adds a parameter that `flag` asks for. One that is there already stays when it
    /// says the same, and is an error when it does not.
    pub fn add_parameter(&mut self, name: &str, value: &str, flag: &str) -> Result<(), Error> {
        match self.parameter(name) {
            Some(present) if present == value => return Ok(()),
            Some(present) => {
                return Err(
                    Error::usage(format!("{flag} contradicts `{name}={present}` in PATH"))
                        .hinted("leave one of them out"),
                );
            }
            None => {}
        }
        self.add_default(name, value);
        Ok(())
    }

    /// Adds a parameter unless PATH has one of this name.
    pub fn add_default(&mut self, name: &str, value: &str) {
        if self.parameter(name).is_some() {
            return;
        }
        let pair = format!("{name}={}", utf8_percent_encode(value, VALUE));
        match &mut self.query {
            Some(query) if query.is_empty() || query.ends_with('&') => query.push_str(&pair),
            Some(query) => {
                query.push('&');
                query.push_str(&pair);
            }
            None => self.query = Some(pair),
        }
    }

    /// Appends a subresource. One that is there already must be the same.
    pub fn add_subresource(&mut self, subresource: &str) -> Result<(), Error> {
        let Some(Resource {
            name: Some(_),
            subresource: present,
            ..
        }) = self.resource()
        else {
            return Err(Error::usage(format!(
                "--subresource={subresource} needs the path of one object"
            )));
        };
        match present {
            None => {
                self.path.push('/');
                self.path.extend(utf8_percent_encode(subresource, VALUE));
                Ok(())
            }
            Some(present) if present == subresource => Ok(()),
            Some(present) => Err(Error::usage(format!(
                "--subresource={subresource} contradicts `/{present}` in PATH"
            ))
            .hinted("leave one of them out")),
        }
    }

    /// Refuses a namespace other than the one in the path.
    pub fn check_namespace(&self, namespace: &str) -> Result<(), Error> {
        match self.resource().and_then(|resource| resource.namespace) {
            Some(present) if present != namespace => Err(Error::usage(format!(
                "--namespace={namespace} contradicts `/namespaces/{present}` in PATH"
            ))
            .hinted(
                "the namespace of a raw request is the one in its path: leave out --namespace",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the request goes on to a node, Pod or Service behind the API server.
    pub fn is_proxied(&self) -> bool {
        self.resource()
            .is_some_and(|resource| resource.subresource.as_deref() == Some("proxy"))
    }

    /// The path alone, as it stands.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the path is about; `None` for one outside `/api/VERSION` and `/apis/GROUP/VERSION`.
    pub fn resource(&self) -> Option<Resource> {
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let mut segments = self.path.trim_matches('/').split('/').map(decode);
        let (group, version) = match segments.next()?.as_str() {
            "api" => (String::new(), segments.next()?),
            "apis" => (segments.next()?, segments.next()?),
            _ => return None,
        };
        let mut parts: Vec<String> = segments.collect();
        let mut namespace = None;
        if let [first, second, rest @ ..] = parts.as_slice()
            && first == "namespaces"
        {
            namespace = Some(second.clone());
            let of_the_namespace_itself = rest
                .first()
                .is_none_or(|part| ["status", "finalize"].contains(&part.as_str()));
            if !of_the_namespace_itself {
                parts.drain(..2);
            }
        }
        let mut parts = parts.into_iter();
        Some(Resource {
            group,
            version,
            namespace,
            resource: parts
                .next()
                .filter(|part| !["watch", "proxy"].contains(&part.as_str()))?,
            name: parts.next(),
            subresource: parts.next(),
        })
    }

    /// The path for a request to `server`: a pasted URL must be of that server, and its
    /// base path is not doubled.
    pub fn on_server(mut self, server: &Uri) -> Result<Self, Error> {
        let Some(origin) = self.origin.take() else {
            return Ok(self);
        };
        let same = origin.parse::<Uri>().is_ok_and(|given| {
            given.scheme() == server.scheme()
                && given.host().map(str::to_ascii_lowercase)
                    == server.host().map(str::to_ascii_lowercase)
                && port(&given) == port(server)
        });
        if !same {
            return Err(Error::usage(format!(
                "PATH is a URL of {}, and the kubeconfig's server is {}",
                redact_userinfo(&origin),
                server
                    .authority()
                    .map_or("", |authority| authority.as_str()),
            ))
            .hinted("give the path alone, or the context of that server"));
        }
        let base = server.path().trim_end_matches('/');
        if let Some(rest) = self.path.strip_prefix(base)
            && rest.starts_with('/')
        {
            self.path = String::from(rest);
        }
        Ok(self)
    }
}

impl FromStr for RawPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut raw_path = Self::split(text)?;
        if raw_path.path.len() > 1 && !raw_path.path.ends_with("//") {
            raw_path
                .path
                .truncate(raw_path.path.trim_end_matches('/').len());
        }
        if raw_path.path.len() > 1 {
            raw_path.check_path()?;
        }
        raw_path.check_query()?;
        Ok(raw_path)
    }
}

impl Display for RawPath {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        self.query
            .iter()
            .try_for_each(|query| write!(formatter, "?{query}"))
    }
}

/// Refuses raw characters that must be encoded, and a `%` that starts no escape.
fn check_characters(whole: &RawPath, part: &str, refused: &'static AsciiSet) -> Result<(), Error> {
    let problem = part.char_indices().find_map(|(place, character)| {
        let rest = &part[place..];
        let text = &rest[..character.len_utf8()];
        let encoded = utf8_percent_encode(text, refused).to_string();
        if encoded != text {
            return Some((
                rest,
                format!("a raw {character:?}"),
                format!("write `{encoded}`"),
            ));
        }
        let is_escape = rest
            .as_bytes()
            .get(1..3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        (character == '%' && !is_escape).then(|| {
            (
                rest,
                "a `%` that starts no escape".to_owned(),
                "write `%25` for a `%`".to_owned(),
            )
        })
    });
    problem.map_or(Ok(()), |(rest, what, hint)| {
        Err(Error::usage(format!("PATH has {what} at byte {}", whole.offset(rest))).hinted(hint))
    })
}

/// Decodes a name or value as an HTML form does, which is how the server reads it.
fn decode_form(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
    } else {
        percent_decode_str(text).decode_utf8_lossy()
    }
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    uri.port_u16().unwrap_or(default)
}

fn redact_userinfo(origin: &str) -> String {
    match (origin.find("://"), origin.rfind('@')) {
        (Some(scheme), Some(at)) => format!("{}{}", &origin[..scheme + 3], &origin[at + 1..]),
        _ => origin.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RawPath {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refusal(text: &str) -> String {
        let error = text.parse::<RawPath>().expect_err(text);
        format!("{error}; {}", error.hint().unwrap_or_default())
    }

    #[test]
    fn a_sound_path_is_sent_as_it_stands() {
        for text in [
            "/",
            "/healthz",
            "/api/v1/namespaces/default/pods/p?b=2&a=1&a=0",
            "/apis/g.io/v1/foos?labelSelector=a%3Db,c+in+(d)&fieldSelector=metadata.name=x",
            "/api/v1/namespaces/n/services/s/proxy/a%2Fb?x",
            "/api/v1/nodes/n%3A1",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        assert_eq!(parse("/api/v1/pods/").to_string(), "/api/v1/pods");
    }

    #[test]
    fn what_is_ambiguous_is_refused_with_place_and_spelling() {
        for (text, place, remedy) in [
            ("", "must start with `/`", "for example"),
            (
                "api/v1/pods",
                "must start with `/`",
                "did you mean `/api/v1/pods`?",
            ),
            (
                "C:/Program Files/Git/apis",
                "must start with `/`",
                "MSYS_NO_PATHCONV",
            ),
            ("/api/v1//pods", "`//`) at byte 8", "variable empty"),
            ("/api/v1/pods//", "`//`) at byte 13", "variable empty"),
            ("/api/./v1", "`.` segment at byte 5", "write the path out"),
            (
                "/api/v1/x/../y",
                "`..` segment at byte 10",
                "write the path out",
            ),
            (
                "/api/v1/%2e%2E/y",
                "`..` segment at byte 8",
                "write the path out",
            ),
            ("/api/v1/a%2Fb", "(`%2F`) at byte 8", "read it as `a/b`"),
            ("/api/v1/a%zz", "no escape at byte 9", "`%25`"),
            ("/api/v1/a b", "' ' at byte 9", "`%20`"),
            ("/api/v1/é", "'é' at byte 8", "`%C3%A9`"),
            ("/a?x=1;y=2", "raw `;` in its query at byte 6", "`%3B`"),
            ("/a?dryRun=%zzAll", "no escape at byte 10", "`%25`"),
            ("/a?x=a b", "' ' at byte 6", "`%20`"),
            ("/a?x=1#y", "`#` at byte 6", "`%23`"),
        ] {
            let refusal = refusal(text);
            assert!(
                refusal.contains(place) && refusal.contains(remedy),
                "{text}: {refusal}"
            );
        }
    }

    #[test]
    fn unknown_and_doubled_parameters_are_refused() {
        let check = |text: &str| parse(text).check_parameters(&["dryRun", "force"]);
        assert!(check("/a?dryRun=All&force=true").is_ok());
        assert!(check("/api/v1/namespaces/n/services/s/proxy/x?any=1").is_ok());
        let error = check("/a?force=true&dryrun=All").unwrap_err();
        assert_eq!(
            error.to_string(),
            "error: PATH has the unknown parameter `dryrun` at byte 14"
        );
        assert_eq!(error.hint(), Some("did you mean `dryRun`?"));
        let error = check("/a?force=true&force=false").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`force` a second time at byte 14")
        );
    }

    #[test]
    fn flags_only_add_what_is_not_there() {
        let mut path = parse("/a?x=1");
        path.add_parameter("x", "1", "--x").unwrap();
        path.add_parameter("y", "a b&c", "--y").unwrap();
        path.add_default("x", "2");
        assert_eq!(path.to_string(), "/a?x=1&y=a%20b%26c");
        assert_eq!(path.parameter("y").as_deref(), Some("a b&c"));
        assert!(
            path.add_parameter("x", "2", "--x")
                .unwrap_err()
                .to_string()
                .contains("--x contradicts `x=1`")
        );
    }

    #[test]
    fn the_api_servers_rules_say_what_a_path_is_about() {
        let about = |text: &str| {
            parse(text).resource().map(|about| {
                let part = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
                [
                    about.group,
                    about.version,
                    part(about.namespace),
                    about.resource,
                    part(about.name),
                    part(about.subresource),
                ]
                .join(" ")
            })
        };
        for (path, expected) in [
            ("/api/v1/pods", Some(" v1 - pods - -")),
            ("/api/v1/namespaces", Some(" v1 - namespaces - -")),
            ("/api/v1/namespaces/n", Some(" v1 n namespaces n -")),
            (
                "/api/v1/namespaces/n/status",
                Some(" v1 n namespaces n status"),
            ),
            ("/api/v1/namespaces/n/pods/p/log", Some(" v1 n pods p log")),
            (
                "/apis/apps/v1/namespaces/n/deployments/d/scale",
                Some("apps v1 n deployments d scale"),
            ),
            ("/apis/g/v1/foos/a%3Ab", Some("g v1 - foos a:b -")),
            ("/api/v1/watch/namespaces/n/pods", None),
            ("/apis/apps/v1", None),
            ("/healthz", None),
        ] {
            assert_eq!(about(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_pasted_url_must_be_of_the_same_server() {
        let server: Uri = "https://Host.example:443/k8s/c-1/".parse().unwrap();
        let on = |text: &str| parse(text).on_server(&server).map(|path| path.to_string());
        assert_eq!(
            on("https://host.example/k8s/c-1/api/v1/pods?a=1").unwrap(),
            "/api/v1/pods?a=1"
        );
        assert_eq!(on("/api/v1").unwrap(), "/api/v1");
        for other in [
            "https://other/api",
            "http://host.example/api",
            "https://host.example:6443/api",
        ] {
            assert!(
                on(other)
                    .unwrap_err()
                    .to_string()
                    .contains("the kubeconfig's server is"),
                "{other}"
            );
        }
        let error = on("https://user:secret@other/api").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_subresource_is_appended_once() {
        let mut path = parse("/apis/apps/v1/namespaces/n/deployments/d?x=1");
        path.add_subresource("scale").unwrap();
        path.add_subresource("scale").unwrap();
        assert_eq!(
            path.to_string(),
            "/apis/apps/v1/namespaces/n/deployments/d/scale?x=1"
        );
        assert!(path.add_subresource("status").is_err());
        assert!(parse("/api/v1/pods").add_subresource("status").is_err());
    }
}
