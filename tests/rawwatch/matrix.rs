use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("matrix.md");

/// The number of faults in the table.
const ROWS: usize = 39;

/// The folders that contain their tests.
const SOURCES: [&str; 3] = [
    "tests/rawwatch",
    "crates/kubectl-rawwatch/src",
    "crates/kubectl-plugin/src",
];

#[test]
fn every_fault_names_existing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tests = BTreeSet::new();
    for folder in SOURCES {
        collect_tests(&root.join(folder), &mut tests);
    }
    let rows: Vec<&str> = TABLE
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| #"))
        .collect();
    assert_eq!(rows.len(), ROWS);
    for (number, row) in (1..).zip(rows) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{row}");
        assert_eq!(cells[0], number.to_string(), "{row}");
        for name in cells[3].split(", ") {
            let name = name.trim_matches('`');
            assert!(
                tests.contains(name),
                "row {number} names a test that does not exist: {name}"
            );
        }
    }
}

/// Collects the names of the tests in a folder and its subfolders.
fn collect_tests(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_tests(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut lines = text.lines().map(str::trim);
            while let Some(line) = lines.next() {
                if line == "#[test]" || line == "#[tokio::test]" {
                    let function = lines.find(|line| line.contains("fn ")).unwrap_or_default();
                    let (_, rest) = function.split_once("fn ").unwrap_or_default();
                    tests.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
                }
            }
        }
    }
}
