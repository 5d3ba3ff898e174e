//! What a server decided about the requests that it got.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{event::EventKind, types::Refusal};

/// A server's decisions.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AdmissionFigures {
    /// Tokens accepted.
    pub accepted: u64,
    /// Tokens refused, by the rule that they broke; what never occurred is left out.
    pub refused: BTreeMap<Refusal, u64>,
    /// Tokens refused because their counter was used, or lies below the window (rule 18).
    pub replays_refused: u64,
    /// Challenges sent.
    pub challenged: u64,
    /// Challenges that carried a token.
    pub challenged_with_token: u64,
    /// Challenges that answered a refused token with a new one (rule 46).
    pub challenged_after_refusal: u64,
    /// Requests served to an authenticated agent.
    pub served: u64,
    /// Requests served that need no authentication (rule 3).
    pub served_public: u64,
    /// Requests answered with 503 or 429, by status.
    pub unavailable: BTreeMap<u16, u64>,
    /// Tokens issued: by the SMP, for its own agents and for the sites.
    pub issued: u64,
}

impl AdmissionFigures {
    /// Tokens refused, for whatever reason.
    pub fn refused_in_all(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(super) fn hear(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Accepted { .. } => self.accepted += 1,
            EventKind::Refused { why, .. } => {
                *self.refused.entry(*why).or_default() += 1;
                self.replays_refused += u64::from(matches!(why, Refusal::CounterUsed | Refusal::CounterBelowWindow));
            }
            EventKind::Challenged { challenge, .. } => {
                self.challenged += 1;
                self.challenged_with_token += u64::from(challenge.is_some());
                self.challenged_after_refusal += u64::from(challenge.is_some_and(|sent| sent.after_refusal));
            }
            EventKind::Served { agent: Some(_), .. } => self.served += 1,
            EventKind::Served { agent: None, .. } => self.served_public += 1,
            EventKind::Unavailable { status, .. } => *self.unavailable.entry(*status).or_default() += 1,
            EventKind::Issued { .. } => self.issued += 1,
            _ => {}
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.accepted += other.accepted;
        for (why, count) in &other.refused {
            *self.refused.entry(*why).or_default() += count;
        }
        self.replays_refused += other.replays_refused;
        self.challenged += other.challenged;
        self.challenged_with_token += other.challenged_with_token;
        self.challenged_after_refusal += other.challenged_after_refusal;
        self.served += other.served;
        self.served_public += other.served_public;
        for (status, count) in &other.unavailable {
            *self.unavailable.entry(*status).or_default() += count;
        }
        self.issued += other.issued;
    }
}
