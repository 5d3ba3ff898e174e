//! What every server has.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::{domain::Domain, gate};
use crate::{
    actor::{
        Environment,
        figure::{count, nanos},
        http::Reply,
    },
    crypto::{Engine, PrivateKey},
    event::{EventKind, Removal},
    protocol::{IssuerTime, RateLimit, Registry, RegistrySettings, ValidationRules},
    types::{Bug, Epoch, Jti, MessageNonce, NodeId, Origin, Parameters, Profile, VirtualTime, WallTime, locked},
};

/// What a server is told when it is set up.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Its identity.
    pub node: NodeId,
    /// Where it is reached.
    pub origin: Origin,
    /// Its key.
    pub key: PrivateKey,
    /// Which face of the protocol it shows.
    pub profile: Profile,
    /// The protocol's parameters.
    pub parameters: Arc<Parameters>,
    /// Where its random numbers come from.
    pub rng: ChaCha20Rng,
    /// The Windows domain that it asks about accounts.
    pub domain: Domain,
    /// Where it sends those whom it has let in; none if it serves them itself (rule 55).
    pub redirect_to: Option<Origin>,
}

/// A server's environment, engine and random numbers.
#[derive(Debug)]
pub struct Core<E> {
    pub environment: Arc<E>,
    pub engine: Arc<Engine>,
    pub settings: ServerSettings,
    rules: Mutex<Arc<ValidationRules>>,
    /// The issuer's time, for whoever is not the issuer.
    pub issuer_time: Mutex<IssuerTime>,
    rng: Mutex<ChaCha20Rng>,
    /// What [`Bug::AuthenticationKeptByAddress`] remembers.
    #[cfg(feature = "planted-bugs")]
    pub authentication_by_address: Mutex<std::collections::BTreeMap<u64, crate::protocol::ConnectionAuthentication>>,
    /// What [`Bug::RegistryPerWorker`] remembers: the worker process of the latest call, and the registry of each.
    #[cfg(feature = "planted-bugs")]
    pub registries_by_worker: Mutex<(u32, std::collections::BTreeMap<u32, Registry>)>,
}

impl<E: Environment> Core<E> {
    /// A server that has just started: it draws a new epoch (hole 6).
    pub fn start(environment: Arc<E>, engine: Arc<Engine>, settings: ServerSettings) -> Self {
        let mut rng = settings.rng.clone();
        let epoch = Epoch::from_bits(draw(&mut rng));
        environment.record(EventKind::Started { node: settings.node, epoch: Some(epoch) });
        let rules = ValidationRules {
            profile: settings.profile,
            origin: settings.origin.clone(),
            epoch,
            leeway: leeway_of(&settings.parameters),
            token_bytes_max: settings.parameters.caps.token_bytes as usize,
        };
        let issuer_time = Mutex::new(IssuerTime::new(settings.profile, &settings.parameters));
        Self {
            environment,
            engine,
            settings,
            rules: Mutex::new(Arc::new(rules)),
            issuer_time,
            rng: Mutex::new(rng),
            #[cfg(feature = "planted-bugs")]
            authentication_by_address: Mutex::default(),
            #[cfg(feature = "planted-bugs")]
            registries_by_worker: Mutex::default(),
        }
    }

    /// The management agent has started anew, with empty memory, and nothing else has: it draws a new epoch (hole 6).
    pub fn start_anew(&self) {
        let epoch = Epoch::from_bits(draw(&mut self.rng()));
        self.environment.record(EventKind::Started { node: self.settings.node, epoch: Some(epoch) });
        let mut rules = locked(&self.rules);
        *rules = Arc::new(ValidationRules { epoch, ..ValidationRules::clone(&rules) });
    }

    /// An empty registry, as after every start.
    pub fn empty_registry(&self) -> Registry {
        let settings = RegistrySettings::new(self.settings.profile, &self.settings.parameters);
        Registry::new(settings, self.rules().epoch)
    }

    /// What tokens are judged by now.
    pub fn rules(&self) -> Arc<ValidationRules> {
        Arc::clone(&locked(&self.rules))
    }

    /// Judges tokens by other parameters from now on: policy has the last word on those that it carries.
    pub fn go_by(&self, parameters: &Parameters, registry: &mut Registry) {
        registry.go_by(RegistrySettings::new(self.settings.profile, parameters));
        let leeway = leeway_of(parameters);
        let mut rules = locked(&self.rules);
        if rules.leeway != leeway {
            *rules = Arc::new(ValidationRules { leeway, ..ValidationRules::clone(&rules) });
        }
        locked(&self.issuer_time).go_by(parameters.leeway());
    }

