//! kubectl's JSONPath templates, for `-o jsonpath=TEMPLATE`.
//!
//! [`Template::parse`] checks a template before a request is sent. [`Template::render`] returns the
//! bytes that `kubectl get -o jsonpath=TEMPLATE` prints for the same object.
//!
//! ```text
//! template ─parse─▶ pieces ─node─▶ nodes ─evaluate(object)─▶ items ─print─▶ bytes
//! ```
//!
//! * `parse`: parses the text into pieces, with the types of `syntax` and the escapes of `quoted`
//! * `node`: pairs each `{range}` with its `{end}`
//! * `evaluate`: follows the steps of a path; `item` is a value
//! * `print`: prints values like kubectl
//!
//! kube-client brings `jsonpath-rust`, but that crate follows RFC 9535, which agrees with kubectl
//! only on field names and `*`. In kubectl, an index or slice out of bounds, a filter on an object
//! and a comparison of different types are errors; a union is sorted by selector; `..` skips
//! numbers and empty values; literals and quoted texts are steps. Translating to that crate's
//! syntax tree and back would take more code than evaluating the steps here.
//!
//! kubectl's quirks are kept, because scripts may rely on them:
//! - The body of a range without `{end}` is rendered once more after the range.
//! - `['a.b']` is two field names.
//! - `[:]` on an empty list ends the step.
//! - An error inside an existence filter counts as existence.
//!
//! Differences from kubectl:
//! - `parse` rejects a template that is wrong for every object, such as one with an unknown word or
//!   operator, or with an `{end}` outside of a range. kubectl notices while it renders.
//! - An action holds at most one range or end. Steps in the same action as an `end` are ignored.
//!   Ranges nest at most 16 deep.
//! - The body of a range over nothing is skipped. kubectl renders it without a value, which may
//!   fail or panic. An index on the null of a range returns no value, where kubectl panics.
//! - `*` and `..` visit the fields of an object in sorted order. kubectl's order is random.
//! - Messages name the type of a value. kubectl prints the whole object, including the values of a
//!   Secret.
//! - Of two equally near spellings of a float with 16 digits, the higher one is printed. Go prints
//!   the even one.

mod evaluate;
mod item;
mod node;
mod parse;
mod print;
mod quoted;
mod syntax;
#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

use evaluate::walk;
use item::Item;
use node::{Node, link_ranges};
use syntax::{Step, SyntaxError};

pub use syntax::Operator;

/// A checked template.
#[derive(Debug)]
pub struct Template {
    text: String,
    nodes: Vec<Node>,
}

/// An error in a template itself, with kubectl's wording and its position.
#[derive(Debug, Error, PartialEq)]
#[error("error parsing jsonpath {template}, {reason} (at byte {position})")]
pub struct ParseError {
    template: String,
    reason: String,
    position: usize,
}

/// A value that the actions of a template find.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A null.
    Null,
    /// A number, as kubectl prints it.
    Number(String),
    /// A text, or a boolean.
    Text(String),
    /// A list or an object.
    Nested,
}

/// A mismatch between a template and an object, with kubectl's wording but without the object.
#[derive(Debug, Error, PartialEq)]
#[error("error executing jsonpath {template:?}: {reason}")]
pub struct RenderError {
    template: String,
    reason: String,
}

impl Template {
    /// Parses and checks a template. An empty template prints nothing, where kubectl reports an
    /// error.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::pieces(text)
            .and_then(link_ranges)
            .map(|nodes| Self {
                text: text.to_owned(),
                nodes,
            })
            .map_err(|SyntaxError { position, reason }| ParseError {
                template: text.to_owned(),
                reason,
                position,
            })
    }

    /// Returns the text of the template.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns kubectl's output for an object, without a newline at the end. The result may not be
    /// UTF-8, because a quoted text can hold any byte (`{"\xff"}`).
    pub fn render(&self, object: &Value) -> Result<Vec<u8>, RenderError> {
        let mut output = Vec::new();
        self.render_nodes(0, self.nodes.len(), Item::from(object), &mut output)
            .map_err(|reason| RenderError {
                template: self.text.clone(),
                reason,
            })?;
        Ok(output)
    }

    /// Returns the values that the actions of the template find. Ignores texts and ranges.
    pub fn find(&self, object: &Value) -> Result<Vec<Found>, RenderError> {
        self.items(object)
            .map(|items| items.into_iter().map(Found::from).collect())
    }

    /// Returns the same values as [`Template::find`], with the content of lists and objects.
    pub fn values(&self, object: &Value) -> Result<Vec<Value>, RenderError> {
        self.items(object)
            .map(|items| items.into_iter().map(Value::from).collect())
    }

    fn items<'a>(&'a self, object: &'a Value) -> Result<Vec<Item<'a>>, RenderError> {
        let mut found = Vec::new();
        for node in &self.nodes {
            if let Node::Expression(steps) = node {
                let items =
                    walk(steps, vec![Item::from(object)]).map_err(|reason| RenderError {
                        template: self.text.clone(),
                        reason,
                    })?;
                found.extend(items);
            }
        }
        Ok(found)
    }

    /// Returns the fields that the template reads from the document itself.
    pub fn root_fields(&self) -> impl Iterator<Item = &str> {
        let mut index = 0;
        std::iter::from_fn(move || {
            while let Some(node) = self.nodes.get(index) {
                let (steps, next) = match node {
                    Node::Expression(steps) => (steps.as_slice(), index + 1),
                    Node::Range { steps, resume, .. } => (steps.as_slice(), *resume),
                    Node::Text(_) | Node::End => (&[][..], index + 1),
                };
                index = next;
                if let Some(Step::Field(name)) = steps.first() {
                    return Some(name.as_str());
                }
            }
            None
        })
    }

    /// Renders the nodes from `index` up to, but not including, `end` for one value.
    fn render_nodes(
        &self,
        mut index: usize,
        end: usize,
        current: Item<'_>,
        output: &mut Vec<u8>,
    ) -> Result<(), String> {
        while index < end {
            let node = &self.nodes[index];
            index += 1;
            match node {
                Node::Text(text) => output.extend_from_slice(text.as_bytes()),
                Node::Expression(steps) => print::items(&walk(steps, vec![current])?, output),
                Node::Range { steps, end, resume } => {
                    for item in walk(steps, vec![current])? {
                        self.render_nodes(index, *end, item.as_range_value(), output)?;
                    }
                    index = *resume;
                }
                Node::End => {}
            }
        }
        Ok(())
    }
}
