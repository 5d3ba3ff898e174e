//! What a server that runs cannot take over from a file that was read again.

use serde_json::Value;

use super::{ServerConfig, SiteConfig, SmpConfig};
use crate::types::Parameters;

/// Parameters that policy carries to whom they concern, the SMP among them.
const OF_POLICY: &[&str] = &[
    "token_lifetime_s",
    "validation_period_s",
    "look_ahead_s",
    "validation_tokens_max",
    "batch_size_max",
    "registry_window",
    "counter_jump_max",
    "leeway_s",
    "policy_interval_s",
];

impl SmpConfig {
    /// The keys of what differs in `other` and is taken over at the next start only.
    pub fn needs_restart_for(&self, other: &Self) -> Vec<String> {
        let mut keys = self.server.needs_restart_for(&other.server, OF_POLICY);
        if self.admin != other.admin {
            keys.push("admin.listen".to_owned());
        }
        keys
    }
}

impl SiteConfig {
    /// The keys of what differs in `other`: all of it is taken over at the next start only.
    pub fn needs_restart_for(&self, other: &Self) -> Vec<String> {
        let mut keys = self.server.needs_restart_for(&other.server, &[]);
        let own = [
            ("smp.origin", self.smp != other.smp),
            ("smp.pin", self.pin != other.pin),
            ("smp.trust", self.trust != other.trust),
        ];
        keys.extend(changed(&own));
        keys
    }
}

impl ServerConfig {
    fn needs_restart_for(&self, other: &Self, at_once: &[&str]) -> Vec<String> {
        let own = [
            ("listen", self.listen != other.listen),
            ("origin", self.origin != other.origin),
            ("state", self.state != other.state),
            ("profile", self.profile != other.profile),
            ("crypto", self.crypto != other.crypto),
            ("tls", self.tls != other.tls),
            ("metrics", self.metrics != other.metrics),
            ("log.level", self.log.level != other.log.level),
            ("log.format", self.log.format != other.log.format),
        ];
        let mut keys: Vec<String> = changed(&own).collect();
        differing("parameters", &fields(&self.parameters), &fields(&other.parameters), at_once, &mut keys);
        keys
    }
}

fn changed<'a>(keys: &'a [(&'a str, bool)]) -> impl Iterator<Item = String> + 'a {
    keys.iter().filter(|(_, is_changed)| *is_changed).map(|(key, _)| (*key).to_owned())
}

fn fields(parameters: &Parameters) -> Value {
    // It has text keys and no serializer that fails.
    serde_json::to_value(parameters).unwrap_or_default()
}

/// Adds the keys of what differs, as the file spells them: without the units, which stand in its values.
fn differing(place: &str, runs: &Value, found: &Value, at_once: &[&str], keys: &mut Vec<String>) {
    let (Some(runs), Some(found)) = (runs.as_object(), found.as_object()) else { return };
    let names = runs.keys().chain(found.keys().filter(|name| !runs.contains_key(*name)));
    for name in names.filter(|name| !at_once.contains(&name.as_str())) {
        let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
        let (one, other) = (of(runs), of(found));
        if one.is_object() && other.is_object() {
            differing(&format!("{place}.{name}"), &one, &other, at_once, keys);
        } else if one != other {
            let spelled = match name.as_str() {
                "first_requests_per_s" => name,
                _ => name.strip_suffix("_ms").or_else(|| name.strip_suffix("_s")).unwrap_or(name),
            };
            keys.push(format!("{place}.{spelled}"));
        }
    }
}
