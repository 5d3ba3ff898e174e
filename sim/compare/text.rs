//! A comparison for people.

use std::fmt::Write as _;

use super::{Change, Comparison, Figure, Interval, Pair};
use crate::report::human;

impl Comparison {
    /// Both side by side, a paragraph for each scenario, and what it comes to in the last line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for pair in &self.pairs {
            let _ = writeln!(text, "{}", pair.name);
            of_pair(&mut text, pair);
            text.push('\n');
        }
        for (names, which) in [(&self.only_first, "first"), (&self.only_second, "second")] {
            if !names.is_empty() {
                let _ = writeln!(text, "Only in the {which}: {}.", names.join(", "));
            }
        }
        let figures = || self.pairs.iter().flat_map(|pair| &pair.figures);
        let count = |change| figures().filter(|figure| figure.change == change).count() as u64;
        let new: usize = self.pairs.iter().map(|pair| pair.failures_new.len()).sum();
        let new = human::number_of(new as u64, "new kind") + " of failure";
        let (all, worse, better) = (figures().count() as u64, count(Change::Worse), count(Change::Better));
        let all = human::number_of(all, "figure");
        let _ = writeln!(text, "Of {all} {worse} became worse and {better} better, beyond chance; {new}.");
        text
    }
}

fn of_pair(text: &mut String, pair: &Pair) {
    let heading = ["", "first", "second", ""].map(str::to_owned);
    let rows: Vec<[String; 4]> = [heading].into_iter().chain(pair.figures.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [name_width, first_width, second_width] = [0, 1, 2].map(width);
    for [name, first, second, change] in &rows {
        let line = format!("  {name:name_width$}  {first:>first_width$}  {second:>second_width$}  {change}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for (kinds, what) in [(&pair.failures_new, "new failure"), (&pair.failures_gone, "gone")] {
        for kind in kinds {
            let _ = writeln!(text, "  {what}: {kind}");
        }
    }
}

fn row(figure: &Figure) -> [String; 4] {
    let number = |value: u64| match figure.unit.as_str() {
        "ppm" => human::percent(value),
        _ => human::duration(value),
    };
    let shown = |interval: Option<Interval>| {
        interval.map_or_else(
            || "–".to_owned(),
            |found| format!("{} ({} to {})", number(found.value), number(found.least), number(found.most)),
        )
    };
    let change = match figure.change {
        Change::Same => "same",
        Change::Chance => "may be chance",
        Change::Better => "better",
        Change::Worse => "WORSE",
        Change::OnlyOne => "in one only",
    };
    [figure.name.clone(), shown(figure.first), shown(figure.second), change.to_owned()]
}
