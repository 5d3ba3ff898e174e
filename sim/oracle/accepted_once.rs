//! S1: a counter is accepted at most once.
//!
//! Reading: an `Accepted` with the same (agent, jti, counter) as an earlier one is a violation if it is by
//! the same server without a `Started` of that server in between (its registry epoch). If the server that accepts is
//! hardened: if the earlier one is by any server, restarted or not (holes 6 and 11).

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, Jti, NodeId, RequestId, VirtualTime},
};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
struct Use {
    counter: u64,
    server: ActorId,
    /// How often the server had started.
    starts: u32,
    request: RequestId,
    at: VirtualTime,
}

#[derive(Debug, Default)]
pub(super) struct AcceptedOnce {
    /// The uses of each token, by counter.
    uses: FadingMap<(NodeId, Jti), Vec<Use>>,
    starts: BTreeMap<ActorId, u32>,
}

impl Checker for AcceptedOnce {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (request, presented, expires) = match event.kind {
            EventKind::Accepted { request, presented, expires } => (request, presented, expires),
            EventKind::Started { epoch: Some(_), .. } => {
                *self.starts.entry(event.actor).or_default() += 1;
                return;
            }
            _ => return,
        };
        let starts = self.starts.get(&event.actor).copied().unwrap_or_default();
        let this = Use { counter: presented.counter, server: event.actor, starts, request, at: event.at };
        let key = (presented.agent, presented.jti);
        let keep_until = before.assumptions.forget_token_at(expires, event.at);
        let Some(uses) = self.uses.touch(&key, keep_until) else {
            self.uses.insert(key, vec![this], keep_until);
            return;
        };
        let everywhere = before.profile(event.actor).checks_audience();
        let from = uses.partition_point(|used| used.counter < this.counter);
        let same = uses.iter().skip(from).take_while(|used| used.counter == this.counter);
        let earlier = same.copied().find(|used| everywhere || (used.server, used.starts) == (this.server, this.starts));
        if let Some(first) = earlier {
            findings.violated(Invariant::S1, event.actor, || {
                format!(
                    "{}, jti {}, counter {} was accepted twice: by {} at {} for request {}, and again by {} at {} for request {}",
                    Who(presented.agent),
                    presented.jti,
                    presented.counter,
                    first.server,
                    first.at,
                    first.request,
                    this.server,
                    this.at,
                    this.request
                )
            });
        }
        uses.insert(from, this);
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.uses.fade(now);
    }
}
