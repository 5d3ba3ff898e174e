//! An agent without a runtime of its own, which asks when a test says so.

use countersign::{
    crypto::Engine,
    protocol::{Agent, Authorization, CountersignedToken, RequestFacts, ServerPath, TokenChallenge, content_digest},
    types::{Parameters, Profile},
};
use rand_chacha::ChaCha20Rng;

use crate::{
    pipes::agent,
    stage::{engine, key, rng},
    wire::Wire,
};

/// What it asks for.
pub const TARGET: &str = "/Altiris/Packages/index";

/// An agent that is driven by hand, request by request.
pub struct Client {
    agent: Agent,
    path: ServerPath,
    rng: ChaCha20Rng,
    engine: Engine,
}

impl Client {
    pub fn new(number: u32, profile: Profile, path: &ServerPath) -> Self {
        let server_keys = [key(0).public().clone()].into_iter().collect();
        let parameters = Parameters::defaults(profile);
        let agent = Agent::new(agent(number), key(number), profile, &parameters, server_keys);
        Self { agent, path: path.clone(), rng: rng(1_000 + u64::from(number)), engine: engine() }
    }

    fn authorization(authorization: &Authorization, agent: &Agent) -> String {
        match authorization {
            Authorization::First { uid } => {
                format!(r#"Authorization: SMPToken agent="{}", nonce="{uid}""#, agent.node())
            }
            Authorization::Token { token, .. } => format!("Authorization: SMPToken {}", token.text()),
        }
    }

    /// The header line of a first request.
    pub fn first(&mut self) -> String {
        let first = self.agent.ask_anew(&self.path, &mut self.rng);
        Self::authorization(&first, &self.agent)
    }

    /// The countersigned answer to a challenge.
    pub fn token(&mut self, challenge: &TokenChallenge<'_>) -> CountersignedToken {
        let digest = content_digest(b"");
        let facts = RequestFacts { method: "GET", target: TARGET, content_digest: &digest, channel_binding: None };
        let Self { agent, path, engine, .. } = self;
        match agent.answer(path, challenge, &facts, engine).expect("an honest offer") {
            Authorization::Token { token, .. } => *token,
            Authorization::First { .. } => panic!("no answer to a challenge"),
        }
    }

    /// Two steps; gives back the token that was accepted.
    pub async fn authenticate(&mut self, wire: &mut Wire) -> CountersignedToken {
        let challenged = wire.get(TARGET, &[&self.first()]).await;
        let token = self.token(&challenged.challenge());
        assert_eq!(wire.get(TARGET, &[&line(token.text())]).await.status, 200);
        token
    }
}

/// The header line that carries a token.
pub fn line(token: &str) -> String {
    format!("Authorization: SMPToken {token}")
}
