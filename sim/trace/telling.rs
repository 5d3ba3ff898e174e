//! Sentences, one after the other, with those that say the same again told once.

use crate::types::{ActorId, VirtualTime};

/// How wide a line of text is.
const COLUMNS: usize = 110;

/// What is told of a story so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Telling {
    lines: Vec<String>,
    latest: Option<Repeated>,
}

/// A sentence that may come again.
#[derive(Clone, Debug)]
struct Repeated {
    /// Equal for sentences that say the same.
    shape: String,
    times: u64,
    sentence: String,
    until: VirtualTime,
}

impl Telling {
    /// Tells something that happens once.
    pub fn tell(&mut self, at: VirtualTime, subject: ActorId, what: &str) {
        self.settle();
        self.line(&sentence(at, subject, what));
    }

    /// Tells something that may happen again and again; `shape` is the same for what is not worth another sentence.
    pub fn repeat(&mut self, at: VirtualTime, until: VirtualTime, subject: ActorId, what: &str, shape: String) {
        let sentence = sentence(at, subject, what);
        match &mut self.latest {
            Some(latest) if latest.shape == shape => {
                latest.times += 1;
                latest.sentence = sentence;
                latest.until = until;
            }
            _ => {
                self.settle();
                self.line(&sentence);
                self.latest = Some(Repeated { shape, times: 0, sentence, until });
            }
        }
    }

    /// Tells a last sentence of its own.
    pub fn close(&mut self, sentence: &str) {
        self.settle();
        self.lines.push(String::new());
        self.line(sentence);
    }

    /// Tells how often the latest came again.
    fn settle(&mut self) {
        match self.latest.take() {
            Some(Repeated { times: 1, sentence, .. }) => self.line(&sentence),
            Some(Repeated { times: times @ 2.., until, .. }) => {
                self.lines.push(format!("  And so {times} more times, until {until}."));
            }
            _ => {}
        }
    }

    fn line(&mut self, sentence: &str) {
        let mut line = String::new();
        for word in sentence.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > COLUMNS {
                self.lines.push(std::mem::replace(&mut line, format!("  {word}")));
            } else {
                let space = if line.is_empty() { "" } else { " " };
                line.push_str(&format!("{space}{word}"));
            }
        }
        self.lines.push(line);
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        self.settle();
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn sentence(at: VirtualTime, subject: ActorId, what: &str) -> String {
    format!("At {at} {subject} {what}.")
}

/// Parts of a sentence, as people list them: `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
