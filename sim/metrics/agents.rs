//! What agents signed, checked, stored and threw away.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Carried, EventKind, Removal};

/// All agents together.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AgentFigures {
    /// Starts.
    pub started: u64,
    /// Tokens countersigned (rule 7).
    pub countersigned: u64,
    /// Signatures: one for each token countersigned and one for each signed message.
    pub signs: u64,
    /// Verifications: one for each new token, taken or declined (rule 6), and one for each signed answer.
    pub verifies: u64,
    /// What those signatures would cost a server's core, in nanoseconds, blindings aside; an agent's CPU is its own.
    pub sign_cost_ns: u64,
    /// What those verifications would cost a server's core, in nanoseconds.
    pub verify_cost_ns: u64,
    /// Tokens of servers that an agent turned down (rule 6).
    pub tokens_declined: u64,
    /// Tokens stored (rules 5, 14).
    pub tokens_stored: u64,
    /// Stored tokens removed, by reason; what never occurred is left out.
    pub tokens_removed: BTreeMap<Removal, u64>,
    /// Registrations.
    pub registered: u64,
    /// Policies received.
    pub policies_received: u64,
    /// Registrations and policies that could not be had.
    pub policies_failed: u64,
}

impl AgentFigures {
    pub(super) fn hear(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Started { .. } => self.started += 1,
            EventKind::Countersigned { .. } => {
                self.countersigned += 1;
                self.signs += 1;
            }
            EventKind::RequestSent { carries: Carried::Signature, .. } => self.signs += 1,
            // An agent answers a challenge only after it has verified the token in it (rule 6).
            EventKind::RequestSent { carries: Carried::NewToken, .. } => self.verifies += 1,
            EventKind::TokenDeclined { .. } => {
                self.tokens_declined += 1;
                self.verifies += 1;
            }
            EventKind::TokenStored { .. } => self.tokens_stored += 1,
            EventKind::StoredTokenRemoved { why, .. } => *self.tokens_removed.entry(*why).or_default() += 1,
            EventKind::Registered { .. } => {
                self.registered += 1;
                self.verifies += 1;
            }
            EventKind::PolicyReceived { .. } => {
                self.policies_received += 1;
                self.verifies += 1;
            }
            EventKind::PolicyFailed { .. } => self.policies_failed += 1,
            _ => {}
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.started += other.started;
        self.countersigned += other.countersigned;
        self.signs += other.signs;
        self.verifies += other.verifies;
        self.sign_cost_ns = self.sign_cost_ns.saturating_add(other.sign_cost_ns);
        self.verify_cost_ns = self.verify_cost_ns.saturating_add(other.verify_cost_ns);
        self.tokens_declined += other.tokens_declined;
        self.tokens_stored += other.tokens_stored;
        for (why, count) in &other.tokens_removed {
            *self.tokens_removed.entry(*why).or_default() += count;
        }
        self.registered += other.registered;
        self.policies_received += other.policies_received;
        self.policies_failed += other.policies_failed;
    }
}
