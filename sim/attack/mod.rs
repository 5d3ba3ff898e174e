//! Attackers as actors: each attack of SPEC section 4 has a file, named after what it does.
//!
//! An attacker acts in two places. On connections of its own it is a task like any actor's, with an [`Environment`] of
//! its own: [`Attacker::run`] makes an attempt every interval. On the connections of others it is an [`Interceptor`],
//! which sees whole messages of plain HTTP as they arrive and decides what becomes of them: [`interceptor`]. What the
//! second captures, the first uses: [`Loot`].
//!
//! Attackers know the protocol and every public fact, and nobody's key but their own unless their power says so. They
//! never use what the simulation knows: they read what goes over the wire.
//!
//! | attack | file |
//! |---|---|
//! | 1 to 4, 6 | `algorithm_confusion`, `key_injection`, `ambiguous_json`, `wrong_parts`, `oversize` |
//! | 5, 7, 8 | `respelling`, `altered_agent_signature`, `altered_server_part` |
//! | 9 to 12 | `replay`, `stolen_offer`, `stolen_token`, `stolen_request`, `cross_server_replay` |
//! | 13, 14 | `counter_tricks`, `uid_substitution` |
//! | 15, 16, 17 | `foreign_offer`, `spoofed_refusal`, `stripped_challenge` |
//! | 19, 21, 30 | `tampered_batch`, `injection`, `key_swap` |
//! | 18, 20 | `rogue_site`, `eavesdropping` |
//! | 23, 24, 25, hole 18 | `registry_flood`, `cache_flood`, `slow_loris`, `first_request_flood` |
//! | 29, rules 52, 63 | `push_install`, `stolen_bearer`, `bearer_forgery` |
//! | rule 50 | `peer_replay` |
//! | rules 16, 56 | `account_replay`, `account_guess`, `stolen_password` |
//! | S7 | `stolen_key` |
//! | 28, rules 80, 83 | `login_forgery`, `login_delimiter`, `login_replay`, `login_key_theft`, by way of `login_line` |

mod account_guess;
mod account_replay;
mod algorithm_confusion;
mod altered_agent_signature;
mod altered_server_part;
mod ambiguous_json;
mod bearer_forgery;
mod cache_flood;
mod counter_tricks;
mod cross_server_replay;
mod eavesdropping;
mod first_request_flood;
mod foreign_offer;
mod forge;
mod framing;
mod hand;
mod injection;
mod key_injection;
mod key_swap;
mod login_delimiter;
mod login_forgery;
mod login_key_theft;
mod login_line;
mod login_replay;
mod loot;
mod message;
mod oversize;
mod pace;
mod peer_replay;
mod push_install;
mod registry_flood;
mod replay;
mod respelling;
mod rogue_site;
mod settings;
mod slow_loris;
mod spoofed_refusal;
mod stolen_bearer;
mod stolen_key;
mod stolen_offer;
mod stolen_password;
mod stolen_request;
mod stolen_token;
mod stripped_challenge;
mod tampered_batch;
mod uid_substitution;
mod wire;
mod wrong_parts;

pub use framing::{Direction, Framing, Piece};
pub use loot::{Captured, Listening, Loot, SharedLoot};
pub use message::Message;
pub use settings::{AtPortal, AttackerSettings, StolenAccounts};
pub use wire::{Fate, Interceptor, Passing, Reach, WireFilter, Wiretaps, Witness};

use std::{sync::Arc, time::Duration};

use self::hand::Hand;
use crate::{
    actor::Environment,
    crypto::Engine,
    event::EventKind,
    plan::{Attack, Power},
};

/// An attacker on connections of its own.
pub struct Attacker<E: Environment> {
    hand: Hand<E>,
}

impl<E: Environment> Attacker<E> {
    /// An attacker that has not begun.
    pub fn new(environment: Arc<E>, engine: Arc<Engine>, settings: AttackerSettings, loot: SharedLoot) -> Self {
        let rng = settings.rng.clone();
        Self { hand: Hand { environment, engine, settings, loot, rng, round: 0, stolen_login_key: None } }
    }

    /// Makes an attempt every interval, from start to end. An attempt that takes longer skips those that it overlaps.
    pub async fn run(mut self) {
        let environment = Arc::clone(&self.hand.environment);
        let (start, until) = (self.hand.settings.start(), self.hand.settings.until());
        let interval_ns = self.hand.settings.plan.interval_ms.max(1).saturating_mul(1_000_000);
        environment.record(EventKind::Started { node: self.hand.settings.node, epoch: None });
        environment.sleep(start.since(environment.now())).await;
        while environment.now() < until {
            self.attempt().await;
            self.hand.round += 1;
            let elapsed_ns = environment.now().nanos().saturating_sub(start.nanos());
            let next_ns = (elapsed_ns / interval_ns).saturating_add(1).saturating_mul(interval_ns);
            environment.sleep(Duration::from_nanos(next_ns - elapsed_ns)).await;
        }
    }

