//! What becomes of a configuration that is read again while the server runs: what is taken over, and what waits for a
//! restart.

use std::{collections::BTreeSet, sync::Mutex};

use serde_json::Value;

use super::{LogTable, PortalConfig, ServerConfig, SiteConfig, SmpConfig};
use crate::types::{Parameters, locked};

/// Parameters that policy carries to whom they concern, the SMP among them.
const OF_POLICY: &[&str] = &[
    "authentication",
    "acc_fallback",
    "basic",
    "anonymous_codebases",
    "token_lifetime",
    "validation_period",
    "look_ahead",
    "validation_tokens_max",
    "batch_size_max",
    "registry_window",
    "counter_jump_max",
    "leeway",
    "policy_interval",
];

/// What of `[log]` is turned while the server runs. How lines are written is settled with the first.
const OF_LOG: &[&str] = &["level", "severity", "module_severity", "filter"];

/// What came of reading the configuration again.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// Whether policy changed.
    pub policy_changed: bool,
    /// The keys of what is in force from now on and was not before.
    pub taken_over: Vec<String>,
    /// The keys of what differs from what the server runs with, and stays so until it starts again.
    pub needs_restart: Vec<String>,
}

/// A configuration that can be read again.
pub trait Reread {
    /// What it says of the log.
    fn log(&self) -> &LogTable;

    /// The keys of what differs in `other`.
    fn differing(&self, other: &Self) -> Vec<String>;

    /// Whether the server takes over what has this key without a restart.
    fn is_taken_over(key: &str) -> bool;

    /// What is in force once a server that started with this one has read `found`, as far as others are shown it.
    fn in_force(&self, found: &Self) -> Self;
}

/// What a server runs with.
#[derive(Debug)]
pub struct Running<C> {
    /// What it started with.
    started: C,
    /// What it read last: of this it has what is taken over at once.
    latest: Mutex<C>,
}

impl<C: Reread + Clone> Running<C> {
    /// It has just started.
    pub fn new(started: C) -> Self {
        Self { latest: Mutex::new(started.clone()), started }
    }

    /// What is in force once what was read has been taken over, as far as it can be.
    pub fn in_force(&self, found: &C) -> C {
        self.started.in_force(found)
    }

    /// Notes what was read and has been taken over, as far as it can be; tells what that is.
    pub fn take_over(&self, found: &C, policy_changed: bool) -> Reloaded {
        let mut latest = locked(&self.latest);
        let in_force = self.in_force(found);
        let (mut taken_over, mut needs_restart) = (latest.differing(&in_force), self.started.differing(found));
        taken_over.retain(|key| C::is_taken_over(key));
        // What of policy follows from a profile that waits waits with it.
        let waits = in_force.differing(found);
        needs_restart.retain(|key| !C::is_taken_over(key) || waits.contains(key));
        *latest = in_force;
        Reloaded { policy_changed, taken_over, needs_restart }
    }
}

impl Reread for SmpConfig {
    fn log(&self) -> &LogTable {
        &self.server.log
    }

    fn differing(&self, other: &Self) -> Vec<String> {
        let own = [
            ("admin.listen", self.admin != other.admin),
            ("approved_sites", self.approved_sites != other.approved_sites),
            ("registered_max", self.registered_max != other.registered_max),
        ];
        with(self.server.differing(&other.server), &own)
    }

    fn is_taken_over(key: &str) -> bool {
        let is_of_policy = key.strip_prefix("parameters.").is_some_and(|name| OF_POLICY.contains(&name));
        is_of_policy || is_of_log(key) || matches!(key, "approved_sites" | "registered_max")
    }

    fn in_force(&self, found: &Self) -> Self {
        let parameters = parameters_in_force(&self.server, &found.server);
        Self { server: ServerConfig { parameters, ..found.server.clone() }, ..found.clone() }
    }
}

/// A site server has its policy from the SMP.
impl Reread for SiteConfig {
    fn log(&self) -> &LogTable {
        &self.server.log
    }

    fn differing(&self, other: &Self) -> Vec<String> {
        let own = [
            ("smp.origin", self.smp != other.smp),
            ("smp.pin", self.pin != other.pin),
            ("smp.trust", self.trust != other.trust),
        ];
        with(self.server.differing(&other.server), &own)
    }

    fn is_taken_over(key: &str) -> bool {
        is_of_log(key)
    }

