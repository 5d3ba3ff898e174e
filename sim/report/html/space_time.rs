//! The space-time diagram: who did what around a violation, and which message led to it.

use askama::Template;

use super::{cast::Cast, event_words::words, scale::coordinate};
use crate::{
    event::{Event, EventKind},
    oracle::{Scene, Violation},
    types::{ActorId, RequestId},
};

/// The height of a row.
const ROW: f64 = 22.0;

/// The height of the actors' names, in two lines.
const HEAD: f64 = 48.0;

/// How many rows a drawing has.
const SLICE: usize = 10;

/// The width of the column of times, with room for half a name.
const TIMES: f64 = 88.0;

/// The width of an actor's lane. A name has room in two: the next one stands a line lower.
const LANE: f64 = 48.0;

/// The width of a letter of the words beside the lanes, at most on average.
const LETTER: f64 = 6.9;

/// Actors as upright lines, virtual time downwards, messages as arrows.
#[derive(Clone, Debug, Template)]
#[template(path = "space_time.html")]
pub(super) struct SpaceTime {
    pub violation: Violation,
    /// Whether the scenario expects it.
    pub is_expected: bool,
    pub lanes: Vec<Lane>,
    pub slices: Vec<Slice>,
    /// Where the words begin.
    pub words_x: String,
    pub width: String,
}

/// Some rows, one drawing: paper ends between two drawings and never within one.
#[derive(Clone, Debug, Default)]
pub(super) struct Slice {
    pub top: String,
    pub bottom: String,
    pub height: String,
    pub rows: Vec<Row>,
    /// Those that are seen in it, wholly or in part.
    pub arrows: Vec<Arrow>,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub name: String,
    pub x: String,
    /// Where the name stands, and where the line below it begins.
    pub name_y: String,
    pub from_y: String,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub number: u64,
    /// When, unless it is the same instant as in the row above.
    pub time: String,
    /// Where the row lies, and where its text stands.
    pub top: String,
    pub y: String,
    pub text_y: String,
    pub x: String,
    pub actor: String,
    pub words: String,
    pub is_violation: bool,
    pub is_refusal: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Arrow {
    pub path: String,
    /// Between which heights it lies.
    from_y: f64,
    to_y: f64,
    /// `request`, `answer`, `opening` or `interception`.
    pub class: &'static str,
}

/// Drawings of so many rows each.
fn slices(rows: Vec<Row>, arrows: &[Arrow], each: usize) -> Vec<Slice> {
    let count = rows.len().div_ceil(each);
    let slice = |(index, rows): (usize, &[Row])| {
        // The names of the actors stand above the first row, and their lines end a little below the last.
        let top = if index == 0 { 0.0 } else { HEAD + (index * each) as f64 * ROW };
        let bottom = HEAD + (index * each + rows.len()) as f64 * ROW + if index + 1 == count { 4.0 } else { 0.0 };
        let is_seen = |arrow: &&Arrow| arrow.from_y - 4.0 <= bottom && top <= arrow.to_y + 4.0;
        Slice {
            top: coordinate(top),
            bottom: coordinate(bottom),
            height: coordinate(bottom - top),
            rows: rows.to_vec(),
            arrows: arrows.iter().filter(is_seen).cloned().collect(),
        }
    };
    rows.chunks(each).enumerate().map(slice).collect()
}

impl SpaceTime {
    /// As a page has it.
    pub(super) fn new(scene: &Scene, is_expected: bool) -> Self {
        Self::of(scene, is_expected, SLICE)
    }

    /// All in one drawing.
    pub(super) fn whole(scene: &Scene, is_expected: bool) -> Self {
        Self::of(scene, is_expected, usize::MAX)
    }

