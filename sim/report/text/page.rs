//! Lines with headings, wrapped, with or without colour.

use std::iter;

use super::super::table::Table;

/// The widest line of a page.
const WIDTH: usize = 100;

/// A page that grows line by line.
pub(super) struct Page {
    colour: bool,
    text: String,
}

/// How a part of a line stands out on a terminal (ECMA-48 select graphic rendition).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Good,
    Bad,
    Doubtful,
    Strong,
    Faint,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Doubtful => "1;33",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

impl Page {
    pub(super) const fn new(colour: bool) -> Self {
        Self { colour, text: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// `text` so that it stands out, if the page has colours.
    pub(super) fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A heading after a blank line.
    pub(super) fn heading(&mut self, style: Style, heading: &str) {
        self.blank();
        let heading = self.styled(style, heading);
        self.line(&heading);
    }

    /// A table after a blank line, if it has rows, and whether it has.
    pub(super) fn table(&mut self, table: &Table) -> bool {
        let Some((heading, lines)) = table.lines() else { return false };
        self.heading(Style::Strong, &heading);
        lines.iter().for_each(|line| self.line(line));
        true
    }

    /// A remark of secondary importance, indented.
    pub(super) fn remark(&mut self, text: &str) {
        for line in wrapped("  ", text) {
            let line = self.styled(Style::Faint, &line);
            self.line(&line);
        }
    }

    /// A text after `lead`; further lines start below the text.
    pub(super) fn paragraph(&mut self, lead: &str, text: &str) {
        wrapped(lead, text).iter().for_each(|line| self.line(line));
    }
}

/// A space that no line is broken at.
pub(super) const JOINT: char = '\u{a0}';

/// Breaks `text` between words, never at a [`JOINT`]; a word that is too long stands alone on its line.
fn wrapped(lead: &str, text: &str) -> Vec<String> {
    let indent = lead.chars().count();
    let mut lines = vec![lead.to_owned()];
    let mut column = indent;
    // The text may quote what came over the network: no control character reaches the terminal.
    let words = text.split(|letter: char| letter.is_whitespace() && letter != JOINT).map(|word| {
        let word: String = word.chars().filter(|letter| !letter.is_control()).collect();
        word.replace(JOINT, " ")
    });
    for word in words.filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            lines.push(iter::repeat_n(' ', indent).collect());
            column = indent;
        }
        if let Some(line) = lines.last_mut() {
            if column > indent {
                line.push(' ');
                column += 1;
            }
            line.push_str(&word);
            column += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_below_their_start() {
        let text = "word ".repeat(40);
        let lines = wrapped("  S1  ", &text);
        assert!(lines.len() == 3 && lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        assert!(lines[0].starts_with("  S1  word") && lines[1].starts_with("      word"), "{lines:?}");
    }

    #[test]
    fn a_joint_never_breaks() {
        let text = format!("one{JOINT}step ").repeat(20);
        assert!(wrapped("", &text).iter().all(|line| line.starts_with("one step") && line.ends_with("one step")));
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(wrapped("", "a\x1b[31mb\x07 \u{9b}c"), ["a[31mb c"]);
    }
}
