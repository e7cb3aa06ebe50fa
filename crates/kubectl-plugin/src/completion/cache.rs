//! A cache of the server's recent responses, in files that only the user may read.
//!
//! It is next to kubectl's discovery cache (`cli-runtime/pkg/genericclioptions/config_flags.go`): a folder
//! per server, a file per user and key. Every failure counts as a miss: a file that is unreadable, too
//! old, or for another key, and a file that cannot be written.

use std::env;
use std::fs;
use std::fs::{DirBuilder, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How old a file may get before it is removed.
pub(super) const MAX_AGE: Duration = Duration::from_mins(10);

/// A server's responses to one user.
pub(super) struct Cache {
    folder: PathBuf,
    /// Identifies the user, and the route to the server.
    identity: String,
}

/// The contents of a file. It repeats its key, because two keys may have the same hash.
#[derive(Serialize, Deserialize)]
struct Entry<T> {
    identity: String,
    key: String,
    value: T,
}

impl Cache {
    /// Opens the cache for a server's address and a user. Returns `None` if there is no home folder.
    pub(super) fn new(server: &str, identity: String) -> Option<Self> {
        let folder = match env::var_os("KUBECACHEDIR") {
            Some(folder) if !folder.is_empty() => PathBuf::from(folder),
            _ => env::home_dir()
                .filter(|home| home.is_dir())?
                .join(".kube/cache"),
        };
        let server = server
            .split("://")
            .last()
            .unwrap_or_default()
            .trim_end_matches('/');
        let server: String = server.chars().map(file_name_character).collect();
        Some(Self {
            folder: folder.join("completion").join(server),
            identity,
        })
    }

    /// Returns the value for a key, if it is no older than `max_age`.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str, max_age: Duration) -> Option<T> {
        let path = self.path(key);
        let written = fs::metadata(&path).ok()?.modified().ok()?;
        // Fails for a time in the future.
        if SystemTime::now().duration_since(written).ok()? > max_age {
            return None;
        }
        let entry: Entry<T> = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (entry.identity == self.identity && entry.key == key).then_some(entry.value)
    }

    /// Stores a value, and removes outdated files.
    pub(super) fn put<T: Serialize>(&self, key: &str, value: &T) {
        let entry = Entry {
            identity: self.identity.clone(),
            key: key.to_owned(),
            value,
        };
        let Ok(text) = serde_json::to_vec(&entry) else {
            return;
        };
        let path = self.path(key);
        let unfinished = path.with_extension(format!("{}.new", process::id()));
        let written = private_folder()
            .create(&self.folder)
            .and_then(|()| private_file(&unfinished)?.write_all(&text))
            .and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        self.remove_outdated();
    }

    fn remove_outdated(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let age = written.ok().and_then(|written| written.elapsed().ok());
            if age.is_some_and(|age| age > MAX_AGE) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (&self.identity, key).hash(&mut hasher);
        self.folder.join(format!("{:016x}.json", hasher.finish()))
    }
}

/// Replaces a character that a file name should not contain, in the way of kubectl's cache.
fn file_name_character(character: char) -> char {
    if character.is_ascii_alphanumeric() || character == '.' {
        character
    } else {
        '_'
    }
}

fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn cache(folder: &Path, identity: &str) -> Cache {
        Cache {
            folder: folder.join("a/b"),
            identity: identity.to_owned(),
        }
    }

    #[test]
    fn a_value_is_returned_to_its_user_until_it_is_too_old() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, yours) = (cache(folder.path(), "me"), cache(folder.path(), "you"));
        mine.put("key", &vec![1, 2]);
        assert_eq!(mine.get("key", MAX_AGE), Some(vec![1, 2]));
        assert_eq!(mine.get::<Vec<i32>>("other", MAX_AGE), None);
        assert_eq!(yours.get::<Vec<i32>>("key", MAX_AGE), None);
        assert_eq!(mine.get::<String>("key", MAX_AGE), None);

        // Simulates another key with the same hash.
        fs::copy(mine.path("key"), mine.path("other")).unwrap();
        assert_eq!(mine.get::<Vec<i32>>("other", MAX_AGE), None);

        let file = File::options().write(true).open(mine.path("key")).unwrap();
        let minutes_ago = |minutes: u64| SystemTime::now() - Duration::from_secs(60 * minutes);
        file.set_modified(minutes_ago(5)).unwrap();
        assert_eq!(mine.get("key", MAX_AGE), Some(vec![1, 2]));
        assert_eq!(mine.get::<Vec<i32>>("key", Duration::from_mins(1)), None);
        file.set_modified(minutes_ago(11)).unwrap();
        assert_eq!(mine.get::<Vec<i32>>("key", MAX_AGE), None);
        file.set_modified(SystemTime::now() + MAX_AGE).unwrap();
        assert_eq!(mine.get::<Vec<i32>>("key", MAX_AGE), None);

        file.set_modified(minutes_ago(11)).unwrap();
        yours.put("key", &0);
        assert!(!mine.path("key").exists(), "an outdated file is removed");
        assert!(mine.path("other").exists());
    }

    #[test]
    fn files_and_folders_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path(), "me");
        cache.put("key", &1);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.folder), 0o700);
        assert_eq!(mode(&folder.path().join("a")), 0o700);
        assert_eq!(mode(&cache.path("key")), 0o600);
        assert_eq!(
            fs::read_dir(&cache.folder).unwrap().count(),
            1,
            "no unfinished file is left"
        );
    }
}
