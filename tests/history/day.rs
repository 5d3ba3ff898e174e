//! A well-formed run of any length: agents that visit one site every 15 minutes, as the protocol wants it.

use std::collections::BTreeMap;

use countersign::{
    event::{Carried, EventKind, Outcome, Removal, UpstreamPurpose},
    types::{Jti, NodeId, UnixSeconds},
};

use super::{History, SITE, START, Token, agent};

const VISIT_PERIOD_S: u64 = 900;
const VALIDATION_PERIOD_S: u64 = 600;

#[derive(Default)]
struct Run {
    stored: BTreeMap<u32, Token>,
    counters: BTreeMap<u32, u64>,
    cached: BTreeMap<u32, (Token, bool)>,
    registry: BTreeMap<Jti, (NodeId, UnixSeconds)>,
}

/// Lets agents 1 to `agents` visit the site for `duration_s` seconds; every fifth leaves after an hour.
pub fn well_formed(history: &mut History, agents: u32, duration_s: u64) {
    let mut run = Run::default();
    history.start(super::SMP).start(SITE);
    for second in 1..=duration_s {
        history.at_s(second);
        if second % VALIDATION_PERIOD_S == 0 {
            run.validate(history, second);
        }
        if second % history.plan.parameters.registry_purge_period_s == 0 {
            run.purge(history, second);
        }
        for number in 1..=agents {
            let is_there = !number.is_multiple_of(5) || second < 3_600;
            if is_there && second % VISIT_PERIOD_S == u64::from(number) % VISIT_PERIOD_S {
                run.visit(history, number, second);
            }
        }
    }
}

impl Run {
    fn visit(&mut self, history: &mut History, number: u32, second: u64) {
        let now = START.0 + second;
        let me = agent(number);
        let stored = self.stored.get(&number).copied().filter(|token| token.expires.0 > now + 30);
        history.begin(me, stored.is_some());
        let connection = history.open(me, SITE);
        let token = match stored {
            Some(token) => token,
            None => {
                let request = history.send(me, connection, Carried::FirstRequest);
                let token = self.token_for(history, number, now);
                history.challenge(SITE, request, &token, false).receive(me, request, 401);
                token
            }
        };
        let counter = self.counters.entry(number).or_default();
        *counter += 1;
        history.countersign(me, &token, *counter);
        let carries = if stored.is_some() { Carried::StoredToken } else { Carried::NewToken };
        let request = history.send(me, connection, carries);
        if let Some((cached, requested)) = self.cached.get_mut(&number) {
            *requested = true;
            let cached = *cached;
            history.hit(&cached);
        }
        history.accept(SITE, request, &token, *counter).serve(SITE, request, number).receive(me, request, 200);
        self.registry.insert(token.jti, (token.agent, token.expires));
        if stored.is_some() {
            history.end(me, Outcome::ServedOneStep, 1);
        } else {
            history.only_store(me, &token).end(me, Outcome::ServedTwoStep, 2);
            self.stored.insert(number, token);
        }
        history.close(me, connection);
    }

    fn token_for(&mut self, history: &mut History, number: u32, now: u64) -> Token {
        if let Some((token, requested)) = self.cached.get_mut(&number).filter(|(token, _)| token.expires.0 > now + 30) {
            *requested = true;
            history.hit(token);
            return *token;
        }
        let (agent, uid) = (super::node(number), countersign::types::Uid::from_bits(number.into()));
        history.say(SITE, EventKind::CacheMissed { agent, uid });
        history.say(SITE, EventKind::SlotAwaited { position: 0 });
        let connection = history.open(SITE, super::SMP);
        history.upstream(UpstreamPurpose::FirstFetch, 1, connection);
        let token = history.issue(number);
        history.upstream_end(UpstreamPurpose::FirstFetch, Some(1)).cache(&token, false);
        self.cached.insert(number, (token, false));
        token
    }

    fn validate(&mut self, history: &mut History, second: u64) {
        let now = START.0 + second;
        history.validate();
        let expired: Vec<_> =
            self.cached.iter().filter(|(_, (token, _))| token.expires.0 <= now).map(|(number, _)| *number).collect();
        for number in expired {
            if let Some((Token { agent, uid, jti, .. }, _)) = self.cached.remove(&number) {
                history.say(SITE, EventKind::CacheRemoved { agent, uid, jti, why: Removal::ExpiredSweep });
            }
        }
        let look_ahead_s =
            if history.plan.profile.stretches_look_ahead() { 900.max(VALIDATION_PERIOD_S + 60) } else { 900 };
        let due: Vec<_> = self
            .cached
            .iter()
            .filter(|(_, (token, requested))| *requested && token.expires.0 <= now + look_ahead_s)
            .map(|(number, _)| *number)
            .collect();
        let connection = history.open(SITE, super::SMP);
        for batch in due.chunks(128) {
            let size = u32::try_from(batch.len()).unwrap();
            history.upstream(UpstreamPurpose::Validation, size, connection);
            let tokens: Vec<_> = batch.iter().map(|number| (*number, history.issue(*number))).collect();
            history.upstream_end(UpstreamPurpose::Validation, Some(size));
            for (number, token) in tokens {
                history.cache(&token, true);
                let keeps = !history.plan.profile.resets_requested_on_refresh();
                self.cached.insert(number, (token, keeps));
            }
        }
        history.validated(u32::try_from(due.len()).unwrap());
    }

    fn purge(&mut self, history: &mut History, second: u64) {
        let until = START.0 + second - history.plan.parameters.leeway_s;
        let mut removed = 0;
        let expired: Vec<_> =
            self.registry.iter().filter(|(_, (_, expires))| expires.0 <= until).map(|(jti, it)| (*jti, it.0)).collect();
        for (jti, agent) in expired {
            removed += 1;
            self.registry.remove(&jti);
            history.say(SITE, EventKind::RegistryRemoved { agent, jti, why: Removal::ExpiredSweep });
        }
        let kept = u32::try_from(self.registry.len()).unwrap();
        history.say(SITE, EventKind::RegistryPurged { removed, kept });
    }
}
