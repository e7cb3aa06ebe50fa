//! Evaluates the steps of a path on an object like kubectl.
//!
//! Each step maps all current values to the next ones. Evaluating one value at a time would not
//! give kubectl's results: a union is sorted by selector first, a literal text replaces all values,
//! and an empty slice ends the step.

use serde_json::Value;

use super::item::Item;
use super::syntax::{Comparison, Filter, Operator, Step};

/// Follows the steps, one after the other, from the given values.
pub(super) fn walk<'a>(steps: &'a [Step], from: Vec<Item<'a>>) -> Result<Vec<Item<'a>>, String> {
    steps
        .iter()
        .try_fold(from, |found, step| follow(step, found))
}

fn follow<'a>(step: &'a Step, found: Vec<Item<'a>>) -> Result<Vec<Item<'a>>, String> {
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
        Step::Index(index) => index_of_each(*index, &found)?,
        Step::Slice { start, end, step } => slice(*start, *end, *step, &found)?,
        Step::Union(selectors) => {
            let mut all = Vec::new();
            for steps in selectors {
                all.extend(walk(steps, found.clone())?);
            }
            all
        }
        Step::Filter(filter) => filter_each(filter, &found)?,
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

/// Collects a value and its descendants, parents first, but only values with children.
fn descend<'a>(item: Item<'a>, all: &mut Vec<Item<'a>>) {
    let children = item.children();
    if !children.is_empty() {
        all.push(item);
        for child in children {
            descend(child, all);
        }
    }
}

fn index_of_each<'a>(index: i64, found: &[Item<'a>]) -> Result<Vec<Item<'a>>, String> {
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

/// Returns the list that an index or a slice applies to, or `None` for a null.
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

/// Counts a negative position from the end of the list.
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

fn filter_each<'a>(filter: &'a Filter, found: &[Item<'a>]) -> Result<Vec<Item<'a>>, String> {
    let mut elements = Vec::new();
    for item in found {
        let Item::List(list) = item else {
            let kind = item.type_name();
            return Err(format!(
                "{kind} is not array or slice and cannot be filtered"
            ));
        };
        for element in list.iter().map(Item::from) {
            if matches(filter, element)? {
                elements.push(element);
            }
        }
    }
    Ok(elements)
}

fn matches<'a>(filter: &'a Filter, element: Item<'a>) -> Result<bool, String> {
    let left = walk(&filter.left, vec![element]);
    let Some(Comparison { operator, right }) = &filter.comparison else {
        // As in kubectl, a step that fails keeps its input, so a value exists.
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
    let ordering = match (left, right) {
        (Item::Bool(left), Item::Bool(right)) if !operator.is_ordering() => Some(left.cmp(&right)),
        (Item::Integer(left), Item::Integer(right)) => Some(left.cmp(&right)),
        (Item::Float(left), Item::Float(right)) => left.partial_cmp(&right),
        (Item::Text(left), Item::Text(right)) => Some(left.cmp(right)),
        _ => None,
    };
    let ordering = ordering.ok_or_else(|| incomparable(left, right))?;
    Ok(operator.holds(ordering))
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
