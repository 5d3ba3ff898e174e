//! Figures of the page, out of the very document that `report.json` is.

use askama::Template;
use serde_json::Value;

use super::super::{Report, human};

/// A number of the page, with where it stands in `report.json`, so that anybody can compare the two.
#[derive(Clone, Debug, Template)]
#[template(ext = "html", source = r#"<data data-figure="{{ path }}" value="{{ value }}">{{ text }}</data>"#)]
pub(super) struct Figure {
    path: String,
    value: u64,
    text: String,
}

/// Where figures are looked up.
pub(super) struct Figures {
    json: Value,
}

impl Figures {
    pub(super) fn new(report: &Report) -> Self {
        // A report has no map that JSON cannot hold; without figures the page would still tell the verdict.
        Self { json: serde_json::to_value(report).unwrap_or_default() }
    }

    /// A count at a path such as `measurements.events`; none if there is no number.
    ///
    /// Of a list, `#sum` at the end of the path means the sum and `#max` the greatest.
    pub(super) fn count(&self, path: &str) -> Option<Figure> {
        self.figure(path, human::count)
    }

    /// A duration of a path in nanoseconds.
    pub(super) fn duration(&self, path: &str) -> Option<Figure> {
        self.figure(path, human::duration)
    }

    /// A size of a path in bytes.
    pub(super) fn bytes(&self, path: &str) -> Option<Figure> {
        self.figure(path, human::bytes)
    }

    fn figure(&self, path: &str, text: impl Fn(u64) -> String) -> Option<Figure> {
        let value = self.value(path)?;
        Some(Figure { path: path.to_owned(), value, text: text(value) })
    }

    fn value(&self, path: &str) -> Option<u64> {
        let (path, of) = path.split_once('#').map_or((path, None), |(path, of)| (path, Some(of)));
        let found = path.split('.').try_fold(&self.json, |json, name| match json {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => json.get(name),
        })?;
        let Some(of) = of else { return found.as_u64() };
        let values = found.as_array()?.iter().filter_map(Value::as_u64);
        if of == "sum" { Some(values.fold(0, u64::saturating_add)) } else { values.max() }
    }
}
