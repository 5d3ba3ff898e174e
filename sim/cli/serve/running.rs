//! A server that runs: its doors beside the protocol's, its signals, and its end.

use std::{
    io,
    net::SocketAddr,
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use rand_chacha::ChaCha20Rng;
use tokio::{runtime::Runtime, task::JoinHandle};
use tracing::{
    error,
    field::{DisplayValue, display},
    info, warn,
};

use super::{
    Exit, Failure,
    signals::{Signal, Signals},
};
use crate::{
    actor::{Domain, ServerSettings, Service},
    crypto::{Engine, PrivateKey, WallTotals, backend},
    serve::{
        Audience, Counted, Door, Figures, Health, Reload, SideDoor, Witness,
        config::{LogTable, Reloaded, ServerConfig},
    },
    socket::{self, ClientTls, RealClock, Rendezvous, SocketEnvironment, SocketRecorder, Stop, Workers},
    types::{ActorId, CryptoTier, NodeId, Origin, locked},
};

/// The exit code of a process that a signal ended at once.
const ENDED_BY_SIGNAL: i32 = 130;
/// How long the last line may take before that.
const LAST_LINE: Duration = Duration::from_millis(50);

/// What both kinds of server run with.
pub struct Surroundings {
    /// Where events go.
    pub recorder: SocketRecorder,
    /// Who hears them there.
    pub audience: Arc<Mutex<Audience>>,
    /// What is counted.
    pub figures: Arc<Figures>,
    /// Whether the server is ready to serve.
    pub ready: Arc<AtomicBool>,
    rendezvous: Rendezvous,
    operations: Arc<WallTotals>,
    stop: Stop,
    side_stop: Stop,
}

/// A runtime with a thread for each core.
pub fn runtime() -> Result<Runtime, Failure> {
    socket::runtime(Workers::OnePerCore).map_err(|error| Failure::Internal(format!("failed to start threads: {error}")))
}

impl Surroundings {
    pub fn new(counted: Counted, log: &LogTable) -> Self {
        let (rendezvous, operations) = (Rendezvous::default(), Arc::<WallTotals>::default());
        let figures = Arc::new(Figures::new(counted, Arc::clone(&operations), rendezvous.clone()));
        let ready = Arc::new(AtomicBool::new(false));
        let audience = Arc::new(Mutex::new(Audience::new(Arc::clone(&figures), Arc::clone(&ready))));
        locked(&audience).writes_records(log);
        let recorder = SocketRecorder::new(Arc::clone(&audience) as _, RealClock::start());
        let (stop, side_stop) = (Stop::default(), Stop::default());
        Self { recorder, audience, figures, ready, rendezvous, operations, stop, side_stop }
    }

    /// What an actor gets from outside, but for its door.
    pub fn environment(&self, actor: ActorId, trust: Option<ClientTls>) -> Arc<SocketEnvironment> {
        Arc::new(SocketEnvironment {
            rendezvous: self.rendezvous.clone(),
            trust,
            observer: Some(Arc::new(Witness::new(Arc::clone(&self.figures), self.recorder.clock()))),
            ..SocketEnvironment::new(actor, self.recorder.clone(), self.stop.clone())
        })
    }

    /// The actor's way to its signatures.
    pub fn engine(&self, tier: CryptoTier) -> Result<Arc<Engine>, Failure> {
        if tier == CryptoTier::Rsa {
            warn!(
                "the `rsa` backend decrypts in a time that depends on the key (RUSTSEC-2023-0071): use `aws-lc` for \
                   keys that protect something"
            );
        }
        let backend = backend(tier).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Arc::new(Engine::new(backend, Arc::clone(&self.operations), None)))
    }

    /// Opens a door beside the protocol's.
    pub fn open(&self, door: Door, service: Arc<impl Service>) -> Result<(), Failure> {
        let side_door = SideDoor::new(door, self.side_stop.clone())?;
        tokio::spawn(async move {
            if let Err(error) = side_door.serve(service).await {
                error!(%error, "a door beside the protocol's broke");
            }
        });
        Ok(())
    }

    /// Opens the door of monitoring, where there is one.
    pub fn open_metrics(&self, door: Option<Door>) -> Result<(), Failure> {
        let Some(door) = door else { return Ok(()) };
        self.open(door, Arc::new(Health::new(Arc::clone(&self.figures), Arc::clone(&self.ready))))
    }

    /// Runs a server until it is told to stop and has finished, or breaks.
    pub async fn run(
        self,
        mut server: JoinHandle<io::Result<()>>,
        mut signals: Signals,
        reload: Reload,
    ) -> Result<Exit, Failure> {
        let mut is_stopping = false;
        loop {
            tokio::select! {
                biased;
                ended = &mut server => {
                    self.side_stop.stop();
                    return end(ended);
                }
                signal = signals.next() => match signal {
                    Signal::Stop if is_stopping => {
                        warn!("told to stop again: ending at once");
                        // Another thread writes that line.
                        thread::sleep(LAST_LINE);
                        process::exit(ENDED_BY_SIGNAL);
                    }
                    Signal::Stop => {
                        info!("stopping: what is under way is finished");
                        is_stopping = true;
                        self.ready.store(false, Relaxed);
                        self.stop.stop();
                    }
                    Signal::Reload => match reload().await {
                        Ok(reloaded) => tell_reloaded(&reloaded),
                        Err(why) => error!(why, "the configuration is not taken over: what was in force stays"),
                    },
                },
            }
        }
    }
}

fn tell_reloaded(Reloaded { policy_changed, taken_over, needs_restart }: &Reloaded) {
    let listed = |keys: &[String]| (!keys.is_empty()).then(|| keys.join(", "));
    let taken_over = listed(taken_over);
    match listed(needs_restart) {
        None => info!(policy_changed, taken_over, "configuration read again"),
        Some(needs_restart) => warn!(
            policy_changed,
            taken_over, needs_restart, "configuration read again: some of what differs waits for a restart"
        ),
    }
}

fn end(ended: Result<io::Result<()>, tokio::task::JoinError>) -> Result<Exit, Failure> {
    match ended {
        Ok(Ok(())) => {
            info!("stopped");
            Ok(Exit::Holds)
        }
        Ok(Err(error)) => Err(Failure::Internal(format!("the server broke: {error}"))),
        Err(error) => Err(Failure::Internal(format!("the server broke: {error}"))),
    }
}

/// Binds the door of monitoring, if there is to be one.
pub fn bind_metrics(config: &ServerConfig) -> Result<Option<Door>, Failure> {
    Ok(config.metrics.map(|address| Door::bind("monitoring", address)).transpose()?)
}

/// Where a door is, for the log.
pub fn address_of(door: Option<&Door>) -> Option<DisplayValue<SocketAddr>> {
    door.map(|door| display(door.address))
}

/// What the actor is told.
pub fn settings(
    config: &ServerConfig,
    node: NodeId,
    origin: Origin,
    key: PrivateKey,
    rng: ChaCha20Rng,
) -> ServerSettings {
    let parameters = Arc::new(config.parameters.clone());
    let domain = Domain::default();
    ServerSettings { node, origin, key, profile: config.profile, parameters, rng, domain, redirect_to: None }
}
