//! What the server said a moment ago, in files that only the user may read.
//!
//! They are beside kubectl's own discovery cache (`cli-runtime/pkg/genericclioptions/config_flags.go`),
//! in a folder a server, a file a question and user. A file that cannot be read, is too old
//! or is not about the same question counts as missing, and failing to write one as nothing.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::PathBuf;
use std::process;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How old anything may get.
pub(super) const LONGEST: Duration = Duration::from_mins(10);

/// The answers to one user's questions to one server.
pub(super) struct Cache {
    folder: PathBuf,
    /// Whose.
    owner: String,
}

/// What is in a file. Questions differ, hashes of them may not.
#[derive(Serialize, Deserialize)]
struct Entry<T> {
    owner: String,
    question: String,
    answer: T,
}

impl Cache {
    /// `server` is an address, and `owner` says by which way and as whom it is asked. `None` where
    /// there is no home.
    pub(super) fn new(server: &str, owner: String) -> Option<Self> {
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
        let server: String = server.chars().map(as_in_a_name).collect();
        Some(Self {
            folder: folder.join("completion").join(server),
            owner,
        })
    }

    /// The answer to a question, if it is there and not older than `age`.
    pub(super) fn get<T: DeserializeOwned>(&self, question: &str, age: Duration) -> Option<T> {
        let path = self.path(question);
        let written = fs::metadata(&path).ok()?.modified().ok()?;
        // One from the future is as good as none.
        if SystemTime::now().duration_since(written).ok()? > age {
            return None;
        }
        let entry: Entry<T> = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (entry.owner == self.owner && entry.question == question).then_some(entry.answer)
    }

    /// Keeps an answer, and removes what is out of date.
    pub(super) fn put<T: Serialize>(&self, question: &str, answer: &T) {
        let entry = Entry {
            owner: self.owner.clone(),
            question: question.to_owned(),
            answer,
        };
        let Ok(text) = serde_json::to_vec(&entry) else {
            return;
        };
        let path = self.path(question);
        let unfinished = path.with_extension(format!("{}.new", process::id()));
        let written = private_folder()
            .create(&self.folder)
            .and_then(|()| private_file(&unfinished)?.write_all(&text))
            .and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        self.clean();
    }

    fn clean(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let age = written.ok().and_then(|written| written.elapsed().ok());
            if age.is_some_and(|age| age > LONGEST) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, question: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (&self.owner, question).hash(&mut hasher);
        self.folder.join(format!("{:016x}.json", hasher.finish()))
    }
}

fn as_in_a_name(character: char) -> char {
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

fn private_file(path: &std::path::Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn cache(folder: &std::path::Path, owner: &str) -> Cache {
        Cache {
            folder: folder.join("a/b"),
            owner: owner.to_owned(),
        }
    }

    #[test]
    fn an_answer_is_for_its_user_and_question_until_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, yours) = (cache(folder.path(), "me"), cache(folder.path(), "you"));
        mine.put("q", &vec![1, 2]);
        assert_eq!(mine.get("q", LONGEST), Some(vec![1, 2]));
        assert_eq!(mine.get::<Vec<i32>>("other", LONGEST), None);
        assert_eq!(yours.get::<Vec<i32>>("q", LONGEST), None);
        assert_eq!(mine.get::<String>("q", LONGEST), None);

        // Another question whose hash is the same.
        fs::copy(mine.path("q"), mine.path("other")).unwrap();
        assert_eq!(mine.get::<Vec<i32>>("other", LONGEST), None);

        let file = File::options().write(true).open(mine.path("q")).unwrap();
        let minutes_ago = |minutes: u64| SystemTime::now() - Duration::from_secs(60 * minutes);
        file.set_modified(minutes_ago(5)).unwrap();
        assert_eq!(mine.get("q", LONGEST), Some(vec![1, 2]));
        assert_eq!(mine.get::<Vec<i32>>("q", Duration::from_mins(1)), None);
        file.set_modified(minutes_ago(11)).unwrap();
        assert_eq!(mine.get::<Vec<i32>>("q", LONGEST), None);
        file.set_modified(SystemTime::now() + LONGEST).unwrap();
        assert_eq!(mine.get::<Vec<i32>>("q", LONGEST), None);

        file.set_modified(minutes_ago(11)).unwrap();
        yours.put("q", &0);
        assert!(!mine.path("q").exists(), "what is old is removed");
        assert!(mine.path("other").exists());
    }

    #[test]
    fn nobody_else_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path(), "me");
        cache.put("q", &1);
        let mode =
            |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.folder), 0o700);
        assert_eq!(mode(&folder.path().join("a")), 0o700);
        assert_eq!(mode(&cache.path("q")), 0o600);
        assert_eq!(
            fs::read_dir(&cache.folder).unwrap().count(),
            1,
            "nothing unfinished is left"
        );
    }
}
