//! What is wrong with a scenario file, and where: found, expected, and the nearest thing that exists.

use std::{fmt, ops::Range};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::{
    locate::{key_at, line_and_column, span_of},
    nearest::nearest,
    problem::Problem,
};

/// Why a scenario cannot be run.
#[derive(Debug)]
pub struct ScenarioError {
    // Boxed: an error is rare, and every result would be as wide as it.
    fault: Box<Fault>,
}

#[derive(Debug)]
struct Fault {
    source: NamedSource<String>,
    span: Option<Range<usize>>,
    message: String,
    label: String,
    help: String,
}

impl ScenarioError {
    /// What is wrong, without the place: what was found and what was expected.
    pub fn message(&self) -> &str {
        &self.fault.message
    }

    /// Line and column in the file, counted from 1, where the fault has a place.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.fault.span.as_ref().map(|span| line_and_column(self.fault.source.inner(), span.start))
    }

    /// The whole error for a person: with the lines of the file in colour on a terminal of `columns`, else (`None`)
    /// as one line, and one more where there is something to help.
    pub fn render(&self, terminal_columns: Option<usize>) -> String {
        let plain = || {
            let help =
                if self.fault.help.is_empty() { String::new() } else { format!("  help: {}\n", self.fault.help) };
            format!("error: {self}\n{help}")
        };
        let Some(columns) = terminal_columns else { return plain() };
        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode()).with_width(columns);
        match handler.render_report(&mut text, self) {
            Ok(()) => text,
            Err(_) => plain(),
        }
    }

    /// Something that a well-formed file says and that cannot be.
    pub(super) fn from_problem(file: &str, text: &str, problem: Problem) -> Self {
        let Problem { key, found, expected, help } = problem;
        let fault = Fault {
            source: named(file, text),
            // Where the file lacks even the section, its start has to do.
            span: span_of(text, &key).or(Some(0..0)),
            message: format!("{key}: found {found}, expected {expected}"),
            label: format!("expected {expected}"),
            help,
        };
        Self { fault: Box::new(fault) }
    }

    /// What the TOML reader says. `lister` is the command that lists keys and values of this form.
    pub(super) fn from_toml(file: &str, text: &str, lister: &str, error: &toml::de::Error) -> Self {
        let span = error.span().filter(|span| text.get(span.clone()).is_some());
        let around = span.as_ref().and_then(|span| key_at(text, span)).filter(|around| !around.is_empty());
        let within = around.map_or(String::new(), |around| format!(" in `{around}`"));
        let (message, label, help) = reword(error.message(), &within, lister);
        // An empty file, or one without a key, has its fault at the start.
        let span = span.map(|span| if span.len() == text.len() { 0..0 } else { span });
        Self { fault: Box::new(Fault { source: named(file, text), span, message, label, help }) }
    }
}

fn named(file: &str, text: &str) -> NamedSource<String> {
    NamedSource::new(file, text.to_owned()).with_language("toml")
}

/// Says in the words of the file what serde says in the words of Rust: message, label and help.
fn reword(message: &str, within: &str, lister: &str) -> (String, String, String) {
    if let Some((key, known)) = unknown(message, "unknown field `") {
        let help = help_with_nearest(key, &known, "keys", lister);
        let expected = one_of_few(&known, "keys", &help, lister);
        return (format!("unknown key `{key}`{within}, expected {expected}"), "unknown key".into(), help);
    }
    if let Some((value, known)) = unknown(message, "unknown variant `") {
        let help = help_with_nearest(value, &known, "values", lister);
        let expected = one_of_few(&known, "values", &help, lister);
        return (format!("found `{value}`{within}, expected {expected}"), "unknown value".into(), help);
    }
    if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return (format!("missing key `{key}`{within}"), format!("expected a key `{key}`"), String::new());
    }
    for prefix in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once(", expected ")) {
            let (found, expected) = (in_words(found), in_words(expected));
            return (
                format!("found {found}{within}, expected {expected}"),
                format!("expected {expected}"),
                String::new(),
            );
        }
    }
    if message.starts_with("found ")
        && let Some((found, expected)) = message.split_once(", expected ")
    {
        return (format!("{found}{within}, expected {expected}"), format!("expected {expected}"), String::new());
    }
    (format!("{}{within}", message.replace('\n', ", ")), "here".into(), String::new())
}

/// Reads "unknown field `x`, expected one of `a`, `b`".
fn unknown<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (name, rest) = message.strip_prefix(prefix)?.split_once("`, ")?;
    Some((name, rest.split('`').skip(1).step_by(2).collect()))
}

fn one_of(known: &[&str]) -> String {
    match known {
        [] => "no key at all".to_owned(),
        [only] => format!("`{only}`"),
        [first, second] => format!("`{first}` or `{second}`"),
        _ => format!("one of `{}`", known.join("`, `")),
    }
}

/// A long list hides the one name that was meant.
fn one_of_few(known: &[&str], what: &str, help: &str, lister: &str) -> String {
    if known.len() > 16 && help.starts_with("did you mean") {
        return format!("one of {} {what} that `{lister}` lists", known.len());
    }
    one_of(known)
}

fn help_with_nearest(found: &str, known: &[&str], what: &str, lister: &str) -> String {
    match nearest(found, known.iter().copied()).first() {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("`{lister}` prints all {what} with their meaning"),
    }
}

fn in_words(serde: &str) -> String {
    let name = |kind: &str| match kind {
        "u16" => Some("a whole number from 0 to 65535"),
        "u8" | "u32" | "u64" | "usize" => Some("a whole number that is not negative"),
        "i64" | "i32" => Some("a whole number"),
        "a sequence" | "sequence" => Some("an array"),
        "a map" | "map" => Some("a table"),
        "a string" => Some("a string"),
        "a boolean" => Some("`true` or `false`"),
        _ => None,
    };
    if let Some(words) = name(serde) {
        return words.to_owned();
    }
    if let Some(structure) = serde.strip_prefix("struct ") {
        return match structure {
            "Bounds" => "`{ min = …, max = … }`".to_owned(),
            _ => "a table".to_owned(),
        };
    }
    match serde.split_once(' ') {
        Some(("integer" | "floating", rest)) => {
            let number = rest.trim_start_matches("point ").split('`').nth(1).unwrap_or(rest);
            format!("the number {number}")
        }
        Some(("string", text)) => format!("the text {text}"),
        Some(("boolean", rest)) => rest.trim_matches('`').to_owned().replace('`', ""),
        _ => serde.to_owned(),
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.source.name())?;
        if let Some((line, column)) = self.line_and_column() {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.fault.message)
    }
}

impl std::error::Error for ScenarioError {}

impl Diagnostic for ScenarioError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        if self.fault.help.is_empty() { None } else { Some(Box::new(&self.fault.help)) }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.fault.span.as_ref().map(|_| &self.fault.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.fault.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(self.fault.label.clone()), span))))
    }
}
