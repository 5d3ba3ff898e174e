//! How the tree cites a requirement, and nothing else counts.
//!
//! In text: `rule 37`, `rules 5, 14`, `holes 6, 11 and 12`, `attacks 1 to 6`, `S4`, `S1 to S5`. One thing has the singular
//! and more have the plural, so that "rule 3, 4 agents" cites one rule. In the name of a test: `rule_08_and_44_…`,
//! `attacks_1_to_4_…`, `rule_02_03_and_09_…`, `s12_…`.

use std::{collections::BTreeSet, fmt, sync::LazyLock};

use regex::Regex;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    Rule,
    Attack,
    Hole,
    Safety,
    Liveness,
}

/// A requirement, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id {
    pub kind: Kind,
    pub number: u8,
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = match self.kind {
            Kind::Rule => "rule ",
            Kind::Attack => "attack ",
            Kind::Hole => "hole ",
            Kind::Safety => "S",
            Kind::Liveness => "L",
        };
        write!(formatter, "{before}{}", self.number)
    }
}

/// A list in text, whose separators say that it goes on.
static IN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    let more = r"(?:(?:, and |, | and | to )\d{1,2}\b)+";
    Regex::new(&format!(
        r"\b(?:(?<kind>[Rr]ule|[Aa]ttack|[Hh]ole)(?: (?<one>\d{{1,2}})\b|s (?<list>\d{{1,2}}\b{more}))|(?<letter>[SL])(?<first>\d{{1,2}})\b(?: to [SL](?<last>\d{{1,2}})\b)?)"
    ))
    .unwrap()
});

/// In names, where a list of plain numbers has two digits each: what else is counted is not taken for a number of ours.
static IN_NAMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|_)(?:(?<kind>rule|attack|hole)s?_(?<list>\d{1,2}(?:(?:_and_|_to_)\d{1,2}|_\d{2})*)|(?<letter>[sl])(?<first>\d{1,2})(?:_to_[sl](?<last>\d{1,2}))?)(?:_|$)")
        .unwrap()
});

/// What a text cites. Comments are to be joined before.
pub fn in_text(text: &str) -> BTreeSet<Id> {
    let mut cited = BTreeSet::new();
    for found in IN_TEXT.captures_iter(text) {
        // `rule 3.1` is somebody else's.
        let rest = &text[found.get(0).map_or(0, |all| all.end())..];
        if rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit())) {
            continue;
        }
        let group = |name| found.name(name).map(|group| group.as_str());
        if let Some(letter) = group("letter") {
            cited.extend(letters(letter, group("first"), group("last")));
        } else if let Some(word) = group("kind") {
            cited.extend(list(kind(word), group("one").or(group("list")).unwrap_or_default()));
        }
    }
    cited
}

/// What the name of a test cites.
pub fn in_name(name: &str) -> BTreeSet<Id> {
    let mut cited = BTreeSet::new();
    let mut at = 0;
    while let Some(found) = IN_NAMES.captures_at(name, at) {
        let group = |name| found.name(name).map(|group| group.as_str());
        if let Some(letter) = group("letter") {
            cited.extend(letters(letter, group("first"), group("last")));
        } else if let Some(word) = group("kind") {
            cited.extend(list(kind(word), &group("list").unwrap_or_default().replace('_', " ")));
        }
        // The mark at the end may be the one before the next.
        at = found.get(0).map_or(name.len(), |all| (all.end() - 1).max(at + 1));
    }
    cited
}

/// The name of a test as a sentence, without the numbers at its start.
pub fn sentence(name: &str) -> String {
    let mut rest = name;
    while let Some(found) = IN_NAMES.find(rest).filter(|found| found.start() == 0 && found.end() < rest.len()) {
        rest = rest[found.end()..].trim_start_matches("and_");
    }
    rest.replace('_', " ")
}

fn kind(word: &str) -> Kind {
    match word.to_ascii_lowercase().as_str() {
        "rule" => Kind::Rule,
        "attack" => Kind::Attack,
        "hole" => Kind::Hole,
        "s" => Kind::Safety,
        _ => Kind::Liveness,
    }
}

fn letters(letter: &str, first: Option<&str>, last: Option<&str>) -> impl Iterator<Item = Id> {
    let (kind, first) = (kind(letter), number(first));
    (first..=last.map_or(first, |last| number(Some(last)))).map(move |number| Id { kind, number })
}

fn list(kind: Kind, text: &str) -> impl Iterator<Item = Id> {
    let mut numbers = BTreeSet::new();
    let (mut before, mut is_range) = (0, false);
    for word in text.split([' ', ',']) {
        match word {
            "to" => is_range = true,
            "and" | "" => {}
            word => {
                let this = number(Some(word));
                numbers.extend(if is_range { before..=this } else { this..=this });
                (before, is_range) = (this, false);
            }
        }
    }
    numbers.into_iter().map(move |number| Id { kind, number })
}

fn number(text: Option<&str>) -> u8 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cited: BTreeSet<Id>) -> String {
        cited.iter().map(Id::to_string).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_text_cites_in_one_way_only() {
        for (text, cited) in [
            ("(rule 37)", "rule 37"),
            ("Rules 2, 4 to 6 and 9, attack 7: x", "rule 2, rule 4, rule 5, rule 6, rule 9, attack 7"),
            ("holes 6 and 11 of 19; S1 to S3, L6.", "hole 6, hole 11, S1, S2, S3, L6"),
            ("with rule 3, 4 agents", "rule 3"),
            ("Invariant::S13 | Invariant::L1", "S13, L1"),
            ("rule 3.1, rules of 5, 12 rules, RS256, XS1, S1a, attack on 5, pothole 3, rule 371, rule a", ""),
        ] {
            assert_eq!(shown(in_text(text)), cited, "{text}");
        }
    }

    #[test]
    fn a_name_is_a_sentence_after_its_numbers() {
        assert_eq!(sentence("rule_45_and_attack_07_a_bad_signature"), "a bad signature");
        assert_eq!(sentence("s2_and_s5_want_rule_7"), "want rule 7");
        assert_eq!(sentence("rule_37"), "rule 37");
    }

    #[test]
    fn a_name_cites_in_one_way_only() {
        for (name, cited) in [
            ("rule_08_and_44_a_token_with_any_faults", "rule 8, rule 44"),
            ("rule_02_03_and_09_a_challenge", "rule 2, rule 3, rule 9"),
            ("attacks_1_to_4_get_401", "attack 1, attack 2, attack 3, attack 4"),
            ("rule_46_and_attacks_01_to_03_each", "rule 46, attack 1, attack 2, attack 3"),
            ("rule_39_4097_tokens_need_a_second", "rule 39"),
            ("hole_3_width_1_takes", "hole 3"),
            ("s12_every_attack_and_l4", "S12, L4"),
            ("l1_to_l3_presuppose", "L1, L2, L3"),
            ("every_rule_that_lives_64_times_rules", ""),
        ] {
            assert_eq!(shown(in_name(name)), cited, "{name}");
        }
    }
}
