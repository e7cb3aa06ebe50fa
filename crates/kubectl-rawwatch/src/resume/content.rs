//! The content of the resume file: a JSON document, and the names that were appended to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Deserializer;

use crate::cluster::Cluster;
use crate::watcher::saved::Saved;

/// The format of the file. Files of format 0 have no such number.
const FORMAT: u32 = 1;

/// The document. It is written from references and read into values.
#[derive(Serialize, Deserialize)]
pub(super) struct Content<S> {
    #[serde(default)]
    format: u32,
    /// The UID of the cluster, or its address in format 0 if the UID could not be read.
    server: String,
    #[serde(default)]
    address: String,
    pub(super) paths: Vec<PathContent<S>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PathContent<S> {
    /// The path with its selectors.
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) saved: S,
}

/// The objects of a page whose lines may have been printed.
#[derive(Serialize, Deserialize)]
pub(super) struct Announcement {
    /// The number of the path.
    pub(super) path: usize,
    /// The keys of the objects and their UIDs.
    pub(super) listed: BTreeMap<String, String>,
}

/// The reason why a content cannot be used.
pub(super) enum ContentError {
    /// It has a format of a later version.
    Newer(u32),
    /// It is not the content of a resume file.
    Other,
}

impl<S> Content<S> {
    pub(super) fn new(cluster: &Cluster, paths: Vec<PathContent<S>>) -> Self {
        Self {
            format: FORMAT,
            server: cluster.uid.clone().unwrap_or_default(),
            address: cluster.address.clone(),
            paths,
        }
    }

    /// Returns the cluster that the file was saved for.
    pub(super) fn cluster(&self) -> Cluster {
        // In format 0, the address replaces the UID.
        if self.server.starts_with("http") {
            return Cluster {
                uid: None,
                address: self.server.clone(),
            };
        }
        Cluster {
            uid: Some(self.server.clone()).filter(|uid| !uid.is_empty()),
            address: self.address.clone(),
        }
    }
}

/// Parses the content of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<Content<Saved>, ContentError> {
    #[derive(Deserialize)]
    struct Format {
        #[serde(default)]
        format: u32,
    }
    let mut formats = Deserializer::from_slice(bytes).into_iter::<Format>();
    if let Some(Ok(Format { format })) = formats.next()
        && format > FORMAT
    {
        return Err(ContentError::Newer(format));
    }
    let mut documents = Deserializer::from_slice(bytes).into_iter::<Content<Saved>>();
    let Some(Ok(mut content)) = documents.next() else {
        return Err(ContentError::Other);
    };
    let rest = &bytes[documents.byte_offset()..];
    // The last announcement may be torn. Then none of its lines were printed.
    let announcements = Deserializer::from_slice(rest).into_iter::<Announcement>();
    for announcement in announcements.map_while(Result::ok) {
        if let Some(path) = content.paths.get_mut(announcement.path) {
            for (key, uid) in announcement.listed {
                path.saved.index.announce(key, &uid);
            }
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"server":"u-1","paths":[{"path":"/p","cursor":null,"index":{"n/a":{"uid":"a","version":"1"}}}]}"#;

    #[test]
    fn older_files_are_read_and_newer_ones_are_named() {
        let content = parse(OLD.as_bytes()).ok().unwrap();
        assert_eq!(content.cluster().uid.as_deref(), Some("u-1"));
        let with_address = OLD.replace("u-1", "https://server:6443/");
        let cluster = parse(with_address.as_bytes()).ok().unwrap().cluster();
        assert_eq!(
            (cluster.uid, cluster.address.as_str()),
            (None, "https://server:6443/")
        );
        let newer = br#"{"format":2,"other":true}"#;
        assert!(matches!(parse(newer), Err(ContentError::Newer(2))));
        for other in ["", "{}", "[]", "{\"format\":1}"] {
            assert!(
                matches!(parse(other.as_bytes()), Err(ContentError::Other)),
                "{other}"
            );
        }
    }

    #[test]
    fn announced_objects_are_added_up_to_a_torn_announcement() {
        let announced = "\n{\"path\":0,\"listed\":{\"n/a\":\"a\",\"n/b\":\"b\"}}\n{\"path\":7,\"listed\":{\"x\":\"x\"}}";
        let torn = "\n{\"path\":0,\"listed\":{\"n/c\":";
        let content = parse(format!("{OLD}{announced}{torn}").as_bytes())
            .ok()
            .unwrap();
        let index = &content.paths[0].saved.index;
        let known: Vec<_> = index
            .objects()
            .map(|(key, known)| (key, known.version.to_string()))
            .collect();
        assert_eq!(known, [("n/a", "1".to_owned()), ("n/b", String::new())]);
    }
}
