//! Finds the place in an object that a JSON pointer names, as the API server does
//! (`findObject` in `patch.go`).

use super::node::Node;
use super::reason::Reason;

/// The place that a pointer names: the value that contains it, and its name or index there.
pub(super) struct Place<'a> {
    container: &'a mut Node,
    container_pointer: &'a str,
    /// The name or the index of the value, without escapes.
    key: String,
    pointer: &'a str,
}

impl<'a> Place<'a> {
    /// Finds the place below `root`. The value itself may be missing.
    ///
    /// The server ignores a text before the first slash, and needs a slash.
    pub(super) fn find(root: &'a mut Node, pointer: &'a str) -> Result<Self, Reason> {
        let first_slash = pointer.find('/').ok_or(Reason::NoPointer)?;
        let mut container = root;
        let mut end = first_slash;
        while let Some(length) = pointer[end + 1..].find('/') {
            let token = &pointer[end + 1..end + 1 + length];
            let parent = &pointer[..end];
            end += 1 + length;
            container = match container.member_mut(&unescaped(token), parent)? {
                Some(member) if member.is_container() => member,
                Some(member) => {
                    return Err(Reason::NotAContainer {
                        pointer: pointer[..end].to_owned(),
                        value: member.clone().into_value(),
                    });
                }
                None => return Err(Reason::Missing(pointer[..end].to_owned())),
            };
        }
        Ok(Self {
            container,
            container_pointer: &pointer[..end],
            key: unescaped(&pointer[end + 1..]),
            pointer,
        })
    }

    /// Returns the value at this place, or `None` for a missing member of an object.
    pub(super) fn value(self) -> Result<Option<&'a Node>, Reason> {
        let value = self.container.member_mut(&self.key, self.container_pointer);
        Ok(value?.map(|value| &*value))
    }

    /// Sets the value at this place, which must exist if it is in a list.
    pub(super) fn replace(self, value: Node) -> Result<(), Reason> {
        match self.container {
            Node::List(items) => {
                let index = index(&self.key, items.len(), self.container_pointer)?;
                items[index] = value;
                Ok(())
            }
            _ => self.set_member(value),
        }
    }

    /// Sets a member, or inserts an item into a list.
    pub(super) fn add(self, value: Node) -> Result<(), Reason> {
        match self.container {
            Node::List(items) => {
                let index = if self.key == "-" {
                    items.len()
                } else {
                    insertion_index(&self.key, items.len(), self.container_pointer)?
                };
                items.insert(index, value);
                Ok(())
            }
            _ => self.set_member(value),
        }
    }

    fn set_member(self, value: Node) -> Result<(), Reason> {
        match self.container {
            Node::Object(members) => {
                members.insert(self.key, value);
                Ok(())
            }
            _ => Err(Reason::Panics), // A copied null.
        }
    }

    /// Removes the value at this place, and returns it.
    pub(super) fn remove(self) -> Result<Node, Reason> {
        match self.container {
            Node::List(items) => {
                let index = index(&self.key, items.len(), self.container_pointer)?;
                Ok(items.remove(index))
            }
            Node::Object(members) => {
                let removed = members.remove(&self.key);
                removed.ok_or_else(|| Reason::Missing(self.pointer.to_owned()))
            }
            _ => Err(Reason::Missing(self.pointer.to_owned())),
        }
    }
}

impl Node {
    /// Reports whether the server looks for members of this value. It takes the copy of an added null
    /// for an object.
    fn is_container(&self) -> bool {
        matches!(self, Self::Object(_) | Self::List(_) | Self::CopiedNull)
    }

    /// Returns the member or the item with this key. `pointer` names the node.
    fn member_mut(&mut self, key: &str, pointer: &str) -> Result<Option<&mut Self>, Reason> {
        match self {
            Self::Object(members) => Ok(members.get_mut(key)),
            Self::List(items) => {
                let index = index(key, items.len(), pointer)?;
                Ok(Some(&mut items[index]))
            }
            _ => Ok(None),
        }
    }
}

/// Returns the index of an existing item. As in Go's `strconv.Atoi`, it may have a sign and leading
/// zeros; a negative index counts from the end.
fn index(key: &str, length: usize, list: &str) -> Result<usize, Reason> {
    let index = signed_index(key, list)?;
    let from_start = if index < 0 {
        length.checked_add_signed(index)
    } else {
        index.try_into().ok().filter(|&index| index < length)
    };
    from_start.ok_or_else(|| out_of_range(list, length))
}

/// Returns the index at which an item is inserted: -1 is after the last item.
fn insertion_index(key: &str, length: usize, list: &str) -> Result<usize, Reason> {
    let result = index(key, length + 1, list);
    result.map_err(|reason| match reason {
        Reason::OutOfRange { .. } => out_of_range(list, length),
        other => other,
    })
}

fn signed_index(key: &str, list: &str) -> Result<isize, Reason> {
    key.parse().map_err(|_| Reason::NotAnIndex {
        list: list.to_owned(),
        key: key.to_owned(),
    })
}

fn out_of_range(list: &str, length: usize) -> Reason {
    Reason::OutOfRange {
        list: list.to_owned(),
        length,
    }
}

/// Resolves the escapes of a token.
pub(super) fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