    fn of(scene: &Scene, is_expected: bool, each: usize) -> Self {
        let Cast { actors, events } = Cast::of(scene);
        let lane = |actor: ActorId| actors.iter().position(|shown| *shown == actor).map(lane_x);
        let mut rows: Vec<Row> = Vec::new();
        let mut last_time = String::new();
        for (index, (number, event)) in events.iter().enumerate() {
            let time = event.at.to_string();
            let top = HEAD + index as f64 * ROW;
            rows.push(Row {
                number: *number,
                time: if time == last_time { String::new() } else { time.clone() },
                top: coordinate(top),
                y: coordinate(row_y(index)),
                text_y: coordinate(row_y(index) + 4.0),
                x: coordinate(lane(event.actor).unwrap_or(TIMES)),
                actor: event.actor.to_string(),
                words: words(&event.kind),
                is_violation: *number == scene.violation.event_number,
                is_refusal: matches!(event.kind, EventKind::Refused { .. } | EventKind::TokenDeclined { .. }),
            });
            last_time = time;
        }
        let words_x = TIMES + actors.len() as f64 * LANE + 12.0;
        let letters = rows.iter().map(|row| row.actor.chars().count() + 1 + row.words.chars().count()).max();
        Self {
            violation: scene.violation.clone(),
            is_expected,
            lanes: (0..).zip(&actors).map(|(index, actor)| Lane::new(index, *actor)).collect(),
            words_x: coordinate(words_x),
            width: coordinate(words_x + letters.unwrap_or(0) as f64 * LETTER + 12.0),
            slices: slices(rows, &arrows(&events, lane), each),
        }
    }
}

impl Arrow {
    fn new(from: (f64, f64), to: (f64, f64), class: &'static str) -> Self {
        Self { path: arrow(from, to), from_y: from.1.min(to.1), to_y: from.1.max(to.1), class }
    }
}

impl Lane {
    fn new(index: usize, actor: ActorId) -> Self {
        let name_y = if index.is_multiple_of(2) { 18.0 } else { 34.0 };
        let (x, from_y) = (coordinate(lane_x(index)), coordinate(name_y + 6.0));
        Self { name: actor.to_string(), x, name_y: coordinate(name_y), from_y }
    }
}

fn lane_x(index: usize) -> f64 {
    TIMES + LANE * (index as f64 + 0.5)
}

fn row_y(index: usize) -> f64 {
    HEAD + ROW * (index as f64 + 0.5)
}

/// The messages: each from the event that sent it to the first that shows that it arrived.
fn arrows(events: &[&(u64, Event)], lane: impl Fn(ActorId) -> Option<f64>) -> Vec<Arrow> {
    let is_server = |event: &Event, of: RequestId| {
        event.kind.request() == Some(of)
            && !matches!(event.kind, EventKind::RequestSent { .. } | EventKind::ResponseReceived { .. })
    };
    let mut arrows = Vec::new();
    for (index, (_, event)) in events.iter().enumerate() {
        let Some(x) = lane(event.actor) else { continue };
        let y = row_y(index);
        let (class, other) = match &event.kind {
            EventKind::RequestSent { request, .. } => {
                let arrival = (index + 1..events.len()).find(|row| is_server(&events[*row].1, *request));
                ("request", arrival)
            }
            EventKind::ResponseReceived { request, .. } => {
                ("answer", (0..index).rev().find(|row| is_server(&events[*row].1, *request)))
            }
            EventKind::ConnectionOpened { server, .. } => {
                if let Some(to) = lane(*server) {
                    arrows.push(Arrow::new((x, y), (to, y), "opening"));
                }
                continue;
            }
            // On the way between two others: the line leads to whose connection it is.
            EventKind::Intercepted { .. } | EventKind::Overheard { .. } => {
                let opener = event.kind.connection().and_then(|of| opener(events, of));
                if let Some(to) = opener.and_then(&lane) {
                    arrows.push(Arrow::new((x, y), (to, y), "interception"));
                }
                continue;
            }
            _ => continue,
        };
        let Some(row) = other else { continue };
        let Some(other_x) = lane(events[row].1.actor) else { continue };
        let there = (other_x, row_y(row));
        let (from, to) = if class == "request" { ((x, y), there) } else { (there, (x, y)) };
        arrows.push(Arrow::new(from, to, class));
    }
    arrows
}

/// Who opened a connection, or sent a request on it.
fn opener(events: &[&(u64, Event)], of: crate::types::ConnectionId) -> Option<ActorId> {
    let found = events.iter().find(|(_, event)| {
        event.kind.connection() == Some(of)
            && matches!(event.kind, EventKind::ConnectionOpened { .. } | EventKind::RequestSent { .. })
    });
    found.map(|(_, event)| event.actor)
}

/// A line that ends short of the dot it leads to, with its head.
fn arrow(from: (f64, f64), to: (f64, f64)) -> String {
    const HEAD_LENGTH: f64 = 7.0;
    const GAP: f64 = 5.0;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length < 2.0 * GAP + HEAD_LENGTH {
        return String::new();
    }
    let (ux, uy) = (dx / length, dy / length);
    let tip = (to.0 - ux * GAP, to.1 - uy * GAP);
    let wing = |side: f64| {
        let (x, y) = (tip.0 - ux * HEAD_LENGTH - uy * side, tip.1 - uy * HEAD_LENGTH + ux * side);
        format!("{} {}", coordinate(x), coordinate(y))
    };
    let (start_x, start_y) = (coordinate(from.0 + ux * GAP), coordinate(from.1 + uy * GAP));
    let tip = format!("{} {}", coordinate(tip.0), coordinate(tip.1));
    format!("M{start_x} {start_y}L{tip}M{}L{tip}L{}", wing(3.5), wing(-3.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_crosses_two_drawings_is_in_both() {
        let row = Row {
            number: 1,
            time: String::new(),
            top: String::new(),
            y: String::new(),
            text_y: String::new(),
            x: String::new(),
            actor: String::new(),
            words: String::new(),
            is_violation: false,
            is_refusal: false,
        };
        let message = |from, to| Arrow::new((0.0, row_y(from)), (100.0, row_y(to)), "request");
        let found =
            slices(vec![row; 2 * SLICE + 1], &[message(SLICE - 1, SLICE), message(0, 1), message(2 * SLICE, 3)], SLICE);
        assert_eq!(
            found.iter().map(|slice| (slice.rows.len(), slice.arrows.len())).collect::<Vec<_>>(),
            [(10, 3), (10, 2), (1, 1)]
        );
        assert!(found.windows(2).all(|pair| pair[0].bottom == pair[1].top));
    }

    #[test]
    fn an_arrow_ends_short_of_its_goal() {
        assert_eq!(arrow((0.0, 0.0), (100.0, 0.0)), "M5 0L95 0M88 3.5L95 0L88 -3.5");
        assert_eq!(arrow((0.0, 0.0), (1.0, 0.0)), "");
    }
}
