//! Parses the text of a template like kubectl. `brackets` parses the steps in brackets.
//!
//! kubectl treats a selector of a union, a side of a filter and a quoted key as separate templates:
//! it puts each into braces and parses it again, so a brace inside it ends it early.
//! `Parser::nested` does the same. It cannot recurse deeply: a bracket ends at the first `]` and a
//! filter at the first `)` outside quotes, so each level needs another kind of quotes.

mod brackets;

use super::quoted::unescape;
use super::syntax::{Keyword, Piece, Step, SyntaxError};

/// Parses a template into its pieces.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, SyntaxError> {
    let mut pieces = Vec::new();
    let mut parser = Parser { text, position: 0 };
    while let Some(length) = parser.rest().find('{') {
        if length > 0 {
            pieces.push(Piece::Text(parser.rest()[..length].to_owned()));
        }
        parser.position += length;
        pieces.push(parser.action()?);
    }
    if !parser.rest().is_empty() {
        pieces.push(Piece::Text(parser.rest().to_owned()));
    }
    Ok(pieces)
}

/// A template and the position of the next byte to parse.
struct Parser<'text> {
    text: &'text str,
    position: usize,
}

impl<'text> Parser<'text> {
    fn rest(&self) -> &'text str {
        &self.text[self.position..]
    }

    /// Returns the next `length` bytes and moves past them.
    fn take(&mut self, length: usize) -> &'text str {
        let taken = &self.rest()[..length];
        self.position += length;
        taken
    }

    fn fail<T>(&self, position: usize, reason: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            position: position.min(self.text.len()),
            reason: reason.into(),
        })
    }

    /// Parses `{…}`, starting at the opening brace.
    fn action(&mut self) -> Result<Piece, SyntaxError> {
        let position = self.position;
        self.position += "{".len();
        let (mut steps, mut keyword) = (Vec::new(), None);
        while !self.rest().starts_with('}') {
            self.steps_or_keyword(&mut steps, &mut keyword)?;
        }
        self.position += "}".len();
        Ok(Piece::Action {
            steps,
            keyword,
            position,
        })
    }

    /// Parses the next step or keyword in an action.
    fn steps_or_keyword(
        &mut self,
        steps: &mut Vec<Step>,
        keyword: &mut Option<Keyword>,
    ) -> Result<(), SyntaxError> {
        let at = self.position;
        let rest = self.rest();
        if rest.starts_with("[?(") {
            steps.push(self.filter()?);
            return Ok(());
        }
        if rest.starts_with("..") {
            return self.descent(steps);
        }
        match rest.chars().next() {
            None | Some('\r' | '\n') => return self.fail(at, "unclosed action"),
            // These characters have no effect: a path starts at the current object or the root
            // anyway.
            Some(' ' | '@' | '$') => self.position += 1,
            Some('[') => steps.append(&mut self.brackets()?),
            Some(quote @ ('"' | '\'')) => steps.push(self.parse_quoted(quote)?),
            Some('.') => {
                self.position += 1;
                steps.push(self.field());
            }
            Some('+' | '-' | '0'..='9') => steps.push(self.number()?),
            Some(character) if is_word(character) => {
                let word = self.take(rest.find(is_terminator).unwrap_or(rest.len()));
                match (word, &keyword) {
                    ("true" | "false", _) => steps.push(Step::Bool(word == "true")),
                    ("range", None) => *keyword = Some(Keyword::Range),
                    ("end", None) => *keyword = Some(Keyword::End),
                    _ => return self.fail(at, format!("unrecognized identifier {word}")),
                }
            }
            Some(character) => return self.fail(at, unrecognized(character)),
        }
        Ok(())
    }

    /// Parses `..`, and the name that may follow it directly.
    fn descent(&mut self, steps: &mut Vec<Step>) -> Result<(), SyntaxError> {
        if matches!(steps.last(), Some(Step::Recursive)) {
            return self.fail(self.position, "invalid multiple recursive descent");
        }
        self.position += "..".len();
        steps.push(Step::Recursive);
        if self.rest().starts_with(is_word) {
            steps.push(self.field());
        }
        Ok(())
    }

    /// Parses a name up to a terminator. A backslash escapes the next character.
    fn field(&mut self) -> Step {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.find(|character| {
            let ends = !escaped && is_terminator(character);
            escaped = !escaped && character == '\\';
            ends
        });
        match self.take(end.unwrap_or(rest.len())) {
            "*" => Step::Wildcard,
            name => Step::Field(name.replace('\\', "")),
        }
    }

    fn number(&mut self) -> Result<Step, SyntaxError> {
        let at = self.position;
        let unsigned = self.rest()[1..].find(|c: char| c != '.' && !c.is_ascii_digit());
        let text = self.take(unsigned.map_or(self.rest().len(), |length| length + 1));
        if let Ok(integer) = text.parse() {
            return Ok(Step::Integer(integer));
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Step::Float(float)),
            _ => self.fail(at, format!("cannot parse number {text}")),
        }
    }

    /// Parses text in quotes. A backslash right before a quote escapes it, even if the backslash is
    /// itself escaped.
    fn parse_quoted(&mut self, quote: char) -> Result<Step, SyntaxError> {
        let at = self.position;
        let rest = self.rest();
        let mut before = quote;
        let end = rest[1..].find(|character| {
            let ends = character == '\n' || (character == quote && before != '\\');
            before = character;
            ends
        });
        match end.filter(|&end| rest[1 + end..].starts_with(quote)) {
            None => self.fail(at, "unterminated quoted string"),
            Some(end) => {
                let text = self.take(end + 2);
                match unescape(&text[1..=end], quote) {
                    Some(bytes) => Ok(Step::Text(bytes)),
                    None => self.fail(at, format!("unquote string {text} error invalid syntax")),
                }
            }
        }
    }
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

/// Reports whether a character ends a name.
fn is_terminator(character: char) -> bool {
    " \t\r\n.,[]$@{}".contains(character)
}

fn unrecognized(character: char) -> String {
    let code = u32::from(character);
    let shown = if character.is_control() {
        String::new()
    } else {
        format!(" '{character}'")
    };
    format!("unrecognized character in action: U+{code:04X}{shown}")
}
