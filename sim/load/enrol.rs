//! Agents become known to servers that somebody else has started, before anything is measured.

use std::sync::{Arc, Mutex};

use super::{LoadError, Target};
use crate::{
    actor::{AgentSettings, HttpConnection, enrol_agent},
    crypto::{Backend, Engine},
    event::{Event, Listener},
    socket::{RealClock, SocketEnvironment, SocketRecorder, Stop},
    types::ActorId,
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
            stays_here: !target.is_owned,
            ..SocketEnvironment::new(ActorId::Agent(*number), recorder.clone(), Stop::default())
        }),
        engine: Engine::new(Arc::clone(backend), Arc::default(), None),
    };
    let candidates: Vec<_> = agents.iter().map(candidate).collect();
    let Some(first) = candidates.first() else { return Ok(()) };
    first.reach_server().await?;
    first.register().await?;
    let mut others = candidates.into_iter().skip(1).peekable();
    while others.peek().is_some() {
        let under_way: Vec<_> =
            others.by_ref().take(AT_ONCE).map(|agent| tokio::spawn(async move { agent.register().await })).collect();
        for registration in under_way {
            // Nobody cancels it but the end of all.
            registration.await.map_err(|error| LoadError::Runtime(error.into()))??;
        }
    }
    Ok(())
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

    /// Registers, and looks at what policy says of the server.
    async fn register(&self) -> Result<(), LoadError> {
        let AgentSettings { smp, profile, server_origin, .. } = &self.settings;
        let agent = ActorId::Agent(self.number);
        let knowledge = enrol_agent(&self.environment, &self.engine, &self.settings)
            .await
            .map_err(|source| LoadError::Registration { agent, smp: smp.clone(), source: Box::new(source) })?;
        let Some(server) = knowledge.server else {
            return Err(LoadError::NoServer { server: server_origin.clone(), smp: smp.clone() });
        };
        if server.profile != *profile {
            let (server, found) = (server.origin, server.profile);
            return Err(LoadError::OtherProfile { server, found, expected: *profile });
        }
        Ok(())
    }
}
