//! An explanation as text of 80 columns.

use textwrap::{Options, fill};

use super::{
    checked::Outcome,
    explanation::{Explanation, Said},
    moment,
};

const COLUMNS: usize = 80;
const NAME_COLUMNS: usize = 15;
const CHECK_COLUMNS: usize = 18;

/// The explanation for people.
pub fn text(explanation: &Explanation) -> String {
    let mut page = wrapped("", &explanation.title);
    for part in &explanation.parts {
        page += &format!("\n{}\n", capital(part.part));
        for said in &part.says {
            page += &wrapped(&format!("  {:1$}", said.what, NAME_COLUMNS), &value(said));
        }
    }
    if explanation.checks.is_empty() {
        return page;
    }
    page += &format!("\nChecks at {}, in the order of a server\n", moment::date(explanation.at));
    for checked in &explanation.checks {
        let outcome = match checked.outcome {
            Outcome::Holds => "holds",
            Outcome::Fails => "FAILS",
            Outcome::NotChecked => "not checked",
        };
        let lead = format!("  {:1$}{outcome:13}", checked.check, CHECK_COLUMNS);
        page += &wrapped(&lead, &checked.why);
    }
    page += "\n";
    page += &match &explanation.answer {
        Some(answer) => wrapped("", &format!("A server answers {answer}.")),
        None if !explanation.holds() => "It is turned down.\n".to_owned(),
        None if !explanation.is_examined() => {
            "Everything that was checked holds; whether it is genuine was not checked.\n".to_owned()
        }
        None => "Everything that was checked holds.\n".to_owned(),
    };
    page
}

fn value(said: &Said) -> String {
    match &said.means {
        Some(means) => format!("{} ({means})", said.value),
        None => said.value.clone(),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// What a token says may be anything: no control character of it reaches the terminal.
fn wrapped(lead: &str, text: &str) -> String {
    let text: String = text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
    let indent = " ".repeat(lead.chars().count());
    fill(&text, Options::new(COLUMNS).initial_indent(lead).subsequent_indent(&indent)).trim_end().to_owned() + "\n"
}
