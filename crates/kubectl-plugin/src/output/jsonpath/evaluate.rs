//! What the steps of a template find in an object, with kubectl's meaning of each step.
//!
//! A step goes from all values found so far to all values found next, as in kubectl, whose
//! results cannot be had value by value: a union is sorted by selector first, a literal text
//! replaces everything, an empty slice ends the step.

use serde_json::{Map, Value};

use super::syntax::{Comparison, Filter, Operator, Step};

/// A value as Go sees it after decoding: numbers are 64-bit integers where they fit, strings
/// and quoted text are bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    /// No value at all: what Go has in a range over a null.
    Nothing,
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(&'a [u8]),
    List(&'a [Value]),
    Object(&'a Map<String, Value>),
}

impl<'a> From<&'a Value> for Item<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, Some(float)) => Self::Float(float),
                (None, None) => Self::Null,
            },
            Value::String(text) => Self::Text(text.as_bytes()),
            Value::Array(list) => Self::List(list),
            Value::Object(object) => Self::Object(object),
        }
    }
}

impl Item<'_> {
    /// The value that the body of a range starts from.
    pub(super) fn as_range_value(self) -> Self {
        match self {
            Self::Null => Self::Nothing,
            other => other,
        }
    }

    /// What `*` and `..` go down to. A text gives its bytes.
    fn children(self) -> Vec<Self> {
        match self {
            Self::List(list) => list.iter().map(Self::from).collect(),
            Self::Object(object) => object.values().map(Self::from).collect(),
            Self::Text(text) => text
                .iter()
                .map(|&byte| Self::Integer(byte.into()))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Go's name of the type, for messages.
    fn type_name(self) -> &'static str {
        match self {
            Self::Nothing | Self::Null => "<nil>",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Object(_) => "map[string]interface {}",
        }
    }
}

/// Takes the steps one after the other, from the values given.
pub(super) fn walk<'a>(steps: &'a [Step], from: Vec<Item<'a>>) -> Result<Vec<Item<'a>>, String> {
    steps.iter().try_fold(from, |found, step| take(step, found))
}

fn take<'a>(step: &'a Step, found: Vec<Item<'a>>) -> Result<Vec<Item<'a>>, String> {
    Ok(match step {
        Step::Field(name) => field(name, &found),
        Step::Wildcard => found.into_iter().flat_map(Item::children).collect(),
        Step::Recursive => {
            let mut all = Vec::new();
            for item in found {
                descend(item, &mut all);
            }
            all
        }
        Step::Index(index) => element(*index, &found)?,
        Step::Slice { start, end, step } => slice(*start, *end, *step, &found)?,
        Step::Union(selectors) => {
            let mut all = Vec::new();
            for steps in selectors {
                all.extend(walk(steps, found.clone())?);
            }
            all
        }
        Step::Filter(filter) => matching(filter, &found)?,
        Step::Text(text) => vec![Item::Text(text)],
        Step::Bool(value) => vec![Item::Bool(*value); found.len()],
        Step::Integer(value) => vec![Item::Integer(*value); found.len()],
        Step::Float(value) => vec![Item::Float(*value); found.len()],
    })
}

fn field<'a>(name: &str, found: &[Item<'a>]) -> Vec<Item<'a>> {
    let value = |item: &Item<'a>| match item {
        Item::Object(object) => object.get(name).map(Item::from),
        _ => None,
    };
    found.iter().filter_map(value).collect()
}

/// An item and all below it, parents first, without what has nothing below it.
fn descend<'a>(item: Item<'a>, all: &mut Vec<Item<'a>>) {
    let children = item.children();
    if !children.is_empty() {
        all.push(item);
        for child in children {
            descend(child, all);
        }
    }
}

fn element<'a>(index: i64, found: &[Item<'a>]) -> Result<Vec<Item<'a>>, String> {
    let mut elements = Vec::new();
    for item in found {
        let Some(list) = list(*item)? else { continue };
        let position = from_end(index, list);
        let element = usize::try_from(position)
            .ok()
            .and_then(|position| list.get(position));
        elements.push(element.ok_or_else(|| out_of_bounds(position, list))?.into());
    }
    Ok(elements)
}

