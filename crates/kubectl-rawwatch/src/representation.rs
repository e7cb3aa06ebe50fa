//! The representation of objects in responses, and the request headers that ask for it.
//!
//! A LIST and a watch use the same representation, so that all lines of a run have the same form.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use kubectl_plugin::Error;
use kubectl_plugin::request::{METADATA, METADATA_LIST};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TABLE: HeaderValue =
    HeaderValue::from_static("application/json;as=Table;g=meta.k8s.io;v=v1,application/json");

/// A representation of objects in responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Representation {
    /// The whole object.
    #[default]
    Object,
    /// The kind and the metadata of the object.
    Metadata,
    /// A table row with the metadata.
    Table,
    /// A table row with the whole object.
    TableWithObject,
}

impl Representation {
    /// Returns the `Accept` of a LIST.
    fn list(self) -> HeaderValue {
        match self {
            Self::Object => JSON,
            Self::Metadata => METADATA_LIST,
            Self::Table | Self::TableWithObject => TABLE,
        }
    }

    /// Returns the `Accept` of a watch, or of a GET.
    fn object(self) -> HeaderValue {
        match self {
            Self::Object => JSON,
            Self::Metadata => METADATA,
            Self::Table | Self::TableWithObject => TABLE,
        }
    }

    /// Returns the `includeObject` parameter (`meta/v1`, `TableOptions`).
    pub(crate) fn include_object(self) -> Option<&'static str> {
        (self == Self::TableWithObject).then_some("Object")
    }
}

/// The headers of all requests of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    /// The headers of `-H`, without `Accept`.
    given: HeaderMap,
    pub(crate) representation: Representation,
}

impl Headers {
    /// Checks the headers of `-H`. `representation` is the one that the output needs.
    pub(crate) fn new(
        flags: &[(HeaderName, HeaderValue)],
        representation: Representation,
    ) -> Result<Self, Error> {
        let mut headers = Self {
            given: HeaderMap::new(),
            representation,
        };
        for (name, value) in flags {
            if name == header::ACCEPT_ENCODING {
                return Err(
                    Error::usage("--header must not set accept-encoding").with_hint(
                        "remove it: a server that compresses a stream holds back its events",
                    ),
                );
            }
            if name == header::ACCEPT {
                headers.representation = accepted(value, representation)?;
            } else {
                headers.given.append(name, value.clone());
            }
        }
        Ok(headers)
    }

    /// Returns the headers of a LIST, which may only need metadata.
    pub(crate) fn list(&self, metadata_only: bool) -> HeaderMap {
        self.with(self.representation_for(metadata_only).list())
    }

    /// Returns the headers of a GET, which may only need metadata.
    pub(crate) fn object(&self, metadata_only: bool) -> HeaderMap {
        self.with(self.representation_for(metadata_only).object())
    }

    /// Returns the headers of a watch.
    pub(crate) fn watch(&self) -> HeaderMap {
        self.object(false)
    }

    fn representation_for(&self, metadata_only: bool) -> Representation {
        if metadata_only {
            Representation::Metadata
        } else {
            self.representation
        }
    }

    fn with(&self, accept: HeaderValue) -> HeaderMap {
        let mut headers = self.given.clone();
        headers.insert(header::ACCEPT, accept);
        // A server that compresses a stream holds back its events.
        let identity = HeaderValue::from_static("identity");
        headers.insert(header::ACCEPT_ENCODING, identity);
        headers
    }
}

/// Parses the user's own `Accept`. Refuses a representation that cannot be watched, or that
/// contradicts the one that is needed.
fn accepted(value: &HeaderValue, needed: Representation) -> Result<Representation, Error> {
    let text = value.to_str().unwrap_or_default();
    let first = text.split(',').next().unwrap_or_default();
    let parameter = |name: &str| {
        first
            .split(';')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let is_json = first.split(';').next().unwrap_or_default().trim() == "application/json";
    let representation = match parameter("as") {
        None if is_json => Representation::Object,
        Some("PartialObjectMetadata") if is_json => Representation::Metadata,
        Some("Table") if is_json => {
            return Err(Error::usage("--header Accept must not request a Table")
                .with_hint("remove the header, and use -o table"));
        }
        _ => {
            return Err(Error::usage(format!(
    "--header Accept: {text} is not supported: rawwatch reads JSON"
            ))
            .with_hint(
    "use application/json, or application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            ));
        }
    };
    match needed {
        Representation::Object => Ok(representation),
        needed if representation == Representation::Object => Ok(needed),
        _ => Err(
            Error::usage("--header Accept and -o table cannot be used together")
                .with_hint("remove the Accept header"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use kubectl_plugin::request::parse_header;

    use super::*;

    fn parse(flags: &[&str], representation: Representation) -> Result<Headers, Error> {
        let flags: Result<Vec<_>, _> = flags.iter().map(|flag| parse_header(flag)).collect();
        Headers::new(&flags.unwrap(), representation)
    }

    #[test]
    fn user_headers_are_sent_but_cannot_set_the_encoding() {
        let headers = parse(&["X-Reason: a", "x-reason: b"], Representation::Object).unwrap();
        for map in [headers.list(false), headers.list(true), headers.watch()] {
            assert_eq!(map.get_all("x-reason").iter().count(), 2);
            assert_eq!(map[header::ACCEPT_ENCODING], "identity");
        }
        assert!(parse(&["accept-encoding: gzip"], Representation::Object).is_err());
    }

    #[test]
    fn a_list_and_a_watch_have_the_same_representation() {
        let metadata = "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        let headers = parse(&[metadata], Representation::Object).unwrap();
        assert_eq!(headers.list(false)[header::ACCEPT], METADATA_LIST);
        assert_eq!(headers.watch()[header::ACCEPT], METADATA);
        let headers = parse(&["Accept: application/json"], Representation::Table).unwrap();
        assert_eq!(headers.watch()[header::ACCEPT], TABLE);
        for (flag, representation) in [
            ("Accept: application/yaml", Representation::Object),
            (
                "Accept: application/json;as=Table;g=meta.k8s.io;v=v1",
                Representation::Object,
            ),
            (
                "Accept: application/json;as=PartialObjectMetadataList",
                Representation::Object,
            ),
            ("Accept: text/html", Representation::Object),
            (metadata, Representation::Table),
        ] {
            assert_eq!(
                parse(&[flag], representation).unwrap_err().exit_code(),
                2,
                "{flag}"
            );
        }
    }
}
