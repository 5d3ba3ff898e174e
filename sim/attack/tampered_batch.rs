//! Attack 19: on the way back, batch answers that are altered, reordered, cut short, old, or another site's. Expected:
//! the site trusts none of them.
//!
//! The body is encrypted to the site, so that entries cannot be reordered without making the whole body anew: with the
//! site's public key anybody can do that, and nobody but the SMP can sign it.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::{
    AttackerSettings, Direction, Fate, Interceptor, Message, Passing, SharedLoot,
    hand::{Ask, Hand},
    pace::Pace,
};
use crate::{
    actor::Environment,
    crypto::{Engine, PrivateKey, PublicKey},
    event::{Carried, EventKind},
    protocol::{
        Answer, Answered, CLIENT_TOKENS_PATH, ClientTokensRequest, ClientTokensResponse, IssueError, RequestTarget,
        sign_response,
    },
    types::{ActorId, ConnectionId, MessageNonce, UnixSeconds, locked},
};

/// Tampers with the answers to one site's batch requests; those to other sites are kept, to be used on it.
pub struct Tamperer {
    pace: Pace,
    loot: SharedLoot,
    victim: ActorId,
    victim_key: PublicKey,
    own_key: PrivateKey,
    engine: Arc<Engine>,
    rng: ChaCha20Rng,
    body_bytes_max: usize,
    asked: BTreeMap<ConnectionId, Vec<u8>>,
}

impl Tamperer {
    pub fn new(settings: &AttackerSettings, engine: &Arc<Engine>, loot: SharedLoot) -> Self {
        Self {
            pace: Pace::new(settings.plan.interval_ms),
            loot,
            victim: settings.plan.victim,
            victim_key: settings.victim_public_key.clone(),
            own_key: settings.key.clone(),
            engine: Arc::clone(engine),
            rng: settings.rng.clone(),
            body_bytes_max: settings.parameters.caps.batch_response_bytes as usize,
            asked: BTreeMap::new(),
        }
    }

    /// The answer in another form, and what was done to it. `None` if there is nothing to do it with.
    fn tampered(&mut self, strike: u64, message: &Message, asked: &[u8]) -> Option<(&'static str, Message)> {
        let mut message = message.clone();
        let what = match strike % 6 {
            0 => {
                let position = usize::try_from(self.rng.next_u32()).ok()?.checked_rem(message.body.len())?;
                message.body[position] ^= 1;
                "altered a byte of a batch answer"
            }
            1 => {
                message.body.truncate(message.body.len() / 2);
                "cut a batch answer short"
            }
            2 => {
                message = self.kept_answer(|client| client == self.victim)?;
                "put an old batch answer in the place of a new one"
            }
            3 => {
                message = self.kept_answer(|client| client != self.victim)?;
                "put another site's batch answer in the place of this one's"
            }
            4 => {
                let parts: Vec<_> = std::str::from_utf8(&message.body).ok()?.split('.').rev().collect();
                message.body = parts.join(".").into_bytes();
                "reordered the parts of a batch answer"
            }
            _ => {
                message.body = self.made_up(asked)?;
                self.sign(&mut message)?;
                "made up a batch answer, encrypted it to the site and signed it with another key"
            }
        };
        Some((what, message))
    }

    fn kept_answer(&self, is_wanted: impl Fn(ActorId) -> bool) -> Option<Message> {
        let loot = locked(&self.loot);
        let mut answers = loot.messages().filter(|captured| captured.direction == Direction::Response);
        answers.find(|captured| is_wanted(captured.client)).map(|captured| captured.message.clone())
    }

    /// An answer with the entries of the request in the opposite order, each of which says that its agent is revoked.
    fn made_up(&mut self, asked: &[u8]) -> Option<Vec<u8>> {
        let request: ClientTokensRequest = serde_json::from_slice(asked).ok()?;
        let holders = request.agents.into_iter().rev();
        let tokens = holders.map(|holder| Answer { holder, result: Err(IssueError::AgentRevoked) }).collect();
        let response = ClientTokensResponse { tokens };
        response.seal(false, &self.victim_key, self.body_bytes_max, &self.engine, &mut self.rng).ok()
    }

    fn sign(&self, message: &mut Message) -> Option<()> {
        sign_anew(message, &Method::POST, CLIENT_TOKENS_PATH, &self.own_key, &self.engine)
    }
}

/// Signs an answer that somebody else signed with another key, for the request that it answered.
pub fn sign_anew(message: &mut Message, method: &Method, path: &str, key: &PrivateKey, engine: &Engine) -> Option<()> {
    let input = message.header("signature-input")?;
    let nonce: MessageNonce = between(input, "nonce=\"", "\"")?.parse().ok()?;
    let created = between(input, "created=", ";")?.parse().map(UnixSeconds).ok()?;
    let target = RequestTarget::new(method, path).ok()?;
    let status = StatusCode::from_u16(message.status()?).ok()?;
    let signed = sign_response(status, &message.body, Answered { target, nonce }, created, key, engine).ok()?;
    let mut headers = HeaderMap::new();
    signed.write_to(&mut headers);
    for (name, value) in &headers {
        message.set_header(name.as_str(), value.to_str().ok()?);
    }
    Some(())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

impl Interceptor for Tamperer {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        let Some(message) = Message::parse(passing.bytes) else { return Fate::Pass };
        if passing.direction == Direction::Request {
            self.asked.remove(&passing.connection);
            if message.target() == Some(CLIENT_TOKENS_PATH) {
                locked(&self.loot).keep(passing, false);
                self.asked.insert(passing.connection, message.body);
            }
            return Fate::Pass;
        }
        let Some(asked) = self.asked.remove(&passing.connection) else { return Fate::Pass };
        let is_struck = passing.client == self.victim && self.pace.is_due(passing.now);
        let mut fate = Fate::Pass;
        if is_struck {
            let strike = self.pace.strike(passing.now);
            if let Some((what, tampered)) = self.tampered(strike, &message, &asked) {
                (passing.report)(EventKind::Intercepted { connection: passing.connection, what: what.to_owned() });
                fate = Fate::Replace(tampered.to_bytes());
            }
        }
        locked(&self.loot).keep(passing, false);
        fate
    }
}

/// Sends a captured batch request again: the answer can be read by the site alone.
pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let smp_origin = hand.settings.smp_origin().clone();
    let request = {
        let loot = locked(&hand.loot);
        let mut requests = loot.messages().rev().filter(|captured| captured.direction == Direction::Request);
        requests.find(|captured| captured.client == hand.settings.plan.victim).map(|captured| captured.message.clone())
    };
    let Some(request) = request else { return };
    let header = |(name, value): &(String, String)| {
        let is_own = ["host", "content-length"].iter().any(|own| name.eq_ignore_ascii_case(own));
        (!is_own).then_some((name.parse::<HeaderName>().ok()?, HeaderValue::try_from(value).ok()?))
    };
    let headers = request.headers.iter().filter_map(header).collect();
    let ask = Ask {
        method: Method::POST,
        target: CLIENT_TOKENS_PATH,
        headers,
        body: request.body,
        carries: Carried::Signature,
    };
    let Some(mut line) = hand.line_to(ActorId::Smp, &smp_origin).await else { return };
    let what = "a captured batch request, once more";
    let Some(response) = hand.attempt(&mut line, what, ask).await else { return };
    if serde_json::from_slice::<ClientTokensResponse>(response.body()).is_ok() {
        hand.report("read the answer to a batch request that was not its own", Some(response.status().as_u16()));
    }
}
