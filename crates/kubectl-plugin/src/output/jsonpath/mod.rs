//! kubectl's JSONPath templates, as `-o jsonpath=TEMPLATE` prints them.
//!
//! [`Template::parse`] checks a template before anything is sent to a server; [`Template::render`]
//! gives the bytes that `kubectl get -o jsonpath=TEMPLATE` prints for the same object.
//!
//! ```text
//! template ─parse─▶ nodes of steps ─evaluate(object)─▶ items ─print─▶ bytes
//! ```
//!
//! The evaluation is our own, although `jsonpath-rust` is in the tree with kube-client: it follows
//! RFC 9535, whose meaning is kubectl's for field names and for `*` alone. In kubectl an index or
//! a slice out of bounds, a filter on an object and a comparison of different types are errors, a
//! union is sorted by selector, `..` leaves out numbers and empty values, and literals and quoted
//! text are steps, so that a translation into the crate's tree and back would be longer than the
//! look-up in a map and the loop that it saves.
//!
//! kubectl's quirks are kept, as scripts may rely on them: a range without `{end}` is followed by
//! its body once more, `['a.b']` is two field names, `[:]` on an empty list ends the step, an error
//! within an existence filter counts as existence. The order of an object's fields under `*` and
//! `..` is random in kubectl and sorted here.
//!
//! Departures:
//! - What is wrong in a template whatever the object is (an unknown word or operator, an `{end}`
//!   without a range) is refused by `parse`; kubectl notices when it comes by while rendering.
//! - An action is one range, one end or neither, the steps beside an `end` are ignored, and ranges
//!   nest at most 16 deep.
//! - The body of a range over nothing is skipped; kubectl runs it on no value, which may fail or
//!   panic. An index on the null of a range gives nothing; kubectl panics.
//! - Messages name a value by its type; kubectl prints the whole object, Secret values included.
//! - A float of 16 digits that lies in the middle of its two shortest spellings ends in the higher
//!   digit, in Go in the even one.

mod evaluate;
mod parse;
mod print;
mod quoted;
mod syntax;
#[cfg(test)]
mod tests;

use serde_json::Value;
use thiserror::Error;

use evaluate::{Item, walk};
use parse::Failure;
use syntax::{Keyword, Piece, Step};

/// Ranges without an end double the work with every level, so that the depth has a bound.
const DEEPEST_RANGE: usize = 16;

/// A checked template, ready to be rendered for any number of objects.
#[derive(Debug)]
pub struct Template {
    text: String,
    nodes: Vec<Node>,
}

/// A template that is wrong for every object; in kubectl's words, with the place.
#[derive(Debug, Error, PartialEq)]
#[error("error parsing jsonpath {template}, {reason} (at byte {position})")]
pub struct ParseError {
    template: String,
    reason: String,
    position: usize,
}

/// A template that does not fit the object; in kubectl's words, without the object.
#[derive(Debug, Error, PartialEq)]
#[error("error executing jsonpath {template:?}: {reason}")]
pub struct RenderError {
    template: String,
    reason: String,
}

/// A part of a template in the order in which it is written.
#[derive(Debug)]
enum Node {
    /// Text outside of braces.
    Text(String),
    /// `{steps}`: prints what the steps find.
    Expression(Vec<Step>),
    /// `{range steps}`: the nodes up to `end` are rendered for each value found, then those from
    /// `resume` on for the value outside.
    Range {
        steps: Vec<Step>,
        end: usize,
        resume: usize,
    },
    /// `{end}`.
    End,
}

impl Template {
    /// Checks a template. (An empty one prints nothing; kubectl has its own message for it.)
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::pieces(text)
            .and_then(pair_ranges)
            .map(|nodes| Self {
                text: text.to_owned(),
                nodes,
            })
            .map_err(|Failure { position, reason }| ParseError {
                template: text.to_owned(),
                reason,
                position,
            })
    }

    /// What kubectl prints for this object, with no newline added. Bytes and not a string, since
    /// a quoted text can hold any byte (`{"\xff"}`).
    pub fn render(&self, object: &Value) -> Result<Vec<u8>, RenderError> {
        let mut output = Vec::new();
        self.render_nodes(0, self.nodes.len(), Item::from(object), &mut output)
            .map_err(|reason| RenderError {
                template: self.text.clone(),
                reason,
            })?;
        Ok(output)
    }

    /// Renders the nodes from `index` to before `end` for one value.
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

/// Finds the `{end}` of each range. A range without one takes all that follows; after it kubectl
/// goes on behind the last `{end}` it met in there, or else behind the opening of the range.
fn pair_ranges(pieces: Vec<Piece>) -> Result<Vec<Node>, Failure> {
    let mut nodes = Vec::with_capacity(pieces.len());
    let mut open_ranges = Vec::new();
    let mut last_end = None;
    for (index, piece) in pieces.into_iter().enumerate() {
        let node = match piece {
            Piece::Text(text) => Node::Text(text),
            Piece::Action {
                steps,
                keyword: None,
                ..
            } => Node::Expression(steps),
            Piece::Action {
                steps,
                keyword: Some(Keyword::Range),
                position,
            } => {
                if open_ranges.len() == DEEPEST_RANGE {
                    let reason = format!("ranges nested more than {DEEPEST_RANGE} deep");
                    return Err(Failure { position, reason });
                }
                open_ranges.push(index);
                Node::Range {
                    steps,
                    end: 0,
                    resume: 0,
                }
            }
            Piece::Action {
                keyword: Some(Keyword::End),
                position,
                ..
            } => {
                let Some(range) = open_ranges.pop() else {
                    let reason = "not in range, nothing to end".to_owned();
                    return Err(Failure { position, reason });
                };
                close_range(&mut nodes, range, index, index + 1);
                last_end = Some(index);
                Node::End
            }
        };
        nodes.push(node);
    }
    let all = nodes.len();
    for range in open_ranges {
        let behind = last_end.filter(|&end| end > range).unwrap_or(range);
        close_range(&mut nodes, range, all, behind + 1);
    }
    Ok(nodes)
}

/// Completes the range at an index of `nodes`.
fn close_range(nodes: &mut [Node], range: usize, body_end: usize, behind: usize) {
    if let Node::Range { end, resume, .. } = &mut nodes[range] {
        (*end, *resume) = (body_end, behind);
    }
}
