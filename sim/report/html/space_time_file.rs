//! The space-time diagram as a file that stands alone.

use askama::Template;

use super::{
    super::Report,
    scale::coordinate,
    space_time::{Lane, Slice, SpaceTime},
};
use crate::oracle::Scene;

/// The height of a line of text.
const LINE: f64 = 18.0;

/// The width of a letter of the text above the diagram, at most on average.
const LETTER: f64 = 7.2;

/// The least width, in letters: words above a narrow diagram need room, too.
const LETTERS_MIN: usize = 88;

/// The space on the left and on the right.
const MARGIN: f64 = 16.0;

/// Words above, the diagram in one piece, what its lines mean below.
#[derive(Clone, Debug, Template)]
#[template(path = "space_time.svg")]
pub(super) struct SpaceTimeFile {
    title: String,
    is_expected: bool,
    lines: Vec<Line>,
    lanes: Vec<Lane>,
    slice: Slice,
    words_x: String,
    /// Of the diagram.
    width: String,
    diagram_y: String,
    legend_y: String,
    whole_width: String,
    whole_height: String,
}

/// A line of text.
#[derive(Clone, Debug)]
struct Line {
    /// `heading`, `what` or `command`.
    class: &'static str,
    y: String,
    text: String,
}

impl SpaceTimeFile {
    pub(super) fn new(report: &Report, scene: &Scene, is_expected: bool) -> Self {
        let SpaceTime { violation, lanes, mut slices, words_x, width, .. } = SpaceTime::whole(scene, is_expected);
        // A violation has an event of its own; without one there would be no rows, and the words stay.
        let slice = slices.pop().unwrap_or_default();
        let letters = width.parse().map_or(0, |width: f64| (width / LETTER) as usize).max(LETTERS_MIN);
        let (scenario, seed) = (plain(&report.scenario), report.seed);
        let title = format!("{} in {scenario}, seed {seed}", violation.invariant);
        let remark = if is_expected { ", as the scenario expects," } else { "" };
        let what = format!("{remark} at {}, event {}: {}", violation.at, violation.event_number, violation.what);
        let what = format!("{}{}", violation.invariant, plain(&what));
        let texts = [("heading", title.clone()), ("what", what), ("command", plain(&report.reproduce))];
        let texts = texts.into_iter().flat_map(|(class, text)| {
            wrapped(&text, letters).into_iter().map(move |line| (class, line)).collect::<Vec<_>>()
        });
        let lines: Vec<_> = (1_u32..)
            .zip(texts)
            .map(|(number, (class, text))| Line { class, y: coordinate(MARGIN + f64::from(number) * LINE), text })
            .collect();
        let number = |text: &str| text.parse().unwrap_or(0.0);
        let diagram_y = MARGIN + (lines.len() + 1) as f64 * LINE;
        let legend_y = diagram_y + number(&slice.height) + LINE;
        let whole_width = number(&width).max(letters as f64 * LETTER) + 2.0 * MARGIN;
        Self {
            title,
            is_expected,
            lines,
            lanes,
            slice,
            words_x,
            width,
            diagram_y: coordinate(diagram_y),
            legend_y: coordinate(legend_y),
            whole_width: coordinate(whole_width),
            whole_height: coordinate(legend_y + LINE + MARGIN),
        }
    }
}

/// Without what XML has no place for.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')).collect()
}

/// In lines of so many letters; a word that is longer has a line of its own.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a-word-that-is-long b", 4), ["a-word-that-is-long", "b"]);
        assert_eq!(plain("a\u{1b}b\u{ffff}ä"), "abä");
    }
}
