//! `-o table` and `-o wide`: show the server's columns, like `kubectl get -w
//! --output-watch-events`.
//!
//! The server describes its columns on every page of a list, but only on the first event of a
//! stream (`apiserver/pkg/endpoints/handlers/response.go`), so they are remembered. Their widths
//! are remembered, too, and only grow.

use std::collections::HashMap;
use std::fmt::Write as _;

use kubectl_plugin::Error;
use kubectl_plugin::request::RawPath;
use kubectl_plugin::text::terminal;
use kubectl_plugin::text::terminal::{fit, printable};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::wire::page::Page;

/// The gap between two columns, as in kubectl (`cli-runtime/pkg/printers/tabwriter.go`).
const GAP: usize = 3;
/// The width of the longest event type.
const EVENT_WIDTH: usize = "MODIFIED".len();
const UNKNOWN: &str = "<unknown>";

/// The tables of a run, one for each path.
#[derive(Debug)]
pub(crate) struct Tables {
    layout: Layout,
    tables: HashMap<String, Table>,
}

/// The optional columns, which are the same in all tables of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    /// Whether columns of lower priority are shown, too.
    pub(crate) wide: bool,
    pub(crate) timestamps: bool,
    pub(crate) paths: bool,
}

#[derive(Debug, Default)]
struct Table {
    layout: Layout,
    /// Whether the path may have objects of several namespaces.
    spans_namespaces: bool,
    /// Whether rows have a column for the namespace. It is decided by the first object, because the
    /// path alone does not tell whether its objects are cluster-scoped.
    has_namespaces: Option<bool>,
    /// The server's columns, if they are known.
    columns: Vec<Column>,
    /// The widths of all columns, including the leading ones.
    widths: Vec<usize>,
    has_header: bool,
}

/// A column (`meta/v1`, `TableColumnDefinition`).
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Column {
    name: String,
    priority: i32,
}

/// A row (`meta/v1`, `TableRow`), or an object without cells.
#[derive(Default, Deserialize)]
struct Row<'a> {
    #[serde(default)]
    cells: Vec<Value>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

/// An event with a table or an object, and the members of `rawwatch`.
#[derive(Deserialize)]
struct EventLine<'a> {
    #[serde(rename = "type")]
    event_type: String,
    #[serde(borrow)]
    object: &'a RawValue,
    #[serde(default)]
    rawwatch: RawwatchMember,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawwatchMember {
    path: String,
    time: String,
    synthetic: bool,
}

#[derive(Deserialize)]
struct TableObject<'a> {
    #[serde(default)]
    kind: String,
    #[serde(default, rename = "apiVersion")]
    api_version: String,
    #[serde(default, rename = "columnDefinitions")]
    columns: Option<Vec<Column>>,
    #[serde(default, borrow)]
    rows: Vec<Row<'a>>,
}

/// The parts of the object in a row that are read.
#[derive(Default, Deserialize)]
struct RowObject {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    resource_version: String,
}

/// Returns the object in the row, if `object` is a table.
pub(crate) fn object_in_row(object: &RawValue) -> Option<&RawValue> {
    TableObject::parse(object)?.rows.first()?.object
}

impl Row<'_> {
    /// Returns the metadata of the object in the row.
    fn metadata(&self) -> Metadata {
        self.object
            .and_then(|object| serde_json::from_str::<RowObject>(object.get()).ok())
            .unwrap_or_default()
            .metadata
    }
}

impl<'a> TableObject<'a> {
    /// Parses a table. Returns `None` if `object` is not one.
    fn parse(object: &'a RawValue) -> Option<Self> {
        let table: Self = serde_json::from_str(object.get()).ok()?;
        let is_table = table.kind == "Table" && table.api_version.starts_with("meta.k8s.io/");
        is_table.then_some(table)
    }
}

