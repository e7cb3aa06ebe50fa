//! Rewrites YAML as JSON.
//!
//! granit-parser, which is serde-saphyr's parser, emits events. This module composes them into a
//! tree, and writes the tree as JSON. A deserializer would turn numbers into floats, but a patch
//! must keep `1.10` and an integer of 23 digits. Aliases share nodes, so they take no memory until
//! they are written.
//!
//! YAML is read as in kubectl ([`super::scalar`]), except where kubectl's reading would surprise
//! the author of the patch:
//!
//! | input | kubectl | here |
//! |---|---|---|
//! | `1.10`, `1e3`, `5.0`, 23 digits | 1.1, 1000, 5, 1.2345678901234568e+22 | as written |
//! | the keys `y`, `on`, `0644`, `1e3` | `"true"`, `"true"`, `"420"`, `"1000"` | as written |
//! | a duplicate key | the last one wins | refused |
//! | an explicit key before `<<: *base` | the base wins | the explicit key wins, by YAML's rule |
//! | a second document | dropped | refused |
//! | only comments | sends `null` | refused |
//! | `!name` tags, `!!set`, a collection with the tag of another kind | drops the tag | refused |
//! | `!!binary` that is not UTF-8 | replaced with U+FFFD | refused |
//! | `{a: 1}`, `"\ud83d\ude00"` | refused | read |
//! | the order of keys | sorted | kept |

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::scalar;
use super::scalar::Scalar;
use super::{Error, MAX_BYTES, MAX_DEPTH, Result, changes_nothing, too_large};

/// The limit for the keys that `<<` merges: their length in bytes, plus [`COST_PER_KEY`] for each.
/// It leaves room for a body of the maximum size, and stops a YAML bomb within a second.
const MAX_MERGE_COST: usize = 16 * 1024 * 1024;
const COST_PER_KEY: usize = 16;

/// The prefix that `!!` stands for in tags such as `!!str`.
const CORE_TAGS: &str = "tag:yaml.org,2002:";

/// Converts the single document in `text` to compact JSON, and keeps the order of keys.
pub(super) fn to_json(text: &str) -> Result<String> {
    let options = granit_parser::options! {
        emit_comments: false,
        block_scalar_eof_without_line_feed: true, // As in kubectl's parser.
    };
    let mut composer = Composer {
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        merge_cost: 0,
    };
    let root = composer.only_document()?;
    let mut json = String::new();
    write(&root, &mut json)?;
    Ok(json)
}

/// A node of the document, shared by its aliases.
struct Node {
    /// The number of nested collections, including the node itself.
    height: usize,
    content: Content,
}

enum Content {
    /// A scalar: its text and its interpretation.
    Scalar(String, Scalar),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(String, Rc<Node>)>),
}

impl Content {
    fn into_node(self) -> Rc<Node> {
        let height = match &self {
            Self::Scalar(..) => 0,
            Self::Sequence(items) => 1 + tallest(items.iter()),
            Self::Mapping(members) => 1 + tallest(members.iter().map(|(_, node)| node)),
        };
        Rc::new(Node {
            height,
            content: self,
        })
    }
}

fn tallest<'a>(nodes: impl Iterator<Item = &'a Rc<Node>>) -> usize {
    nodes.map(|node| node.height).max().unwrap_or(0)
}

/// The key of a mapping.
enum Key {
    Name(String),
    Merge,
}

struct Composer<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// The nodes with an anchor that are complete, by the parser's ID of the anchor.
    anchors: HashMap<usize, Rc<Node>>,
    merge_cost: usize,
}

