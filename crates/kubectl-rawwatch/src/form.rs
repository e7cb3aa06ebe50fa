//! The form in which the server is asked for objects, and the headers of a request that ask for it.
//!
//! A LIST and a watch must have the same form, so that all lines of a run do.

use http::{HeaderMap, HeaderValue, header};
use kubectl_plugin::Error;
use kubectl_plugin::request::parse_header;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A server that cannot do a form sends whole objects.
const METADATA: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
);
const METADATA_LIST: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);
const TABLE: HeaderValue =
    HeaderValue::from_static("application/json;as=Table;g=meta.k8s.io;v=v1,application/json");

/// What the server makes of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// All of it.
    #[default]
    Object,
    /// Its kind and its metadata.
    Metadata,
    /// A row of its columns, with its metadata.
    Table,
    /// A row of its columns, with all of it.
    TableWithObject,
}

impl Form {
    /// The `Accept` of a LIST.
    fn list(self) -> HeaderValue {
        match self {
            Self::Object => JSON,
            Self::Metadata => METADATA_LIST,
            Self::Table | Self::TableWithObject => TABLE,
        }
    }

    /// The `Accept` of a watch.
    fn watch(self) -> HeaderValue {
        match self {
            Self::Object => JSON,
            Self::Metadata => METADATA,
            Self::Table | Self::TableWithObject => TABLE,
        }
    }

    /// The `includeObject` that goes with it (`meta/v1`, `TableOptions`).
    pub(crate) fn include_object(self) -> Option<&'static str> {
        (self == Self::TableWithObject).then_some("Object")
    }
}

/// The headers of all requests of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    /// Those of `-H`, without an `Accept`.
    given: HeaderMap,
    pub(crate) form: Form,
}

impl Headers {
    /// Reads every `-H`; `form` is what the output needs.
    pub(crate) fn parse(flags: &[String], form: Form) -> Result<Self, Error> {
        let mut headers = Self {
            given: HeaderMap::new(),
            form,
        };
        for flag in flags {
            let (name, value) = parse_header(flag)?;
            if name == header::ACCEPT_ENCODING {
                return Err(Error::usage("--header must not set accept-encoding")
                    .hinted("a server that compresses a stream holds its events back to do so"));
            }
            if name == header::ACCEPT {
                headers.form = accepted(&value, form)?;
            } else {
                headers.given.append(name, value);
            }
        }
        Ok(headers)
    }

    /// Those of a LIST, of metadata alone if only that is needed.
    pub(crate) fn list(&self, metadata_only: bool) -> HeaderMap {
        let form = if metadata_only {
            Form::Metadata
        } else {
            self.form
        };
        self.with(form.list())
    }

    /// Those of a watch.
    pub(crate) fn watch(&self) -> HeaderMap {
        self.with(self.form.watch())
    }

    fn with(&self, accept: HeaderValue) -> HeaderMap {
        let mut headers = self.given.clone();
        headers.insert(header::ACCEPT, accept);
        // A server that compresses a stream holds events back to do so.
        let identity = HeaderValue::from_static("identity");
        headers.insert(header::ACCEPT_ENCODING, identity);
        headers
    }
}

/// The form that the user's own `Accept` asks for.
fn accepted(value: &HeaderValue, needed: Form) -> Result<Form, Error> {
    let text = value.to_str().unwrap_or_default();
    let first = text.split(',').next().unwrap_or_default();
    let parameter = |name: &str| {
        first
            .split(';')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let is_json = first.split(';').next().unwrap_or_default().trim() == "application/json";
    let form = match parameter("as") {
        None if is_json => Form::Object,
        Some("PartialObjectMetadata") if is_json => Form::Metadata,
        Some("Table") if is_json => {
            return Err(Error::usage("--header Accept asks for tables").hinted("use -o table"));
        }
        _ => {
            return Err(Error::usage(format!(
                "--header Accept: {text:?} is nothing that can be watched here"
            ))
            .hinted(
                "application/json, or application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            ));
        }
    };
    match needed {
        Form::Object => Ok(form),
        needed if form == Form::Object => Ok(needed),
        _ => Err(Error::usage(
            "--header Accept and -o table do not fit together",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str], form: Form) -> Result<Headers, Error> {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        Headers::parse(&flags, form)
    }

    #[test]
    fn own_headers_go_with_every_request_and_decide_no_encoding() {
        let headers = parse(&["X-Reason: a", "x-reason: b"], Form::Object).unwrap();
        for map in [headers.list(false), headers.list(true), headers.watch()] {
            assert_eq!(map.get_all("x-reason").iter().count(), 2);
            assert_eq!(map[header::ACCEPT_ENCODING], "identity");
        }
        assert!(parse(&["accept-encoding: gzip"], Form::Object).is_err());
    }

    #[test]
    fn a_list_and_a_watch_have_the_same_form() {
        let metadata = "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        let headers = parse(&[metadata], Form::Object).unwrap();
        assert_eq!(headers.list(false)[header::ACCEPT], METADATA_LIST);
        assert_eq!(headers.watch()[header::ACCEPT], METADATA);
        let headers = parse(&["Accept: application/json"], Form::Table).unwrap();
        assert_eq!(headers.watch()[header::ACCEPT], TABLE);
        for (flag, form) in [
            ("Accept: application/yaml", Form::Object),
            (
                "Accept: application/json;as=Table;g=meta.k8s.io;v=v1",
                Form::Object,
            ),
            (
                "Accept: application/json;as=PartialObjectMetadataList",
                Form::Object,
            ),
            ("Accept: text/html", Form::Object),
            (metadata, Form::Table),
        ] {
            assert_eq!(parse(&[flag], form).unwrap_err().exit_code(), 2, "{flag}");
        }
    }
}