fn slice<'a>(
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
    found: &[Item<'a>],
) -> Result<Vec<Item<'a>>, String> {
    let mut elements = Vec::new();
    for item in found {
        let Some(list) = list(*item)? else { continue };
        let start = from_end(start.unwrap_or(0), list);
        let end = end.map_or(length(list), |end| from_end(end, list));
        if start == end {
            return Ok(elements);
        }
        if !(0..length(list)).contains(&start) {
            return Err(out_of_bounds(start, list));
        }
        if !(0..=length(list)).contains(&end) {
            return Err(out_of_bounds(end - 1, list));
        }
        if start > end {
            return Err(format!(
                "starting index {start} is greater than ending index {end}"
            ));
        }
        let step = step.unwrap_or(1);
        if step <= 0 {
            return Err("step must be > 0".to_owned());
        }
        let position = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let chosen = &list[position(start)..position(end)];
        elements.extend(chosen.iter().step_by(position(step)).map(Item::from));
    }
    Ok(elements)
}

/// The list that an index, a slice or a filter is for; nothing for a null.
fn list(item: Item<'_>) -> Result<Option<&[Value]>, String> {
    match item {
        Item::List(list) => Ok(Some(list)),
        Item::Null | Item::Nothing => Ok(None),
        other => Err(format!("{} is not array or slice", other.type_name())),
    }
}

fn length(list: &[Value]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

/// A position counted from the end of the list when it is negative.
fn from_end(position: i64, list: &[Value]) -> i64 {
    if position < 0 {
        position + length(list)
    } else {
        position
    }
}

fn out_of_bounds(index: i64, list: &[Value]) -> String {
    format!(
        "array index out of bounds: index {index}, length {}",
        list.len()
    )
}

fn matching<'a>(filter: &'a Filter, found: &[Item<'a>]) -> Result<Vec<Item<'a>>, String> {
    let mut elements = Vec::new();
    for item in found {
        let Item::List(list) = item else {
            let kind = item.type_name();
            return Err(format!(
                "{kind} is not array or slice and cannot be filtered"
            ));
        };
        for element in list.iter().map(Item::from) {
            if holds(filter, element)? {
                elements.push(element);
            }
        }
    }
    Ok(elements)
}

fn holds<'a>(filter: &'a Filter, element: Item<'a>) -> Result<bool, String> {
    let left = walk(&filter.left, vec![element]);
    let Some(Comparison { operator, right }) = &filter.comparison else {
        // A failing step hands on the values it was given, and these exist.
        return Ok(left.map_or(true, |found| !found.is_empty()));
    };
    let Some(left) = at_most_one(&left?)? else {
        return Ok(false);
    };
    let Some(right) = at_most_one(&walk(right, vec![element])?)? else {
        return Ok(false);
    };
    compare(left, *operator, right)
}

fn at_most_one<'a>(found: &[Item<'a>]) -> Result<Option<Item<'a>>, String> {
    match found {
        [] => Ok(None),
        [item] => Ok(Some(*item)),
        _ => Err("can only compare one element at a time".to_owned()),
    }
}

fn compare(left: Item<'_>, operator: Operator, right: Item<'_>) -> Result<bool, String> {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let ordering = match (left, right) {
        (Item::Bool(left), Item::Bool(right)) if equality => Some(left.cmp(&right)),
        (Item::Integer(left), Item::Integer(right)) => Some(left.cmp(&right)),
        (Item::Float(left), Item::Float(right)) => left.partial_cmp(&right),
        (Item::Text(left), Item::Text(right)) => Some(left.cmp(right)),
        _ => None,
    };
    let ordering = ordering.ok_or_else(|| incomparable(left, right))?;
    Ok(match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
    })
}

fn incomparable(left: Item<'_>, right: Item<'_>) -> String {
    let plain = |item| {
        !matches!(
            item,
            Item::Nothing | Item::Null | Item::List(_) | Item::Object(_)
        )
    };
    if plain(left) && plain(right) && left.type_name() != right.type_name() {
        "incompatible types for comparison".to_owned()
    } else {
        "invalid type for comparison".to_owned()
    }
}
