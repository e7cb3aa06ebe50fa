//! Makes random patches.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::Value;

use super::Kind;
use crate::body::PatchType;
use crate::evaluate::node::go_text;

/// Scalars, in several spellings.
const SCALARS: [&str; 28] = [
    "true",
    "false",
    "null",
    "null",
    "0",
    "1",
    "1.0",
    "1e0",
    "-1",
    "1.5",
    "1.50",
    "-0",
    "-0.0",
    "100",
    "1e2",
    "1e21",
    "1.0e-7",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    r#""""#,
    r#""a""#,
    r#""\u0061""#,
    r#""a<b""#,
    r#""a\u003cb""#,
    r#""é""#,
    r#""\u00e9""#,
    "\"\u{2028}\\n\"",
];

const TEXTS: [&str; 9] = [
    "null",
    r#""""#,
    r#""a""#,
    r#""\u0061""#,
    r#""a<b""#,
    r#""a\u003cb""#,
    r#""é""#,
    r#""\u00e9""#,
    "\"\u{2028}\\n\"",
];

/// Indices of items. Most lists have some of them.
const INDICES: [&str; 14] = [
    "-", "-", "0", "0", "1", "1", "2", "-1", "-2", "+0", "01", "99", "-99", "x",
];

const NAMES: [&str; 9] = ["a", "b", "c", "d/e", "f~g", "0", "-1", "", "h<i"];

/// Makes random patches of one object.
pub(super) struct Generator {
    rng: Rng,
    kind: Kind,
    /// Pointers that probably exist.
    pointers: Vec<String>,
    /// The values at the pointers of the object, as the server writes them.
    texts: Vec<String>,
}

impl Generator {
    pub(super) fn new(seed: u64, kind: Kind, object: &Value) -> Self {
        let mut generator = Self {
            rng: Rng::with_seed(seed),
            kind,
            pointers: Vec::new(),
            texts: Vec::new(),
        };
        let root = kind.root();
        generator.collect(&format!("/{root}"), &object[root]);
        generator
    }

    fn collect(&mut self, pointer: &str, value: &Value) {
        self.pointers.push(pointer.to_owned());
        self.texts.push(go_text(value));
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    self.collect(&format!("{pointer}/{}", escaped(name)), value);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.collect(&format!("{pointer}/{index}"), value);
                }
            }
            _ => {}
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    fn choose<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.rng.usize(..choices.len())]
    }

    fn name(&mut self) -> &'static str {
        if self.kind == Kind::ConfigMap {
            return self.choose(&["a", "b", "c.d", "0", "1"]);
        }
        self.choose(&NAMES)
    }

    /// Returns a JSON text.
    fn value(&mut self, depth: u32) -> String {
        if self.kind == Kind::ConfigMap {
            return self.choose(&TEXTS).to_owned();
        }
        let length = self.rng.usize(..4);
        match self.rng.u32(..10) {
            0..2 if depth > 0 => {
                let items: Vec<String> = (0..length).map(|_| self.value(depth - 1)).collect();
                format!("[{}]", items.join(", "))
            }
            2..5 if depth > 0 => self.object(length, depth - 1),
            _ => self.choose(&SCALARS).to_owned(),
        }
    }

    fn object(&mut self, length: usize, depth: u32) -> String {
        let mut members = BTreeMap::new();
        for _ in 0..length {
            members.insert(self.name(), self.value(depth));
        }
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{}: {value}", Value::from(*name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    fn pointer(&mut self) -> String {
        let index = self.rng.usize(..self.pointers.len());
        let mut pointer = self.pointers[index].clone();
        let is_list = self.texts[index].starts_with('[');
        let is_root = pointer.len() == self.kind.root().len() + 1;
        if is_list && self.chance(80) {
            let _ = write!(pointer, "/{}", self.choose(&INDICES));
        } else if is_root || self.chance(30) {
            let name = self.name();
            let _ = write!(pointer, "/{}", escaped(name));
        }
        if self.chance(3) {
            return pointer.split_off(1);
        }
        if self.chance(2) {
            return self
                .choose(&["", "/", "spec", "/metadata/missing/x"])
                .to_owned();
        }
        pointer
    }

    /// Returns a JSON patch or a merge patch.
    pub(super) fn patch(&mut self) -> (PatchType, String) {
        if self.chance(80) {
            (PatchType::Json, self.json_patch())
        } else {
            (PatchType::Merge, self.merge_patch())
        }
    }

    fn json_patch(&mut self) -> String {
        let count = self.rng.usize(1..=4);
        let operations: Vec<String> = (0..count).map(|_| self.operation()).collect();
        format!("[{}]", operations.join(","))
    }

    fn operation(&mut self) -> String {
        match self.rng.u32(..12) {
            0..4 => self.write("add"),
            4..6 => self.write("replace"),
            6..8 => {
                let path = self.pointer();
                operation("remove", &path, "")
            }
            8 => self.transfer("move"),
            9 => self.transfer("copy"),
            _ => self.test(),
        }
    }

    fn write(&mut self, op: &str) -> String {
        let path = self.pointer();
        if self.chance(2) {
            return operation(op, &path, "");
        }
        let value = self.value(2);
        self.remember(&path, &value);
        operation(op, &path, &format!(r#","value":{value}"#))
    }

    fn transfer(&mut self, op: &str) -> String {
        let (from, path) = (self.pointer(), self.pointer());
        let moved = self.pointers.iter().position(|pointer| *pointer == from);
        if let Some(index) = moved {
            let text = self.texts[index].clone();
            self.remember(&path, &text);
        }
        operation(op, &path, &format!(r#","from":{}"#, Value::from(from)))
    }

    fn test(&mut self) -> String {
        let index = self.rng.usize(..self.texts.len());
        let (mut path, mut value) = (self.pointers[index].clone(), self.texts[index].clone());
        if self.chance(30) {
            value = self.value(2);
        }
        if self.chance(20) {
            path = self.pointer();
        }
        operation("test", &path, &format!(r#","value":{value}"#))
    }

    /// Remembers a value that the patch writes, so that later operations may use it.
    fn remember(&mut self, path: &str, text: &str) {
        if path.starts_with('/') {
            self.pointers.push(path.to_owned());
            self.texts.push(text.to_owned());
        }
    }

    fn merge_patch(&mut self) -> String {
        let length = self.rng.usize(..4);
        let value = self.object(length, 3);
        format!(r#"{{"{}":{value}}}"#, self.kind.root())
    }
}

/// Returns an operation. `members` are its other members, each after a comma.
fn operation(op: &str, path: &str, members: &str) -> String {
    format!(r#"{{"op":"{op}","path":{}{members}}}"#, Value::from(path))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
