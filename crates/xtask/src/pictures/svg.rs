//! Draws lines of coloured text as a terminal window, in SVG.
//!
//! Fonts differ between machines, so each sequence of words is positioned and sized by its columns.

use std::fmt::Write as _;

use crate::pictures::screen::{COLUMNS, Colour, Line, Run};

const CHARACTER_WIDTH: f64 = 7.8;
const LINE_HEIGHT: usize = 20;
const FONT_SIZE: usize = 13;
const MARGIN: usize = 20;
const TITLE_BAR: usize = 38;

/// Draws a window with a title.
pub(super) fn draw(title: &str, lines: &[Line]) -> String {
    let width = 2.0f64.mul_add(margin(), f64::from(COLUMNS) * CHARACTER_WIDTH);
    let height =
        TITLE_BAR + MARGIN + lines.len() * LINE_HEIGHT + MARGIN - (LINE_HEIGHT - FONT_SIZE);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="{FONT_SIZE}" fill="#e6edf3">
<title>{title}</title>
<rect x="0.5" y="0.5" width="{}" height="{}" rx="9.5" fill="#0d1117" stroke="#30363d"/>
<path d="M1 {TITLE_BAR}V10a9 9 0 0 1 9-9H{}a9 9 0 0 1 9 9V{TITLE_BAR}z" fill="#161b22"/>
<circle cx="21" cy="19.5" r="6" fill="#ff5f57"/><circle cx="41" cy="19.5" r="6" fill="#febc2e"/><circle cx="61" cy="19.5" r="6" fill="#28c840"/>
<text x="{}" y="24" text-anchor="middle" fill="#8b949e" font-size="13">{title}</text>
"##,
        width - 1.0,
        height - 1,
        width - 10.0,
        width / 2.0,
        title = escaped(title),
    );
    for (index, line) in lines.iter().enumerate() {
        let y = TITLE_BAR + MARGIN + FONT_SIZE + index * LINE_HEIGHT;
        let mut column = 0;
        for run in &line.runs {
            for (offset, words) in word_sequences(&run.text) {
                draw_words(&mut svg, words, column + offset, y, run);
            }
            column += run.text.chars().count();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_words(svg: &mut String, words: &str, column: usize, y: usize, run: &Run) {
    let fill = match run.colour {
        Colour::Default => "",
        Colour::Grey => r##" fill="#8b949e""##,
        Colour::Red => r##" fill="#ff7b72""##,
        Colour::Green => r##" fill="#7ee787""##,
        Colour::Yellow => r##" fill="#e3b341""##,
    };
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="{y}" textLength="{:.1}"{fill}>{}</text>"#,
        margin() + columns(column),
        columns(words.chars().count()),
        escaped(words),
    );
}

/// Splits a text at two or more spaces. Returns the sequences of words, each with its first column.
fn word_sequences(text: &str) -> Vec<(usize, &str)> {
    let mut sequences = Vec::new();
    let mut column = 0;
    for piece in text.split("  ") {
        let words = piece.trim();
        let indentation = piece.len() - piece.trim_start().len();
        if !words.is_empty() {
            sequences.push((column + indentation, words));
        }
        column += piece.chars().count() + 2;
    }
    sequences
}

#[expect(clippy::cast_precision_loss, reason = "it is small")]
fn margin() -> f64 {
    MARGIN as f64
}

#[expect(clippy::cast_precision_loss, reason = "a line is short")]
fn columns(count: usize) -> f64 {
    count as f64 * CHARACTER_WIDTH
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_columns() {
        assert_eq!(
            word_sequences("  Ümlaut a:    b c   "),
            [(2, "Ümlaut a:"), (15, "b c")]
        );
        assert_eq!(word_sequences("   "), []);
    }

    #[test]
    fn text_is_escaped_and_positioned() {
        let line = Line {
            runs: vec![
                Run {
                    text: "$ ".to_owned(),
                    colour: Colour::Green,
                },
                Run {
                    text: "a <b> &".to_owned(),
                    colour: Colour::Default,
                },
            ],
        };
        let svg = draw("x", &[line]);
        let expected = r##"<text x="20.0" y="71" textLength="7.8" fill="#7ee787">$</text>
<text x="35.6" y="71" textLength="54.6">a &lt;b&gt; &amp;</text>
</svg>
"##;
        assert!(svg.ends_with(expected), "{svg}");
    }
}
