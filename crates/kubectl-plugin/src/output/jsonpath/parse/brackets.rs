//! Indexes, slices, unions, quoted keys and filters.

use super::{Parser, pieces};
use crate::output::jsonpath::syntax::{Comparison, Filter, Operator, Piece, Step, SyntaxError};

impl Parser<'_> {
    /// Parses `[…]`, except for a filter: a union, a quoted key, an index or a slice.
    pub(super) fn brackets(&mut self) -> Result<Vec<Step>, SyntaxError> {
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

    /// Parses `[?(…)]`.
    pub(super) fn filter(&mut self) -> Result<Step, SyntaxError> {
        let at = self.position;
        self.position += "[?(".len();
        let inside_at = self.position;
        let Some(end) = filter_length(self.rest()) else {
            return self.fail(at, "unterminated filter");
        };
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

    /// Parses `part`, which starts at `position`, as an action that also contains `before` and
    /// `after`.
    fn nested(
        &self,
        position: usize,
        before: &str,
        part: &str,
        after: &str,
    ) -> Result<Vec<Step>, SyntaxError> {
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
            Err(SyntaxError {
                position: within,
                reason,
            }) => {
                let within = within.saturating_sub(1 + before.len()).min(part.len());
                self.fail(position + within, reason)
            }
        }
    }
}

/// Returns the length of a filter up to its closing parenthesis. A parenthesis inside the first
/// pair of quotes does not close it.
fn filter_length(text: &str) -> Option<usize> {
    let (mut quote, mut closed, mut before) = (None, false, '(');
    let end = text.find(|character| {
        match (character, quote) {
            ('\n', _) => return true,
            (')', _) if quote.is_none() || closed => return true,
            ('"' | '\'', None) => quote = Some(character),
            _ if Some(character) == quote && before != '\\' => closed = true,
            _ => {}
        }
        before = character;
        false
    })?;
    text[end..].starts_with(')').then_some(end)
}

/// Splits a filter into `left operator right`. Returns `None` if a part is missing. As with
/// kubectl's pattern, the last character of an operator at the very end belongs to the right side.
fn split_comparison(inside: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |character| "!<>=".contains(character);
    let start = inside.find(is_operator).filter(|&start| start > 0)?;
    let length = inside[start..]
        .find(|c| !is_operator(c))
        .unwrap_or(inside.len() - start - 1);
    let (operator, right) = inside[start..].split_at(length);
    (length > 0).then_some((&inside[..start], operator, right))
}

/// Parses `1`, `1:3`, `::2`, `*` and the like.
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