    fn in_force(&self, found: &Self) -> Self {
        found.clone()
    }
}

impl Reread for PortalConfig {
    fn log(&self) -> &LogTable {
        &self.server.log
    }

    fn differing(&self, other: &Self) -> Vec<String> {
        let own = [
            ("delimiter", self.rules != other.rules && self.server.profile == other.server.profile),
            ("lifetimes", self.lifetimes != other.lifetimes),
            ("users", self.users != other.users),
            ("jobs", self.jobs != other.jobs),
            ("administration_server", self.administration_server != other.administration_server),
            ("portlet_server", self.portlet_server != other.portlet_server),
            ("admin.listen", self.admin != other.admin),
        ];
        with(self.server.differing(&other.server), &own)
    }

    fn is_taken_over(key: &str) -> bool {
        is_of_log(key)
    }

    fn in_force(&self, found: &Self) -> Self {
        found.clone()
    }
}

impl ServerConfig {
    fn differing(&self, other: &Self) -> Vec<String> {
        let (log, found) = (&self.log, &other.log);
        let LogTable { level, format, severity, module_severity, filter } = log;
        let own = [
            ("listen", self.listen != other.listen),
            ("origin", self.origin != other.origin),
            ("state", self.state != other.state),
            ("profile", self.profile != other.profile),
            ("crypto", self.crypto != other.crypto),
            ("tls", self.tls != other.tls),
            ("metrics", self.metrics != other.metrics),
            ("log.level", *level != found.level),
            ("log.format", *format != found.format),
            ("log.severity", *severity != found.severity),
            ("log.module_severity", *module_severity != found.module_severity),
            ("log.filter", *filter != found.filter),
        ];
        let mut keys = with(Vec::new(), &own);
        differing("parameters", &fields(&self.parameters), &fields(&other.parameters), &mut keys);
        keys
    }
}

/// The parameters that a server started with, but for those of policy. What follows from the profile, where the file says
/// nothing, waits with the profile for a restart.
fn parameters_in_force(started: &ServerConfig, found: &ServerConfig) -> Parameters {
    let found = found.parameters_by_profile.get(&started.profile).unwrap_or(&found.parameters);
    let (mut runs, found) = (fields(&started.parameters), fields(found));
    if let (Some(runs), Some(found)) = (runs.as_object_mut(), found.as_object()) {
        let names: BTreeSet<_> = runs.keys().chain(found.keys()).cloned().collect();
        for name in names.into_iter().filter(|name| OF_POLICY.contains(&spelled(name))) {
            match found.get(&name) {
                Some(value) => drop(runs.insert(name, value.clone())),
                // What nobody has changed is not written.
                None => drop(runs.remove(&name)),
            }
        }
    }
    serde_json::from_value(runs).unwrap_or_else(|_| started.parameters.clone())
}

fn is_of_log(key: &str) -> bool {
    key.strip_prefix("log.").is_some_and(|name| OF_LOG.contains(&name))
}

fn with(mut keys: Vec<String>, own: &[(&str, bool)]) -> Vec<String> {
    keys.extend(own.iter().filter(|(_, is_changed)| *is_changed).map(|(key, _)| (*key).to_owned()));
    keys
}

fn fields(parameters: &Parameters) -> Value {
    // It has text keys and no serializer that fails.
    serde_json::to_value(parameters).unwrap_or_default()
}

/// Adds the keys of what differs, as the file spells them: without the units, which stand in its values.
fn differing(place: &str, runs: &Value, found: &Value, keys: &mut Vec<String>) {
    let (Some(runs), Some(found)) = (runs.as_object(), found.as_object()) else { return };
    let names = runs.keys().chain(found.keys().filter(|name| !runs.contains_key(*name)));
    for name in names {
        let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
        let (one, other) = (of(runs), of(found));
        // The file has a table of caps, and a list of what is on.
        if name == "caps" {
            differing(&format!("{place}.{name}"), &one, &other, keys);
        } else if one != other {
            keys.push(format!("{place}.{}", spelled(name)));
        }
    }
}

