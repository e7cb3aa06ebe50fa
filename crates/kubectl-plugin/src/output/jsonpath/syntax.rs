//! The parts of a parsed template.

use std::cmp::Ordering;

/// A text outside of braces, or one pair of braces.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Action {
        steps: Vec<Step>,
        keyword: Option<Keyword>,
        /// The byte offset of the opening brace.
        position: usize,
    },
}

/// A word that turns an action into more than a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Keyword {
    Range,
    End,
}

/// A step of a path.
#[derive(Debug)]
pub(super) enum Step {
    /// `.name` or `['name']`.
    Field(String),
    /// `.*`.
    Wildcard,
    /// `..`.
    Recursive,
    /// `[1]`.
    Index(i64),
    /// `[start:end:step]`, `[*]`.
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: Option<i64>,
    },
    /// `[0,2]`, `['a','b']`: the steps of each selector.
    Union(Vec<Vec<Step>>),
    /// `[?(…)]`.
    Filter(Filter),
    /// `"text"` or `'text'`, with its escapes resolved.
    Text(Vec<u8>),
    Bool(bool),
    Integer(i64),
    Float(f64),
}

/// `[?(left operator right)]`, or `[?(left)]`, which tests whether `left` exists.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) left: Vec<Step>,
    pub(super) comparison: Option<Comparison>,
}

#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) operator: Operator,
    pub(super) right: Vec<Step>,
}

/// An operator that compares two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Reports whether two values with this ordering meet the operator.
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// Reports whether the operator compares amounts.
    pub fn is_ordering(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// A mistake in a template, and its position.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) position: usize,
    pub(super) reason: String,
}
