//! The pieces of a template, with each range linked to its end.

use super::syntax::{Keyword, Piece, Step, SyntaxError};

/// The maximum depth of nested ranges. Each level without an `{end}` doubles the work.
const MAX_RANGE_DEPTH: usize = 16;

/// A part of a template, in the order of the template.
#[derive(Debug)]
pub(super) enum Node {
    /// Text outside of braces.
    Text(String),
    /// `{steps}`: prints the values that the steps find.
    Expression(Vec<Step>),
    /// `{range steps}`: renders the nodes up to `end` for each value found, then continues at
    /// `resume` with the outer value.
    Range {
        steps: Vec<Step>,
        end: usize,
        resume: usize,
    },
    /// `{end}`.
    End,
}

/// Links each range to its `{end}`. A range without an `{end}` extends to the end of the template.
/// Like kubectl, rendering then continues after the last `{end}` inside the range or, if there is
/// none, after its start.
pub(super) fn link_ranges(pieces: Vec<Piece>) -> Result<Vec<Node>, SyntaxError> {
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
                if open_ranges.len() == MAX_RANGE_DEPTH {
                    let reason = format!("ranges nested more than {MAX_RANGE_DEPTH} deep");
                    return Err(SyntaxError { position, reason });
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
                    return Err(SyntaxError { position, reason });
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
        let last = last_end.filter(|&end| end > range).unwrap_or(range);
        close_range(&mut nodes, range, all, last + 1);
    }
    Ok(nodes)
}

/// Fills in the links of the range at `index`.
fn close_range(nodes: &mut [Node], index: usize, body_end: usize, resume_at: usize) {
    if let Node::Range { end, resume, .. } = &mut nodes[index] {
        (*end, *resume) = (body_end, resume_at);
    }
}
