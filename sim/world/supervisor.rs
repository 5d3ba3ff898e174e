//! Lets an actor live, die and start again as the plan says.

use std::{error::Error, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{clock::HostClock, environment::SimulatedEnvironment};
use crate::{
    actor::{AgentActor, AgentMemory, Environment as _},
    crypto::PrivateKey,
    event::EventKind,
    plan::{FaultKind, Plan},
    types::{ActorId, VirtualTime},
};

/// How long a process takes to end and to start again when its software or its address changes.
const RESTART: Duration = Duration::from_secs(1);

/// What happens to an actor at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    at: VirtualTime,
    what: Happening,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Happening {
    Starts,
    Stops { power_loss: bool },
    IsCopied { fault: usize },
    IsRolledBack { fault: usize },
    GetsKey { key: u32 },
}

/// From when to when an actor is down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Outage {
    from: VirtualTime,
    until: VirtualTime,
    power_loss: bool,
}

/// Everything that happens to an actor from outside, in order.
pub fn turns_of(actor: ActorId, first_start: VirtualTime, plan: &Plan) -> Vec<Turn> {
    let mut outages = vec![Outage { from: VirtualTime::ZERO, until: first_start, power_loss: false }];
    let mut turns = Vec::new();
    for (number, fault) in plan.faults.iter().enumerate() {
        let (from, until) = (fault.at(), fault.until());
        let mut down = |from, until, power_loss| outages.push(Outage { from, until, power_loss });
        match fault.kind {
            FaultKind::Crash { who } if who.contains(actor, plan) => down(from, until, false),
            FaultKind::PowerLoss { who } if who.contains(actor, plan) => down(from, until, true),
            FaultKind::Upgrade { actor: upgraded, .. } if upgraded == actor => down(from, from.after(RESTART), false),
            FaultKind::Move { site, .. } if site == actor => {
                down(from, from.after(RESTART), false);
                if fault.until_ms.is_some() {
                    down(until, until.after(RESTART), false);
                }
            }
            FaultKind::Rollback { agent } if agent == actor => {
                turns.push(Turn { at: from, what: Happening::IsCopied { fault: number } });
                turns.push(Turn { at: until, what: Happening::IsRolledBack { fault: number } });
            }
            FaultKind::ChangeAgentKey { agent, key } if agent == actor => {
                turns.push(Turn { at: from, what: Happening::GetsKey { key } });
            }
            _ => {}
        }
    }
    for outage in merged(outages) {
        // Before its first start there is nothing that could stop.
        if outage.from > VirtualTime::ZERO {
            turns.push(Turn { at: outage.from, what: Happening::Stops { power_loss: outage.power_loss } });
        }
        turns.push(Turn { at: outage.until, what: Happening::Starts });
    }
    turns.sort_by_key(|turn| turn.at);
    turns
}

/// Outages that touch are one.
fn merged(mut outages: Vec<Outage>) -> Vec<Outage> {
    outages.sort();
    let mut merged: Vec<Outage> = Vec::new();
    for outage in outages {
        match merged.last_mut() {
            Some(last) if outage.from <= last.until => last.until = last.until.max(outage.until),
            _ => merged.push(outage),
        }
    }
    merged
}

/// The doings of an actor.
pub type Run = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// An actor that has just started.
pub struct Started {
    /// Its environment for as long as it lives.
    pub environment: Arc<SimulatedEnvironment>,
    /// What it does. An error ends the simulation.
    pub run: Run,
    /// The agent, if it is one.
    pub agent: Option<Arc<AgentActor<SimulatedEnvironment>>>,
}

/// How an actor starts for the `n`th time (counted from 0) at an instant, and which keys it may be given.
pub trait Starter {
    /// Starts the actor.
    fn start(&self, times_before: u32, now: VirtualTime) -> Option<Started>;

    /// A key of the key pool.
    fn key(&self, number: u32) -> Option<PrivateKey>;
}

/// Lets an actor go through its turns. Comes back only if it breaks down.
///
/// # Errors
/// Why it broke down.
pub async fn supervise(clock: Arc<HostClock>, turns: Vec<Turn>, starter: impl Starter) -> Result<(), Box<dyn Error>> {
    let mut living: Option<Living> = None;
    let mut copies: Vec<(usize, AgentMemory)> = Vec::new();
    let mut starts = 0;
    for Turn { at, what } in turns {
        let wait = at.since(clock.now());
        if !wait.is_zero() {
            let broke_down = broke_down(&mut living);
            tokio::select! {
                biased;
                error = broke_down => return Err(error.into()),
                () = clock.sleep(wait) => {}
            }
        }
        match (what, &living) {
            (Happening::Starts, None) => {
                living = starter.start(starts, clock.now()).map(Living::begin);
                starts += 1;
            }
            (Happening::Stops { power_loss }, Some(alive)) => {
                alive.environment.record(EventKind::Stopped { power_loss });
                alive.environment.life.end();
                living = None;
            }
            (Happening::IsCopied { fault }, Some(Living { agent: Some(agent), .. })) => {
                copies.push((fault, agent.memory()));
            }
            (Happening::IsRolledBack { fault }, Some(Living { agent: Some(agent), .. })) => {
                let copy = copies.iter().find(|(copied, _)| *copied == fault);
                copy.into_iter().for_each(|(_, memory)| agent.roll_back(memory.clone()));
            }
            (Happening::GetsKey { key }, Some(Living { agent: Some(agent), .. })) => {
                starter.key(key).into_iter().for_each(|private_key| agent.change_key(private_key, key));
            }
            // What is down cannot be stopped, copied or changed; it starts with what is right then.
            _ => {}
        }
    }
    Err(broke_down(&mut living).await.into())
}

/// An actor between its start and its end.
struct Living {
    environment: Arc<SimulatedEnvironment>,
    agent: Option<Arc<AgentActor<SimulatedEnvironment>>>,
    result: Option<oneshot::Receiver<io::Result<()>>>,
}

impl Living {
    fn begin(Started { environment, run, agent }: Started) -> Self {
        let (sender, result) = oneshot::channel();
        environment.spawn(async move {
            // Nobody listens only if the whole simulation ends.
            let _ = sender.send(run.await);
        });
        Self { environment, agent, result: Some(result) }
    }
}

/// Comes back when the actor has broken down; never if it is down, or has done all that it had to do.
async fn broke_down(living: &mut Option<Living>) -> io::Error {
    if let Some(living) = living
        && let Some(result) = &mut living.result
    {
        let result = result.await;
        living.result = None;
        if let Ok(Err(error)) = result {
            return error;
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_that_touch_or_overlap_are_one() {
        let outage = |from, until| Outage {
            from: VirtualTime::from_millis(from),
            until: VirtualTime::from_millis(until),
            power_loss: false,
        };
        let found = merged(vec![outage(50, 60), outage(0, 10), outage(20, 40), outage(30, 35), outage(40, 45)]);
        assert_eq!(found, [outage(0, 10), outage(20, 45), outage(50, 60)]);
    }
}
