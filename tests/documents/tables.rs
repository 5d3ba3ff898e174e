//! The tables of PROTOCOL.md against the code.

use std::time::Duration;

use countersign::{
    protocol::{RefusalAnswer, ValidationSchedule},
    types::{Parameters, Profile, Refusal},
};

use super::document;

/// The cells of every row of the table under a heading.
fn table(heading: &str) -> Vec<Vec<String>> {
    let document = document();
    let (_, below) = document.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no `{heading}`"));
    let below = below.split("\n## ").next().unwrap_or_default();
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>();
    below.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_table_of_refusals_is_that_of_the_code() {
    let rows = table("Refusals");
    assert_eq!(rows.len(), 16);
    for row in &rows {
        let refusal: Refusal = serde_json::from_value(row[0].clone().into()).unwrap_or_else(|_| panic!("{row:?}"));
        let (status, error) = match RefusalAnswer::from(refusal) {
            RefusalAnswer::Challenge(error) => ("401", error.word()),
            RefusalAnswer::Forbid => ("403", "–"),
        };
        assert_eq!([row[2].as_str(), row[3].as_str()], [status, error], "{refusal:?}");
    }
}

#[test]
fn the_table_of_parameters_has_the_defaults_of_the_code() {
    let [literal, hardened] = [Profile::Literal, Profile::Hardened].map(|profile| {
        let mut json = serde_json::to_value(Parameters::defaults(profile)).unwrap();
        let object = json.as_object_mut().unwrap();
        let caps = object.remove("caps").unwrap();
        object.extend(caps.as_object().unwrap().clone());
        object.clone()
    });
    let rows = table("Parameters");
    assert_eq!(rows.len(), literal.len());
    for row in rows {
        let shown = |value: &serde_json::Value| if value.is_null() { "by lifetime".into() } else { value.to_string() };
        assert_eq!(shown(&literal[&row[0]]), row[1], "{} in the literal profile", row[0]);
        assert_eq!(shown(&hardened[&row[0]]), row[2], "{} in the hardened profile", row[0]);
    }
}

#[test]
fn the_periods_and_look_aheads_are_those_of_the_document() {
    let schedule = |profile, token_lifetime_s| {
        let parameters = Parameters { token_lifetime_s, ..Parameters::defaults(profile) };
        let ValidationSchedule { period, look_ahead, .. } = ValidationSchedule::new(profile, &parameters);
        [period, look_ahead].map(|span: Duration| span.as_secs() / 60)
    };
    for (lifetime_s, literal, hardened) in [
        (3_899, [5, 15], [5, 15]),
        (3_900, [10, 15], [10, 15]),
        (29_399, [10, 15], [10, 15]),
        (29_400, [30, 15], [30, 31]),
    ] {
        assert_eq!(schedule(Profile::Literal, lifetime_s), literal);
        assert_eq!(schedule(Profile::Hardened, lifetime_s), hardened);
    }
}