    async fn attempt(&mut self) {
        let hand = &mut self.hand;
        match hand.settings.plan.attack {
            Attack::AlgorithmConfusion => algorithm_confusion::attempt(hand).await,
            Attack::KeyInjection => key_injection::attempt(hand).await,
            Attack::AmbiguousJson => ambiguous_json::attempt(hand).await,
            Attack::WrongParts => wrong_parts::attempt(hand).await,
            Attack::Respelling => respelling::attempt(hand).await,
            Attack::Oversize => oversize::attempt(hand).await,
            Attack::AlteredAgentSignature => altered_agent_signature::attempt(hand).await,
            Attack::AlteredServerPart => altered_server_part::attempt(hand).await,
            Attack::Replay => replay::attempt(hand).await,
            Attack::StolenOffer => stolen_offer::attempt(hand).await,
            Attack::StolenToken => stolen_token::attempt(hand).await,
            Attack::StolenRequest => stolen_request::attempt(hand).await,
            Attack::CrossServerReplay => cross_server_replay::attempt(hand).await,
            Attack::CounterTricks => counter_tricks::attempt(hand).await,
            Attack::UidSubstitution => uid_substitution::attempt(hand).await,
            Attack::ForeignOffer => foreign_offer::attempt(hand).await,
            Attack::RogueSite => rogue_site::attempt(hand).await,
            Attack::TamperedBatch => tampered_batch::attempt(hand).await,
            Attack::RegistryFlood => registry_flood::attempt(hand).await,
            Attack::CacheFlood => cache_flood::attempt(hand).await,
            Attack::SlowLoris => slow_loris::attempt(hand).await,
            Attack::FirstRequestFlood => first_request_flood::attempt(hand).await,
            Attack::StolenKey => stolen_key::attempt(hand).await,
            Attack::LoginForgery => login_forgery::attempt(hand).await,
            Attack::LoginDelimiter => login_delimiter::attempt(hand).await,
            Attack::LoginReplay => login_replay::attempt(hand).await,
            Attack::LoginKeyTheft => login_key_theft::attempt(hand).await,
            Attack::PushInstall => push_install::attempt(hand).await,
            Attack::StolenBearer => stolen_bearer::attempt(hand).await,
            Attack::AccountReplay => account_replay::attempt(hand).await,
            Attack::AccountGuess => account_guess::attempt(hand).await,
            Attack::StolenPassword => stolen_password::attempt(hand).await,
            Attack::BearerForgery => bearer_forgery::attempt(hand).await,
            Attack::PeerReplay => peer_replay::attempt(hand).await,
            // These act on the connections of others only.
            Attack::SpoofedRefusal
            | Attack::Eavesdropping
            | Attack::Injection
            | Attack::KeySwap
            | Attack::StrippedChallenge => {}
        }
    }
}

/// The attacker on the connections of others, if its power lets it sit there. `engine` is the attacker's own.
pub fn interceptor(
    settings: &AttackerSettings,
    engine: &Arc<Engine>,
    loot: &SharedLoot,
) -> Option<Box<dyn Interceptor>> {
    if !matches!(settings.plan.attack.power(), Power::Listens | Power::OnPath) {
        return None;
    }
    let loot = Arc::clone(loot);
    let interval_ms = settings.plan.interval_ms;
    Some(match settings.plan.attack {
        Attack::StolenToken | Attack::StolenRequest => Box::new(stolen_token::Thief::new(interval_ms, loot)),
        Attack::ForeignOffer => Box::new(foreign_offer::Swapper::new(interval_ms, loot)),
        Attack::SpoofedRefusal => Box::new(spoofed_refusal::Spoofer::new(interval_ms)),
        Attack::TamperedBatch => Box::new(tampered_batch::Tamperer::new(settings, engine, loot)),
        Attack::Injection => Box::new(injection::Injector::new(interval_ms)),
        Attack::StrippedChallenge => Box::new(stripped_challenge::Stripper),
        Attack::KeySwap => Box::new(key_swap::KeySwapper::new(settings, engine)),
        Attack::LoginForgery | Attack::LoginReplay => Box::new(login_line::Reader::new(loot)),
        Attack::PeerReplay => Box::new(peer_replay::Reader::new(loot)),
        Attack::Eavesdropping => Box::new(eavesdropping::Eavesdropper::new(loot)),
        _ => Box::new(Listening::new(loot)),
    })
}