impl<'a> Composer<'a> {
    fn only_document(&mut self) -> Result<Rc<Node>> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => return document.ok_or_else(|| changes_nothing("empty")),
                _ if document.is_none() => document = Some(self.value(event, span, 0)?),
                // A trailing `---` is followed by an empty node.
                Event::Scalar(..) if span.is_empty() => {}
                _ => {
                    return Err(error_at(span, "the patch has a second document")
                        .with_hint("send one document at a time"));
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(invalid_yaml(&error)),
            None => Err(Error::usage("the patch is not valid YAML: unexpected end")),
        }
    }

    /// Builds a node at this depth of collections. Refuses a node that JSON cannot express.
    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Rc<Node>> {
        let node = self.node(event, span, depth)?;
        if matches!(node.content, Content::Scalar(_, Scalar::NotFinite)) {
            return Err(error_at(span, "the patch has an infinity or NaN")
                .with_hint("quote the value if it is text: JSON cannot express it"));
        }
        Ok(node)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Rc<Node>> {
        let (content, anchor) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).ok_or_else(|| {
                    error_at(span, "the patch has an alias inside its own anchor")
                })?;
                return within_depth(depth + node.height, span).map(|()| Rc::clone(node));
            }
            Event::Scalar(text, style, anchor, tag) => (
                scalar_content(text.into_owned(), style, tag.as_deref(), span)?,
                anchor,
            ),
            Event::SequenceStart(_, anchor, tag) => {
                within_depth(depth + 1, span)?;
                require_tag(tag.as_deref(), "seq", span)?;
                (self.sequence(depth + 1)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                within_depth(depth + 1, span)?;
                require_tag(tag.as_deref(), "map", span)?;
                (self.mapping(depth + 1)?, anchor)
            }
            _ => {
                return Err(error_at(span, "the patch is not valid YAML: missing value"));
            }
        };
        let node = content.into_node();
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Content> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::Sequence(items)),
                (event, span) => items.push(self.value(event, span, depth)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Content> {
        let mut members: Vec<(String, Rc<Node>)> = Vec::new();
        let mut names = HashSet::new();
        let mut merged = None;
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.key(event, key_span, depth)?;
            let (event, span) = self.next()?;
            let value = self.value(event, span, depth)?;
            match key {
                Key::Merge if merged.is_some() => return Err(duplicate("<<", key_span)),
                Key::Merge => merged = Some((value, span)),
                Key::Name(name) if names.contains(&name) => return Err(duplicate(&name, key_span)),
                Key::Name(name) => {
                    names.insert(name.clone());
                    members.push((name, value));
                }
            }
        }
        if let Some((value, span)) = merged {
            self.merge(&value, span, &mut members, &mut names)?;
        }
        Ok(Content::Mapping(members))
    }

    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Key> {
        if let Event::Scalar(text, style, _, tag) = &event
            && text == "<<"
            && match tag {
                None => *style == ScalarStyle::Plain,
                Some(tag) => core_tag(tag).as_deref() == Some("merge"),
            }
        {
            return Ok(Key::Merge);
        }
        let node = self.node(event, span, depth)?;
        match &node.content {
            Content::Scalar(_, Scalar::Null) => Err(error_at(span, "the patch has null as a key")
                .with_hint("quote the key if it is text")),
            Content::Scalar(text, _) => Ok(Key::Name(text.clone())),
            _ => Err(error_at(span, "the patch has a collection as a key")
                .with_hint("use a string as the key: JSON allows only string keys")),
        }
    }

    /// Merges the keys of `<<: value`. An explicit key takes precedence, then the first mapping
    /// that has the key.
    fn merge(
        &mut self,
        value: &Node,
        span: Span,
        members: &mut Vec<(String, Rc<Node>)>,
        names: &mut HashSet<String>,
    ) -> Result<()> {
        let sources = match &value.content {
            Content::Sequence(items) => items.iter().map(|item| &item.content).collect(),
            content => vec![content],
        };
        for source in sources {
            let Content::Mapping(inherited) = source else {
                return Err(
                    error_at(span, "the patch has a \"<<\" whose value is not a mapping")
                        .with_hint(
                            "merge a mapping or a list of mappings, or quote the key if it is text",
                        ),
                );
            };
            for (name, node) in inherited {
                self.merge_cost += name.len() + COST_PER_KEY;
                if self.merge_cost > MAX_MERGE_COST {
                    return Err(error_at(
                        span,
                        "the patch has a \"<<\" that merges too many keys",
                    ));
                }
                if names.insert(name.clone()) {
                    members.push((name.clone(), Rc::clone(node)));
                }
            }
        }
        Ok(())
    }
}

