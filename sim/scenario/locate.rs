//! Where in a file a key stands, and which key stands somewhere.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The bytes of the value at `key` (such as `agents[1].visits.every`) or, where the file lacks it, of the nearest
/// table around it that the file has.
pub(super) fn span_of(text: &str, key: &str) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut nearest = None;
    for (name, index) in segments(key) {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { break };
        let (span, value) = match (index, value.get_ref()) {
            (Some(index), DeValue::Array(items)) => match items.get(index) {
                Some(item) => (header_or_value(key, item), item.get_ref()),
                None => break,
            },
            (_, inner) => (header_or_value(key, value), inner),
        };
        nearest = Some(span);
        match value {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    nearest
}

/// For a table with a header of its own the header's name, for anything else the value.
fn header_or_value(key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Range<usize> {
    let (key, span) = (key.span(), value.span());
    let is_header = matches!(value.get_ref(), DeValue::Table(_)) && span.start <= key.start;
    if is_header { key } else { span }
}

/// The key at whose value these bytes are, such as `agents[1].visits`; for a key's own name the table around it.
pub(super) fn key_at(text: &str, span: &Range<usize>) -> Option<String> {
    fn in_table(table: &DeTable<'_>, around: &str, span: &Range<usize>) -> Option<String> {
        table.iter().find_map(|(key, value)| {
            if key.span() == *span {
                return Some(around.to_owned());
            }
            let name = key.get_ref();
            let path = if around.is_empty() { name.to_string() } else { format!("{around}.{name}") };
            in_value(value, &path, span)
        })
    }

    fn in_value(value: &Spanned<DeValue<'_>>, path: &str, span: &Range<usize>) -> Option<String> {
        match value.get_ref() {
            // Items first: an array of tables has the span of its first header.
            DeValue::Array(items) => {
                items.iter().enumerate().find_map(|(index, item)| in_value(item, &format!("{path}[{index}]"), span))
            }
            DeValue::Table(inner) => in_table(inner, path, span),
            _ => None,
        }
        .or_else(|| (value.span() == *span).then(|| path.to_owned()))
    }

    in_table(DeTable::parse(text).ok()?.get_ref(), "", span)
}

/// Line and column of a byte, both counted from 1, the column in characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// `agents[1].visits` is `agents` with index 1, then `visits`.
fn segments(key: &str) -> Vec<(&str, Option<usize>)> {
    key.split('.')
        .map(|segment| match segment.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse().ok()),
            None => (segment, None),
        })
        .collect()
}

/// Whether the file has this very key.
pub(super) fn has_key(text: &str, key: &str) -> bool {
    let (around, _) = key.rsplit_once('.').unwrap_or(("", key));
    let whole = span_of(text, key);
    whole.is_some() && whole != span_of(text, around)
}

/// Which table of the file each part of a plan comes from.
#[derive(Default)]
pub(super) struct Origins {
    /// For each agent its group.
    pub groups: Vec<usize>,
    /// For each fault its table, and whether that has a `for`. Those that are missing were drawn.
    pub faults: Vec<(usize, bool)>,
    /// For each attacker its table. Those that are missing were drawn.
    pub attackers: Vec<usize>,
}

/// The scenario key from which a place in the plan was resolved.
pub(super) fn key_of_place(place: &str, origins: &Origins) -> String {
    if let Some(rest) = place.strip_prefix("portal.") {
        // Several browsers may come from one table: its place among the tables is not kept.
        let table = rest.split('.').next().unwrap_or(rest);
        return if table.starts_with("browsers[") { "portal.browsers".to_owned() } else { place_of_portal(rest) };
    }
    let (head, rest) = place.split_once('.').unwrap_or((place, ""));
    let head = match segments(head).first() {
        Some(("agents", Some(agent))) => {
            format!("agents[{}]", origins.groups.get(*agent).copied().unwrap_or_default())
        }
        Some(("faults", Some(fault))) => match origins.faults.get(*fault) {
            Some((table, has_length)) => return key_of_fault(*table, *has_length, rest),
            None => return "hardship.profile".to_owned(),
        },
        Some(("attackers", Some(attacker))) => match origins.attackers.get(*attacker) {
            Some(table) => format!("attackers[{table}]"),
            None => return "hardship.profile".to_owned(),
        },
        Some(("sites", Some(_))) => "sites".to_owned(),
        Some(("sites", None)) => return "sites.count".to_owned(),
        Some(("branches", None)) => return "network.branches".to_owned(),
        Some(("expectation", None)) => return rest.to_owned(),
        Some(("heal_ms", None)) => return "hardship.heal".to_owned(),
        _ => head.to_owned(),
    };
    let rest = match rest {
        "latency_ms_min" | "latency_ms_max" => "latency",
        "visits.every.interval_ms" => "visits.every",
        "visits.every.jitter_ms" => "visits.jitter",
        "visits.every.first_ms" => "start",
        "interval_ms" => "every",
        "first_requests_per_s" => "first_requests_per_s",
        "clone_of" => "clones",
        rest if rest.starts_with("visits.at") => "arrivals",
        rest => without_unit(rest),
    };
    if rest.is_empty() { without_unit(&head).to_owned() } else { format!("{head}.{rest}") }
}

