//! What a run has shown, and what it has not: invariants, rules, milestones, faults, attacks.

use schemars::JsonSchema;
use serde_json::Value;

use super::{
    super::{Report, Rule, human},
    figure::{Figure, Figures},
};
use crate::plan::{Attack, FaultKind, Invariant, Milestone};

/// What took part of all that there is.
#[derive(Clone, Debug)]
pub(super) struct Coverage {
    pub invariants: Vec<Judged>,
    pub rules: Part,
    pub milestones: Part,
    pub faults: Part,
    pub attacks: Part,
}

/// What became of an invariant.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub name: String,
    pub what: String,
    /// The class of `word`: `good`, `bad`, `doubtful` or `faint`.
    pub class: &'static str,
    pub word: &'static str,
    pub figure: Option<Figure>,
    pub why: String,
}

/// Some of a number of things.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub seen: Vec<Seen>,
    /// Those that were not seen, each with what it is.
    pub unseen: Vec<(String, String)>,
    /// Those that nothing would show, each with the reason.
    pub unknown: Vec<(String, String)>,
}

/// Something that was seen.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub name: String,
    pub what: String,
    pub figure: Option<Figure>,
    /// What the scenario has to say about it: `asked for`, `forbidden` or nothing.
    pub remark: &'static str,
}

impl Part {
    pub(super) fn total(&self) -> usize {
        self.seen.len() + self.unseen.len()
    }
}

impl Coverage {
    pub(super) fn new(report: &Report, figures: &Figures) -> Self {
        let milestones = described::<Milestone>().into_iter().map(|(name, what)| {
            let is = |found: &Milestone| human::words(found).replace(' ', "_") == name;
            let remark = match report.milestones_forbidden.keys().any(is) {
                true => "forbidden",
                false if report.milestones_missing.iter().any(is) => "asked for",
                false => "",
            };
            let figure = figures.count(&format!("milestones.{name}"));
            (name, what, figure, remark)
        });
        let faults = FaultKind::NAMES
            .map(|name| (name.to_owned(), String::new(), figures.count(&format!("hardship.faults.{name}")), ""));
        let attacks = described::<Attack>().into_iter().map(|(name, what)| {
            let figure = figures.count(&format!("hardship.attackers.{name}"));
            (name, what, figure, "")
        });
        Self {
            invariants: judged(report, figures),
            rules: rules(report, figures),
            milestones: part(milestones),
            faults: part(faults),
            attacks: part(attacks),
        }
    }
}

fn rules(report: &Report, figures: &Figures) -> Part {
    let named = |rule: &Rule| (format!("{}: {}", rule.0, rule.what()), rule.evidence());
    let coverage = &report.rules;
    let seen = coverage.exercised.keys().map(|rule| {
        let (name, what) = named(rule);
        Seen { name, what, figure: figures.count(&format!("rules.exercised.{}", rule.0)), remark: "" }
    });
    Part {
        seen: seen.collect(),
        unseen: coverage.not_exercised.iter().map(named).collect(),
        unknown: coverage.not_seen_in_events.iter().map(named).collect(),
    }
}

fn part(all: impl IntoIterator<Item = (String, String, Option<Figure>, &'static str)>) -> Part {
    let mut part = Part::default();
    for (name, what, figure, remark) in all {
        let name = name.replace('_', " ");
        match figure {
            Some(_) => part.seen.push(Seen { name, what, figure, remark }),
            None if remark.is_empty() => part.unseen.push((name, what)),
            None => part.unseen.insert(0, (format!("{name} ({remark})"), what)),
        }
    }
    part
}

fn judged(report: &Report, figures: &Figures) -> Vec<Judged> {
    let all = described::<Invariant>().into_iter();
    all.map(|(name, what)| {
        let is = |found: &Invariant| found.to_string() == name;
        let expected = report.expected_violations.iter().position(|found| is(&found.invariant));
        let why = report.not_judged.iter().find(|(found, _)| is(found)).map(|(_, why)| why.clone());
        let (class, word, path) = match (report.violation_counts.keys().any(is), expected) {
            (true, _) => ("bad", "violated", Some(format!("violation_counts.{name}"))),
            (false, Some(at)) if report.expected_violations[at].count > 0 => {
                ("doubtful", "violated, as expected", Some(format!("expected_violations.{at}.count")))
            }
            _ if why.is_some() => ("faint", "not judged", None),
            (false, Some(_)) => ("doubtful", "held, though a violation is expected", None),
            (false, None) => ("good", "held", None),
        };
        let figure = path.and_then(|path| figures.count(&path));
        Judged { name, what, class, word, figure, why: why.unwrap_or_default() }
    })
    .collect()
}

/// The values of an enumeration, each with its name and what its documentation says: one text for both readers.
fn described<T: JsonSchema>() -> Vec<(String, String)> {
    let schema = schemars::schema_for!(T);
    let values = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
    values.map(|value| (text(value, "const"), text(value, "description"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_name_and_a_sentence() {
        let all = [described::<Invariant>(), described::<Milestone>(), described::<Attack>()];
        assert_eq!(all[0].len(), Invariant::ALL.len());
        assert!(all[1].len() > 50 && all[2].len() > 20, "{} milestones, {} attacks", all[1].len(), all[2].len());
        assert!(all.iter().flatten().all(|(name, what)| !name.is_empty() && what.ends_with('.')), "{all:?}");
    }
}