/// A parameter's name as the file has it.
fn spelled(name: &str) -> &str {
    match name {
        "first_requests_per_s" => name,
        _ => name.strip_suffix("_ms").or_else(|| name.strip_suffix("_s")).unwrap_or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scenario::Configuration,
        serve::config::{PortalDocument, SmpDocument},
        types::Profile,
    };

    fn smp(text: &str) -> SmpConfig {
        let source = Configuration { file: "smp.toml", text, lister: "" };
        source.read::<SmpDocument>().unwrap().resolve(&source).unwrap()
    }

    #[test]
    fn what_policy_carries_and_the_log_is_taken_over_and_said_once() {
        let running = Running::new(smp(""));
        let text = "registered_max = 5\nlog.level = \"debug\"\nlog.format = \"json\"\n\
                    [parameters]\nauthentication = [\"token\", \"acc\"]\nbasic = true\nretry_max = \"9s\"\n";
        let Reloaded { taken_over, needs_restart, .. } = running.take_over(&smp(text), true);
        let expected = ["log.level", "parameters.basic", "parameters.authentication", "registered_max"];
        assert!(expected.iter().all(|key| taken_over.iter().any(|it| it == key)), "{taken_over:?}");
        assert_eq!((taken_over.len(), needs_restart), (4, vec!["log.format".into(), "parameters.retry_max".into()]));
        // What it has is not taken over once more, while what waits goes on waiting.
        let again = running.take_over(&smp(text), false);
        assert_eq!((again.taken_over.len(), again.needs_restart.len()), (0, 2));
        let back = running.take_over(&smp(""), true);
        assert_eq!((back.taken_over.len(), back.needs_restart.len()), (4, 0), "{back:?}");
    }

    #[test]
    fn what_waits_for_a_restart_is_not_in_force_and_what_follows_from_the_profile_waits_with_it() {
        let running = Running::new(smp("profile = \"hardened\""));
        let text = "profile = \"literal\"\nparameters.keep_alive_idle = \"7s\"\nparameters.token_lifetime = \"30m\"\n";
        let (found, hardened) = (smp(text), Parameters::defaults(Profile::Hardened));
        assert_ne!(found.server.parameters.leeway_s, hardened.leeway_s);
        let expected = Parameters { token_lifetime_s: 30 * 60, ..hardened };
        assert_eq!(running.in_force(&found).server.parameters, expected);
        let Reloaded { taken_over, needs_restart, .. } = running.take_over(&found, true);
        assert_eq!(taken_over, ["parameters.token_lifetime"]);
        assert!(
            needs_restart.contains(&"profile".into()) && needs_restart.contains(&"parameters.keep_alive_idle".into())
        );
        assert!(needs_restart.contains(&"parameters.leeway".into()), "{needs_restart:?}");
        // What the file says is taken over with either profile, were it the other's default.
        for (leeway, leeway_s) in [("5s", 5), ("0s", 0)] {
            let text = format!("profile = \"literal\"\nparameters.leeway = \"{leeway}\"\n");
            assert_eq!(running.in_force(&smp(&text)).server.parameters.leeway_s, leeway_s);
        }
    }

    /// A parameter of policy that this list forgot would be said to wait for a restart, and be in force.
    #[test]
    fn the_list_has_every_parameter_that_policy_carries() {
        let own = smp("");
        let changed = "[parameters]\nauthentication = [\"acc\"]\nacc_fallback = false\nbasic = true\n\
                       anonymous_codebases = true\ntoken_lifetime = \"30m\"\nvalidation_period = \"1m\"\n\
                       look_ahead = \"1m\"\nvalidation_tokens_max = 7\nbatch_size_max = 7\nregistry_window = 7\n\
                       counter_jump_max = 7\nleeway = \"7s\"\npolicy_interval = \"7m\"\n";
        let keys = own.differing(&smp(changed));
        assert_eq!(keys.len(), OF_POLICY.len());
        assert!(keys.iter().all(|key| SmpConfig::is_taken_over(key)), "{keys:?}");
    }

    #[test]
    fn a_portal_takes_over_its_log_and_names_the_rest() {
        let portal = |text: &str| {
            let source = Configuration { file: "portal.toml", text, lister: "" };
            source.read::<PortalDocument>().unwrap().resolve(&source).unwrap()
        };
        let running = Running::new(portal(""));
        let text = "delimiter = \"!\"\nusers = [{ id = \"a\" }]\nlog.level = \"debug\"\n";
        let Reloaded { taken_over, needs_restart, .. } = running.take_over(&portal(text), false);
        assert_eq!((taken_over, needs_restart), (vec!["log.level".into()], vec!["delimiter".into(), "users".into()]));
    }
}