/// A lifetime's unit stands last in the plan, and with its value in the file; likewise each step of a job, and each clock.
fn place_of_portal(rest: &str) -> String {
    format!("portal.{}", without_unit(rest))
}

fn key_of_fault(table: usize, has_length: bool, place: &str) -> String {
    let key = match place.strip_prefix("kind.") {
        None if place == "until_ms" && has_length => "for",
        None => without_unit(place),
        Some(kind) => match kind.split_once('.') {
            Some(("delay", _)) if kind.contains("added") => "delay.added",
            Some(("reorder", "held_ms_max")) => "reorder.held_max",
            Some(("slow_link", "bytes_per_s")) => kind,
            Some(("machine", rest)) if rest.contains("by_ms") => "machine.by",
            Some(("machine", rest)) if rest.contains("minimum") => "machine.minimum",
            _ => without_unit(kind),
        },
    };
    format!("faults[{table}].{key}")
}

/// A plan names units, a scenario writes them with the value.
fn without_unit(name: &str) -> &str {
    ["_ms", "_ns", "_s"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "duration = \"1m\"\n[network]\ntick = \"1ms\"\n\n[[agents]]\ncount = 1\n[[agents]]\ncount = 2\n\
                        visits = { every = \"1m\" }\n";

    #[test]
    fn a_key_leads_to_its_value_or_to_the_nearest_table() {
        let at = |key| span_of(FILE, key).map(|span| (line_and_column(FILE, span.start), &FILE[span]));
        assert_eq!(at("duration"), Some(((1, 12), "\"1m\"")));
        assert_eq!(at("network.tick"), Some(((3, 8), "\"1ms\"")));
        assert_eq!(at("network.latency"), Some(((2, 2), "network")));
        assert_eq!(at("agents[1].count"), Some(((8, 9), "2")));
        assert_eq!(at("agents[1].visits.every"), Some(((9, 20), "\"1m\"")));
        assert_eq!(at("agents[1].visits.jitter"), Some(((9, 10), "{ every = \"1m\" }")));
        assert_eq!(at("agents[1].start").map(|(place, _)| place.0), Some(7));
        assert_eq!(at("sites.count"), None);
    }

    #[test]
    fn a_place_in_the_plan_leads_back_to_its_key() {
        let origins = Origins {
            groups: (0..20).map(|agent| agent / 10).collect(),
            faults: vec![(0, false), (0, false), (1, true)],
            attackers: vec![3],
        };
        for (place, key) in [
            ("duration_ms", "duration"),
            ("network.latency_ms_min", "network.latency"),
            ("smp.clock.offset_ms", "smp.clock.offset"),
            ("sites[3].start_ms", "sites.start"),
            ("sites", "sites.count"),
            ("agents[17].visits.every.jitter_ms", "agents[1].visits.jitter"),
            ("agents[17].visits.at.times_us[4]", "agents[1].arrivals"),
            ("agents[17].policy_interval_s", "agents[1].policy_interval"),
            ("parameters.caps.token_bytes", "parameters.caps.token_bytes"),
            ("parameters.first_requests_per_s", "parameters.first_requests_per_s"),
            ("costs.sign_ns", "costs.sign"),
            ("branches", "network.branches"),
            ("heal_ms", "hardship.heal"),
            ("faults[1].until_ms", "faults[0].until"),
            ("faults[2].until_ms", "faults[1].for"),
            ("faults[2].kind.delay.added_ms_min", "faults[1].delay.added"),
            ("faults[2].kind.slow_link.bytes_per_s", "faults[1].slow_link.bytes_per_s"),
            ("faults[2].kind.clock_step.by_ms", "faults[1].clock_step.by"),
            ("faults[2].kind.change_policy", "faults[1].change_policy"),
            ("faults[3].at_ms", "hardship.profile"),
            ("attackers[0].interval_ms", "attackers[3].every"),
            ("agents[17].clone_of", "agents[1].clones"),
        ] {
            assert_eq!(key_of_place(place, &origins), key);
        }
    }
}