/// Interprets a scalar by its tag or, without a tag, by its style.
fn scalar_content(
    text: String,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: Span,
) -> Result<Content> {
    let Some(tag) = tag else {
        let meaning = match style {
            ScalarStyle::Plain => scalar::resolve(&text),
            _ => Scalar::Text,
        };
        return Ok(Content::Scalar(text, meaning));
    };
    let meaning = scalar::resolve(&text);
    let kind = core_tag(tag);
    let fits = match kind.as_deref() {
        Some("str" | "timestamp" | "merge") => return Ok(Content::Scalar(text, Scalar::Text)),
        Some("binary") => return binary(&text, span),
        Some("null") => meaning == Scalar::Null,
        Some("bool") => matches!(meaning, Scalar::Bool(_)),
        Some("int") => {
            matches!(&meaning, Scalar::Number(number) if !number.contains(['.', 'e', 'E']))
        }
        Some("float") => matches!(meaning, Scalar::Number(_) | Scalar::NotFinite),
        _ if is_non_specific(tag) => return Ok(Content::Scalar(text, Scalar::Text)),
        _ => return Err(unknown_tag(span)),
    };
    if fits {
        Ok(Content::Scalar(text, meaning))
    } else {
        Err(error_at(
            span,
            "the patch has a value that does not match its tag",
        ))
    }
}

fn binary(text: &str, span: Span) -> Result<Content> {
    let base64: String = text.split_ascii_whitespace().collect();
    BASE64_STANDARD
        .decode(base64)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(|text| Content::Scalar(text, Scalar::Text))
        .ok_or_else(|| {
            error_at(
                span,
                "the patch has a !!binary value that is not UTF-8 text in base64",
            )
            .with_hint("remove !!binary: the values in a Secret's \"data\" are already base64")
        })
}

/// Refuses a collection with the tag of another kind.
fn require_tag(tag: Option<&Tag>, kind: &str, span: Span) -> Result<()> {
    match tag {
        Some(tag) if core_tag(tag).as_deref() != Some(kind) && !is_non_specific(tag) => {
            Err(unknown_tag(span))
        }
        _ => Ok(()),
    }
}

/// Returns the name of a core tag, such as `str` for `!!str` in any spelling.
fn core_tag(tag: &Tag) -> Option<Cow<'_, str>> {
    tag.suffix_in_namespace(CORE_TAGS)
}

/// Reports whether this is the tag `!`, which turns off the interpretation of a plain scalar.
fn is_non_specific(tag: &Tag) -> bool {
    tag.original() == "!"
}

/// Returns the error for an unknown tag. It does not quote the tag, because an unquoted password may start
/// with `!`.
fn unknown_tag(span: Span) -> Error {
    error_at(span, "the patch has an unknown tag")
        .with_hint("quote the text if it is not meant as a tag")
}

/// Describes the parser's error, but omits the character that some of its messages quote.
fn invalid_yaml(error: &ScanError) -> Error {
    let span = Span::empty(*error.marker());
    match error.kind() {
        ErrorKind::UnexpectedCharacter { .. } => {
            error_at(span, "the patch is not valid YAML: unexpected character")
                .with_hint("quote the text, or write the character as an escape")
        }
        kind => error_at(span, &format!("the patch is not valid YAML: {kind}")),
    }
}

fn within_depth(depth: usize, span: Span) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(error_at(
            span,
            &format!("the patch is nested deeper than {MAX_DEPTH} levels"),
        ));
    }
    Ok(())
}

fn duplicate(name: &str, span: Span) -> Error {
    error_at(span, &format!("the patch has a duplicate key {name:?}"))
        .with_hint("remove one of them")
}

/// Returns an error with the position of a node, which starts at its tag.
fn error_at(span: Span, problem: &str) -> Error {
    let start = span.tag_start().unwrap_or(span.start);
    let (line, column) = (start.line(), start.col() + 1);
    Error::usage(format!("{problem} at line {line}, column {column}"))
}

/// Writes `node` as JSON. The size limit also bounds the expansion of aliases.
fn write(node: &Node, json: &mut String) -> Result<()> {
    match &node.content {
        Content::Scalar(_, Scalar::Null | Scalar::NotFinite) => json.push_str("null"),
        Content::Scalar(_, Scalar::Bool(value)) => {
            json.push_str(if *value { "true" } else { "false" });
        }
        Content::Scalar(_, Scalar::Number(number)) => json.push_str(number),
        Content::Scalar(text, Scalar::Text) => write_text(text, json),
        Content::Sequence(items) => {
            json.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    json.push(',');
                }
                write(item, json)?;
            }
            json.push(']');
        }
        Content::Mapping(members) => {
            json.push('{');
            for (position, (name, value)) in members.iter().enumerate() {
                if position > 0 {
                    json.push(',');
                }
                write_text(name, json);
                json.push(':');
                write(value, json)?;
            }
            json.push('}');
        }
    }
    if json.len() > MAX_BYTES {
        return Err(too_large());
    }
    Ok(())
}

fn write_text(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests;