impl Tables {
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            layout,
            tables: HashMap::new(),
        }
    }

    /// Widens the columns of a path for all rows of a page, before its first line is written.
    pub(crate) fn measure(&mut self, path: &str, page: &Page<'_>) {
        let table = self.table(path);
        if let Some(columns) = page
            .columns
            .and_then(|columns| serde_json::from_str(columns.get()).ok())
        {
            table.set_columns(columns);
        }
        for item in &page.items {
            if let Ok(row) = serde_json::from_str::<Row<'_>>(item.get()) {
                table.decide_namespaces(&row);
                table.widen(&table.texts("ADDED", &row, &RawwatchMember::default()));
            }
        }
    }

    /// Updates the columns from an event.
    pub(crate) fn learn(&mut self, path: &str, line: &[u8]) {
        if let Ok(event) = serde_json::from_slice::<EventLine<'_>>(line)
            && let Some(columns) = TableObject::parse(event.object).and_then(|table| table.columns)
        {
            self.table(path).set_columns(columns);
        }
    }

    /// Renders the line of an event, with the header before the first one.
    pub(crate) fn describe(&mut self, path: &str, line: &[u8]) -> Result<String, Error> {
        let event: EventLine<'_> = serde_json::from_slice(line)
            .map_err(|_| Error::protocol("the server sent an event that is not valid JSON"))?;
        let row = match TableObject::parse(event.object) {
            Some(object) => {
                if let Some(columns) = object.columns {
                    self.table(path).set_columns(columns);
                }
                object.rows.into_iter().next().unwrap_or_default()
            }
            // The server sends an object unchanged if it cannot turn it into a row.
            None => Row {
                cells: Vec::new(),
                object: Some(event.object),
            },
        };
        let table = self.table(path);
        if event.event_type != "BOOKMARK" {
            table.decide_namespaces(&row);
        }
        let texts = table.texts(&event.event_type, &row, &event.rawwatch);
        table.widen(&texts);
        let mut lines = String::new();
        if !table.has_header {
            let header = table.header();
            table.widen(&header);
            table.append(&header, &mut lines);
            table.has_header = true;
        }
        table.append(&texts, &mut lines);
        Ok(lines)
    }

    fn table(&mut self, path: &str) -> &mut Table {
        let layout = self.layout;
        self.tables.entry(path.to_owned()).or_insert_with(|| {
            let resource = RawPath::verbatim(path)
                .ok()
                .and_then(|path| path.resource());
            Table {
                layout,
                spans_namespaces: resource.is_some_and(|resource| resource.namespace.is_none()),
                ..Table::default()
            }
        })
    }
}

impl Table {
    /// Updates the server's columns. If they are new, the table starts over with a header.
    fn set_columns(&mut self, columns: Vec<Column>) {
        if columns != self.columns {
            self.columns = columns;
            self.widths.clear();
            self.has_header = false;
        }
    }

    /// Decides by an object whether its kind has namespaces.
    fn decide_namespaces(&mut self, row: &Row<'_>) {
        self.has_namespaces
            .get_or_insert_with(|| self.spans_namespaces && !row.metadata().namespace.is_empty());
    }

    fn shows_namespaces(&self) -> bool {
        self.has_namespaces.unwrap_or(self.spans_namespaces)
    }

    /// Returns the columns that are shown, with the indexes of their cells.
    fn shown(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| self.layout.wide || column.priority == 0)
    }

    fn header(&self) -> Vec<String> {
        let leading = [
            (true, "EVENT"),
            (self.layout.timestamps, "TIME"),
            (self.layout.paths, "PATH"),
            (self.shows_namespaces(), "NAMESPACE"),
            (self.columns.is_empty(), "NAME"),
        ];
        let leading = leading.iter().filter(|(is_there, _)| *is_there);
        let leading = leading.map(|(_, name)| (*name).to_owned());
        leading
            .chain(self.shown().map(|(_, column)| column.name.to_uppercase()))
            .collect()
    }

    /// Returns the cells of a row. A synthetic event is marked with a `*`.
    fn texts(&self, event_type: &str, row: &Row<'_>, member: &RawwatchMember) -> Vec<String> {
        let metadata = row.metadata();
        let is_bookmark = event_type == "BOOKMARK";
        let name = if is_bookmark {
            format!("resourceVersion={}", metadata.resource_version)
        } else {
            metadata.name
        };
        let mark = if member.synthetic { "*" } else { "" };
        let mut texts = vec![format!("{event_type}{mark}")];
        if self.layout.timestamps {
            texts.push(member.time.clone());
        }
        if self.layout.paths {
            texts.push(member.path.clone());
        }
        if self.shows_namespaces() {
            texts.push(metadata.namespace);
        }
        if self.columns.is_empty() {
            texts.push(name);
            return texts;
        }
        texts.extend(self.shown().map(|(index, column)| {
            match (row.cells.get(index), is_bookmark) {
                (_, true) if index == 0 => name.clone(),
                (_, true) => String::new(),
                (Some(cell), _) => text(cell),
                (None, _) if column.name == "Name" => name.clone(),
                (None, _) => UNKNOWN.to_owned(),
            }
        }));
        texts
    }

    fn widen(&mut self, texts: &[String]) {
        self.widths.resize(texts.len(), 0);
        for (width, text) in self.widths.iter_mut().zip(texts) {
            *width = (*width).max(text.chars().count());
        }
        self.widths[0] = self.widths[0].max(EVENT_WIDTH);
    }

    fn append(&self, texts: &[String], lines: &mut String) {
        let mut line = String::new();
        for (text, width) in texts.iter().zip(&self.widths) {
            let _ = write!(line, "{text:width$}{:GAP$}", "");
        }
        lines.push_str(&fit(line.trim_end(), terminal::width()));
        lines.push('\n');
    }
}

