//! Agents become known to servers that somebody else has started, before anything is measured.

use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::{LoadError, Target};
use crate::{
    actor::{AgentSettings, Enrolment, HttpConnection, Knowledge},
    crypto::{Backend, Engine},
    event::{Event, Listener},
    protocol::{IssuerTime, NodeKind, Policy},
    socket::{RealClock, SocketEnvironment, SocketRecorder, Stop},
    types::{ActorId, MessageNonce, Profile},
};

/// How many register at the same time: the first of a fleet must not find the SMP under a storm.
const AT_ONCE: usize = 16;

/// Nobody: what happens before a load is no part of it.
struct Unheard;

impl Listener for Unheard {
    fn hear(&mut self, _: &Event) {}
}

/// Registers every agent, and makes sure that its server is what the plan takes it for. The first agent goes alone: what is
/// wrong with the target, it finds.
///
/// # Errors
/// Why an agent cannot have what the plan gives it.
pub(super) async fn enrol(
    agents: &[(u32, AgentSettings)],
    target: &Target,
    backend: &Arc<dyn Backend>,
) -> Result<(), LoadError> {
    let recorder = SocketRecorder::new(Arc::new(Mutex::new(Unheard)), RealClock::start());
    let candidate = |(number, settings): &(u32, AgentSettings)| Candidate {
        number: *number,
        settings: settings.clone(),
        environment: Arc::new(SocketEnvironment {
            trust: target.trust.clone(),
            ..SocketEnvironment::new(ActorId::Agent(*number), recorder.clone(), Stop::default())
        }),
        engine: Engine::new(Arc::clone(backend), Arc::default(), None),
    };
    let mut agents = agents.iter().map(candidate);
    let Some(first) = agents.next() else { return Ok(()) };
    first.reach_server().await?;
    first.register().await?;
    let mut under_way = JoinSet::new();
    for agent in agents {
        if under_way.len() == AT_ONCE {
            joined(under_way.join_next().await)?;
        }
        under_way.spawn(async move { agent.register().await });
    }
    while let Some(ended) = under_way.join_next().await {
        joined(Some(ended))?;
    }
    Ok(())
}

/// What came of a task. One that panicked has panicked for all.
fn joined(ended: Option<Result<Result<(), LoadError>, tokio::task::JoinError>>) -> Result<(), LoadError> {
    match ended {
        None => Ok(()),
        Some(Ok(result)) => result,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Nobody cancels it but the end of all.
            Err(_) => Ok(()),
        },
    }
}

/// An agent that is to register.
struct Candidate {
    number: u32,
    settings: AgentSettings,
    environment: Arc<SocketEnvironment>,
    engine: Engine,
}

impl Candidate {
    /// Opens a connection to the server that is to be visited, and closes it.
    async fn reach_server(&self) -> Result<(), LoadError> {
        let AgentSettings { server, server_origin, parameters, .. } = &self.settings;
        let opened = HttpConnection::open(
            &self.environment,
            *server,
            server_origin,
            parameters.connect_timeout(),
            &parameters.caps,
        );
        let unreachable = |source| LoadError::Unreachable { server: server_origin.clone(), source };
        opened.await.map(drop).map_err(unreachable)
    }

    /// Registers, and keeps what policy says of the server.
    async fn register(&self) -> Result<(), LoadError> {
        let AgentSettings { key, smp, parameters, profile, pinned, .. } = &self.settings;
        let issuer_time = Mutex::new(IssuerTime::new(*profile, parameters));
        let enrolment = Enrolment {
            environment: &self.environment,
            engine: &self.engine,
            parameters,
            node: self.settings.node,
            key,
            smp,
            issuer_time: &issuer_time,
        };
        let mut bits = [0; 16];
        rand_core::Rng::fill_bytes(&mut self.settings.rng.clone(), &mut bits);
        let nonce = MessageNonce::from_bits(u128::from_be_bytes(bits));
        let agent = ActorId::Agent(self.number);
        let policy = enrolment
            .register(NodeKind::Agent, None, Profile::default(), *pinned, nonce)
            .await
            .map_err(|source| LoadError::Registration { agent, smp: smp.clone(), source: Box::new(source) })?;
        self.settings.secure_storage.keep(self.knowledge(policy)?);
        Ok(())
    }

    fn knowledge(&self, policy: Policy) -> Result<Knowledge, LoadError> {
        let AgentSettings { server_origin, smp, profile, .. } = &self.settings;
        let Some(server) = policy.server_at(server_origin).cloned() else {
            return Err(LoadError::NoServer { server: server_origin.clone(), smp: smp.clone() });
        };
        if server.profile != *profile {
            let (server, found) = (server.origin, server.profile);
            return Err(LoadError::OtherProfile { server, found, expected: *profile });
        }
        Ok(Knowledge { server_keys: policy.jwks, server: Some(server) })
    }
}
