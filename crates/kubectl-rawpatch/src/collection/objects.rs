//! The objects to patch, in little memory.
//!
//! The whole list is held, not streamed page by page: then the user can be asked about the number of
//! objects, one consistent state of the collection is patched however long that takes, and no continue
//! token expires in between. An object takes the bytes of its path and its resource version.

/// Paths of objects, each with the resource version at which it was listed.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    /// The paths and versions, one after the other.
    text: String,
    /// For each object, the ends of its path and of its version.
    ends: Vec<(u32, u32)>,
    /// Whether the server listed the objects, so that each of them has existed.
    pub(crate) are_listed: bool,
}

/// One of the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed<'a> {
    /// The path of the request, without a query.
    pub(crate) path: &'a str,
    /// The version in the list. It is empty if the object was not listed.
    pub(crate) resource_version: &'a str,
}

impl Objects {
    /// Returns the objects of a list, which has none so far.
    pub(crate) fn of_list() -> Self {
        Self {
            are_listed: true,
            ..Self::default()
        }
    }

    /// Adds an object. Returns `None` if all paths together exceed 4 GiB.
    pub(crate) fn push(&mut self, path: &str, resource_version: &str) -> Option<()> {
        self.text.push_str(path);
        let middle = u32::try_from(self.text.len()).ok()?;
        self.text.push_str(resource_version);
        let end = u32::try_from(self.text.len()).ok()?;
        self.ends.push((middle, end));
        Some(())
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the object with this number.
    pub(crate) fn get(&self, number: usize) -> Listed<'_> {
        let start = match number {
            0 => 0,
            number => self.ends[number - 1].1 as usize,
        };
        let (middle, end) = self.ends[number];
        Listed {
            path: &self.text[start..middle as usize],
            resource_version: &self.text[middle as usize..end as usize],
        }
    }

    /// Returns the numbers of two objects with the same path, if there are any.
    pub(crate) fn double(&self) -> Option<(usize, usize)> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|&number| (self.get(number).path, number));
        let pairs = order.windows(2);
        let mut doubles = pairs.filter(|pair| self.get(pair[0]).path == self.get(pair[1]).path);
        doubles.next().map(|pair| (pair[0], pair[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_keep_their_paths_and_versions() {
        let mut objects = Objects::default();
        for (path, version) in [("/b", "12"), ("/a", ""), ("/c", "3")] {
            objects.push(path, version).unwrap();
        }
        let listed = |number| {
            let listed = objects.get(number);
            (listed.path, listed.resource_version)
        };
        assert_eq!(objects.len(), 3);
        assert_eq!(
            [0, 1, 2].map(listed),
            [("/b", "12"), ("/a", ""), ("/c", "3")]
        );
        assert_eq!(objects.double(), None);
        objects.push("/b", "").unwrap();
        objects.push("/a", "9").unwrap();
        assert_eq!(objects.double(), Some((1, 4)));
    }
}