/// Formats a cell like kubectl, on one line and without control sequences
/// (`cli-runtime/pkg/printers/tableprinter.go`, `terminal.go`).
fn text(cell: &Value) -> String {
    let text = match cell {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (first, dots) = match text.split_once(['\n', '\r', '\u{c}']) {
        Some((first, _)) => (first, "..."),
        None => (text.as_str(), ""),
    };
    printable(first, "").into_owned() + dots
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
    const COLUMNS: &str =
        r#"[{"name":"Name"},{"name":"Data"},{"name":"More","priority":1},{"name":"Age"}]"#;

    fn event(event_type: &str, columns: &str, row: &str, member: &str) -> String {
        format!(
            r#"{{"type":"{event_type}","object":{{"kind":"Table","apiVersion":"meta.k8s.io/v1","columnDefinitions":{columns},"rows":[{row}]}}{member}}}"#
        )
    }

    fn row(name: &str, cells: &str) -> String {
        format!(
            r#"{{"cells":{cells},"object":{{"kind":"PartialObjectMetadata","metadata":{{"name":"{name}","namespace":"n","resourceVersion":"7"}}}}}}"#
        )
    }

    fn describe(tables: &mut Tables, path: &str, event: &str) -> String {
        tables.describe(path, event.as_bytes()).unwrap()
    }

    #[test]
    fn the_header_comes_once_and_columns_only_grow() {
        let mut tables = Tables::new(Layout::default());
        let first = event("ADDED", COLUMNS, &row("a", r#"["a",1,"x","5s"]"#), "");
        let next = event(
            "MODIFIED",
            "null",
            &row("longer", r#"["longer",22,"x","6s"]"#),
            "",
        );
        let last = event("DELETED", "null", &row("a", r#"["a",1,"x",null]"#), "");
        let lines = [first, next, last].map(|event| describe(&mut tables, CONFIG_MAPS, &event));
        assert_eq!(
            lines.concat(),
            "EVENT      NAME   DATA   AGE\n\
             ADDED      a      1      5s\n\
             MODIFIED   longer   22     6s\n\
             DELETED    a        1\n"
        );
    }

    #[test]
    fn a_page_is_measured_before_its_first_row() {
        let mut tables = Tables::new(Layout::default());
        let page = format!(
            r#"{{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{{"resourceVersion":"9"}},"columnDefinitions":{COLUMNS},"rows":[{},{}]}}"#,
            row("a", r#"["a",1,"x","5s"]"#),
            row("longer-name", r#"["longer-name",1,"x","5s"]"#),
        );
        tables.measure(CONFIG_MAPS, &Page::parse(page.as_bytes()).unwrap());
        let first = event("ADDED", "null", &row("a", r#"["a",1,"x","5s"]"#), "");
        assert_eq!(
            describe(&mut tables, CONFIG_MAPS, &first),
            "EVENT      NAME          DATA   AGE\nADDED      a             1      5s\n"
        );
    }

    #[test]
    fn added_columns_and_the_namespace_come_before_the_servers_columns() {
        let mut tables = Tables::new(Layout {
            wide: true,
            timestamps: true,
            paths: true,
        });
        let member = r#","rawwatch":{"path":"/p","time":"now","synthetic":true}"#;
        let event = event("ADDED", COLUMNS, &row("a", r#"["a",1,"x","5s"]"#), member);
        assert_eq!(
            describe(&mut tables, "/api/v1/configmaps", &event),
            "EVENT      TIME   PATH   NAMESPACE   NAME   DATA   MORE   AGE\n\
             ADDED*     now    /p     n           a      1      x      5s\n"
        );
    }

    #[test]
    fn cluster_scoped_objects_have_no_column_for_the_namespace() {
        let row = r#"{"cells":["a",1,"x","5s"],"object":{"metadata":{"name":"a"}}}"#;
        let mut tables = Tables::new(Layout::default());
        assert_eq!(
            describe(
                &mut tables,
                "/api/v1/nodes",
                &event("ADDED", COLUMNS, row, "")
            ),
            "EVENT      NAME   DATA   AGE\nADDED      a      1      5s\n"
        );
    }

    #[test]
    fn an_object_without_cells_is_shown_by_its_name() {
        let mut tables = Tables::new(Layout::default());
        let gone = event("DELETED", COLUMNS, &row("a", "[]"), "");
        let bookmark = event("BOOKMARK", "null", &row("", r#"["",0,"","<unknown>"]"#), "");
        let raw = r#"{"type":"ADDED","object":{"kind":"ConfigMap","metadata":{"name":"b"}}}"#;
        assert_eq!(
            [&gone, &bookmark, raw]
                .map(|event| describe(&mut tables, CONFIG_MAPS, event))
                .concat(),
            "EVENT      NAME   DATA        AGE\n\
             DELETED    a      <unknown>   <unknown>\n\
             BOOKMARK   resourceVersion=7\n\
             ADDED      b                   <unknown>   <unknown>\n"
        );
        // A server without tables.
        assert_eq!(
            describe(&mut Tables::new(Layout::default()), CONFIG_MAPS, raw),
            "EVENT      NAME\nADDED      b\n"
        );
    }

    #[test]
    fn a_cell_is_one_line_without_control_characters() {
        for (cell, expected) in [
            (r#""a\nb""#, "a..."),
            (r#""\u001b[31mred""#, "^[[31mred"),
            (r#""a\tb""#, "a\\u{9}b"),
            ("1.5", "1.5"),
            ("true", "true"),
        ] {
            assert_eq!(text(&serde_json::from_str(cell).unwrap()), expected);
        }
    }
}