    /// The limit on first requests from one source (hole 18).
    pub fn first_request_limit(&self) -> RateLimit<u64> {
        let parameters = &self.settings.parameters;
        RateLimit::new(parameters.first_requests_per_s, parameters.first_requests_burst)
    }

    /// The time that decides about tokens.
    pub fn wall(&self) -> WallTime {
        if Bug::ExpiryByWrongClock.is_planted() {
            return WallTime(self.environment.now().nanos());
        }
        self.clock()
    }

    /// The server's own clock, or the issuer's time where that is further away than the leeway (hole 17).
    pub fn clock(&self) -> WallTime {
        locked(&self.issuer_time).judge(self.environment.wall(), self.environment.now())
    }

    /// Lends the server's random numbers.
    pub fn rng(&self) -> MutexGuard<'_, ChaCha20Rng> {
        locked(&self.rng)
    }

    /// Draws the name of a new token.
    pub fn draw_jti(&self) -> Jti {
        Jti::from_bits(draw(&mut self.rng()))
    }

    /// Draws the nonce of a new signed message.
    pub fn draw_nonce(&self) -> MessageNonce {
        MessageNonce::from_bits(draw(&mut self.rng()))
    }

    /// Occupies the CPU for the work done since the last call, and for taking on `requests`.
    ///
    /// Nothing may wait between the work and this call, or the work of others would be charged here.
    pub async fn charge(&self, requests: u32) {
        let mut work = self.engine.take_work();
        work.requests = requests;
        if work.is_nothing() {
            return;
        }
        let occupied = self.environment.occupy(&work).await;
        self.environment.record(EventKind::Worked {
            work,
            waited_ns: nanos(occupied.waited),
            busy_ns: nanos(occupied.busy),
        });
    }

    /// Tells that a request which had been read at `since` is answered. It is no event: one per request would be a burden.
    pub fn answered(&self, since: VirtualTime, path: &str, reply: &Reply) {
        let took = self.environment.now().since(since);
        self.environment.answered(gate::kind_of_path(path), reply.status().as_u16(), took);
    }

    /// Purges and measures a registry for ever (rule 48).
    pub async fn keep_registry<S: Send>(&self, state: &Mutex<S>, registry: impl Fn(&mut S) -> &mut Registry + Sync) {
        const MEASURE_PERIOD_S: u64 = 300;
        let purge_period = Duration::from_secs(self.settings.parameters.registry_purge_period_s);
        let measure_period = Duration::from_secs(MEASURE_PERIOD_S).min(purge_period);
        let mut purged_at = self.environment.now();
        let mut wait = measure_period;
        loop {
            self.environment.sleep(wait).await;
            if !self.has_management_agent() {
                // A purge that is due is made up for: to wait for no time would be to wait for ever.
                wait = measure_period;
                continue;
            }
            let mut state = locked(state);
            let registry = registry(&mut state);
            if self.environment.now().since(purged_at) >= purge_period {
                purged_at = self.environment.now();
                if !Bug::PurgeNeverRuns.is_planted() {
                    self.purge(registry);
                }
            }
            self.measure(registry);
            wait = measure_period.min(purge_period.saturating_sub(self.environment.now().since(purged_at)));
        }
    }

    fn purge(&self, registry: &mut Registry) {
        let removed = registry.purge(self.clock());
        for (agent, jti) in &removed {
            self.environment.record(EventKind::RegistryRemoved {
                agent: *agent,
                jti: *jti,
                why: Removal::ExpiredSweep,
            });
        }
        self.environment
            .record(EventKind::RegistryPurged { removed: count(removed.len()), kept: count(registry.len()) });
    }

    fn measure(&self, registry: &Registry) {
        let (window_bits_used, window_bits) = registry.window_bits();
        self.environment.record(EventKind::RegistryMeasured {
            entries: count(registry.len()),
            bytes: crate::types::Undigested(registry.memory_bytes() as u64),
            window_bits_used,
            window_bits,
        });
    }
}

fn leeway_of(parameters: &Parameters) -> Duration {
    let times = if Bug::LeewayAddedTwice.is_planted() { 2 } else { 1 };
    parameters.leeway() * times
}

fn draw(rng: &mut ChaCha20Rng) -> u128 {
    let mut bits = [0; 16];
    rng.fill_bytes(&mut bits);
    u128::from_be_bytes(bits)
}
