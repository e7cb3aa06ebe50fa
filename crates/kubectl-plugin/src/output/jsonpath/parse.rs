//! The text of a template → its pieces, as kubectl's parser splits them.
//!
//! The parts of a union and of a filter and a quoted key are templates of their own in kubectl:
//! each is parsed again within braces, and a brace in it ends it early. [`Parser::nested`] does
//! the same. It cannot go deep: a bracket ends at the first `]`, and a filter at the first `)`
//! outside of quotes, so that each level needs quotes of another kind around it.

use super::quoted::unescape;
use super::syntax::{Comparison, Filter, Keyword, Operator, Piece, Step};

/// What is wrong, and at which byte.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) position: usize,
    pub(super) reason: String,
}

/// Splits a template into its pieces.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, Failure> {
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

struct Parser<'text> {
    text: &'text str,
    position: usize,
}

impl<'text> Parser<'text> {
    fn rest(&self) -> &'text str {
        &self.text[self.position..]
    }

    /// Takes a length of text.
    fn take(&mut self, length: usize) -> &'text str {
        let taken = &self.rest()[..length];
        self.position += length;
        taken
    }

    fn fail<T>(&self, position: usize, reason: impl Into<String>) -> Result<T, Failure> {
        Err(Failure {
            position: position.min(self.text.len()),
            reason: reason.into(),
        })
    }

    /// `{…}`, from the opening brace on.
    fn action(&mut self) -> Result<Piece, Failure> {
        let opening = self.position;
        self.position += 1;
        let mut steps = Vec::new();
        let mut keyword = None;
        loop {
            let rest = self.rest();
            let at = self.position;
            if rest.starts_with("[?(") {
                steps.push(self.filter()?);
                continue;
            }
            if rest.starts_with("..") {
                if matches!(steps.last(), Some(Step::Recursive)) {
                    return self.fail(at, "invalid multiple recursive descent");
                }
                self.position += 2;
                steps.push(Step::Recursive);
                if self.rest().starts_with(is_word) {
                    steps.push(self.field());
                }
                continue;
            }
            match rest.chars().next() {
                None | Some('\r' | '\n') => return self.fail(at, "unclosed action"),
                Some('}') => {
                    self.position += 1;
                    return Ok(Piece::Action {
                        steps,
                        keyword,
                        position: opening,
                    });
                }
                // The current object and the root are where a path starts anyway.
                Some(' ' | '@' | '$') => self.position += 1,
                Some('[') => steps.append(&mut self.brackets()?),
                Some(quote @ ('"' | '\'')) => steps.push(self.quoted(quote)?),
                Some('.') => {
                    self.position += 1;
                    steps.push(self.field());
                }
                Some('+' | '-' | '0'..='9') => steps.push(self.number()?),
                Some(character) if is_word(character) => {
                    let word = self.take(rest.find(is_terminator).unwrap_or(rest.len()));
                    match (word, keyword) {
                        ("true" | "false", _) => steps.push(Step::Bool(word == "true")),
                        ("range", None) => keyword = Some(Keyword::Range),
                        ("end", None) => keyword = Some(Keyword::End),
                        _ => return self.fail(at, format!("unrecognized identifier {word}")),
                    }
                }
                Some(character) => return self.fail(at, unrecognized(character)),
            }
        }
    }

    /// A name up to a terminator, in which a backslash takes the next character as it is.
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

    fn number(&mut self) -> Result<Step, Failure> {
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

    /// Text in quotes. The quote ends it unless a backslash is before it, escaped or not.
    fn quoted(&mut self, quote: char) -> Result<Step, Failure> {
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

    /// `[…]` that is no filter: a union, a quoted key, an index or a slice.
    fn brackets(&mut self) -> Result<Vec<Step>, Failure> {
        let at = self.position;
        let rest = self.rest();
        let Some(end) = rest
            .find([']', '\n'])
            .filter(|&end| rest[end..].starts_with(']'))
        else {
            return self.fail(at, "unterminated array");
        };
        let inside = &self.take(end + 1)[1..end];
        if inside.contains(',') {
            let mut selectors = Vec::new();
            let mut start = at + 1;
            for selector in inside.split(',') {
                let trimmed = selector.trim_start_matches(' ');
                let part_at = start + selector.len() - trimmed.len();
                selectors.push(self.nested(part_at, "[", trimmed.trim_end_matches(' '), "]")?);
                start += selector.len() + 1;
            }
            return Ok(vec![Step::Union(selectors)]);
        }
        let key = inside
            .strip_prefix('\'')
            .and_then(|key| key.strip_suffix('\''));
        if let Some(key) = key.filter(|key| !key.contains('\'')) {
            return self.nested(at + 2, ".", key, "");
        }
        match index_or_slice(inside) {
            Ok(step) => Ok(vec![step]),
            Err(reason) => self.fail(at, reason),
        }
    }

    /// `[?(…)]`. A closing parenthesis within the first pair of quotes does not end it.
    fn filter(&mut self) -> Result<Step, Failure> {
        let at = self.position;
        self.position += "[?(".len();
        let rest = self.rest();
        let (mut quote, mut closed, mut before) = (None, false, '(');
        let end = rest.find(|character| {
            match (character, quote) {
                ('\n', _) => return true,
                (')', _) if quote.is_none() || closed => return true,
                ('"' | '\'', None) => quote = Some(character),
                _ if Some(character) == quote && before != '\\' => closed = true,
                _ => {}
            }
            before = character;
            false
        });
        let Some(end) = end.filter(|&end| rest[end..].starts_with(')')) else {
            return self.fail(at, "unterminated filter");
        };
        let inside_at = self.position;
        let inside = self.take(end);
        if !self.rest().starts_with(")]") {
            return self.fail(self.position + 1, "unclosed array expect ]");
        }
        self.position += ")]".len();
        let Some((left, operator, right)) = split_comparison(inside) else {
            let left = self.nested(inside_at, "", inside, "")?;
            return Ok(Step::Filter(Filter {
                left,
                comparison: None,
            }));
        };
        let left = self.nested(inside_at, "", left, "")?;
        let right = self.nested(inside_at + end - right.len(), "", right, "")?;
        let operator = match operator {
            "==" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            _ => return self.fail(at, format!("unrecognized filter operator {operator}")),
        };
        let comparison = Some(Comparison { operator, right });
        Ok(Step::Filter(Filter { left, comparison }))
    }

    /// Parses a part of this text, which starts at a position, as an action between two marks.
    fn nested(
        &self,
        position: usize,
        before: &str,
        part: &str,
        after: &str,
    ) -> Result<Vec<Step>, Failure> {
        let action = format!("{{{before}{part}{after}}}");
        match pieces(&action) {
            Ok(pieces) => match pieces.into_iter().next() {
                Some(Piece::Action {
                    steps,
                    keyword: None,
                    ..
                }) => Ok(steps),
                _ => self.fail(position, format!("unrecognized identifier in {part}")),
            },
            Err(Failure {
                position: within,
                reason,
            }) => {
                let within = within.saturating_sub(1 + before.len()).min(part.len());
                self.fail(position + within, reason)
            }
        }
    }
}

/// `left operator right` of a filter; nothing when it has no operator, or nothing beside it. An
/// operator at the very end leaves its last character to the right side, as kubectl's pattern does.
fn split_comparison(inside: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |character| "!<>=".contains(character);
    let start = inside.find(is_operator).filter(|&start| start > 0)?;
    let length = inside[start..]
        .find(|c| !is_operator(c))
        .unwrap_or(inside.len() - start - 1);
    let (operator, right) = inside[start..].split_at(length);
    (length > 0).then_some((&inside[..start], operator, right))
}

/// `1`, `1:3`, `::2`, `*` and the like.
fn index_or_slice(inside: &str) -> Result<Step, String> {
    let parts: Vec<&str> = if inside == "*" {
        vec!["", ""]
    } else {
        inside.split(':').collect()
    };
    let is_position = |part: &&str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.chars().all(|digit| digit.is_ascii_digit())
    };
    if parts.len() > 3 || !parts.iter().all(is_position) {
        return Err(format!("invalid array index {inside}"));
    }
    let position = |index: usize| match parts.get(index) {
        None | Some(&"") => Ok(None),
        Some(part) => part
            .parse()
            .map(Some)
            .map_err(|_| format!("array index {part} is not a number")),
    };
    let (start, end, step) = (position(0)?, position(1)?, position(2)?);
    Ok(if parts.len() == 1 {
        Step::Index(start.unwrap_or(0))
    } else {
        Step::Slice { start, end, step }
    })
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

/// What ends a name.
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
