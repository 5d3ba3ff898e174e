//! `serve site`.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use tracing::{error, field::display, info};

use super::{
    ConfigText, Exit, Failure, SiteArgs, absolute, entropy, logging,
    reload::reload_log,
    running::{Surroundings, bind_metrics, runtime, settings},
    signals::Signals,
};
use crate::{
    actor::{SiteServer, SiteSettings},
    serve::{
        Counted, Door, SiteState, StateFolder,
        config::{SiteConfig, SiteDocument, read_trust},
    },
    socket::{ServerTls, SocketEnvironment},
    types::{ActorId, NodeId, Origin, Profile, Thumbprint, locked},
};

fn read(args: &SiteArgs) -> Result<SiteConfig, Failure> {
    let text = ConfigText::read(args.server.config.as_deref(), "countersign schema site")?;
    let mut document: SiteDocument = text.document()?;
    document.listen = args.server.listen.or(document.listen);
    document.origin = args.server.origin.clone().or(document.origin);
    document.state = args.server.state.as_deref().map(absolute).or(document.state);
    document.profile = args.server.profile.or(document.profile);
    document.smp.origin = args.smp.clone().or(document.smp.origin);
    document.smp.pin = args.pin.or(document.smp.pin);
    document.smp.trust = args.trust.as_deref().map(absolute).or(document.smp.trust);
    Ok(document.resolve(&text.source())?)
}

pub fn serve(args: &SiteArgs) -> Result<Exit, Failure> {
    let config = read(args)?;
    let log = logging::start(&config.server.log);
    let mut rng = entropy::rng()?;
    let folder = Arc::new(StateFolder::open(&config.server.state)?);
    let state = SiteState::open(folder, config.pin, &mut rng, entropy::new_key)?;
    let tls = config.server.tls.as_ref().map(|tls| tls.read()).transpose()?;
    let trust = config.trust.as_deref().map(read_trust).transpose()?;

    runtime()?.block_on(async {
        let signals = Signals::listen().map_err(Failure::internal)?;
        let door = Door::bind("clients", config.server.listen)?;
        let metrics_door = bind_metrics(&config.server)?;
        let surroundings = Surroundings::new(Counted::AgentTokens, &config.server.log);
        let origin = config.server.origin_at(door.address);
        let announcement = Arc::new(Announcement {
            address: door.address,
            origin: origin.clone(),
            profile: config.server.profile,
            node: state.node(),
            kid: state.identity().public().thumbprint(),
            smp: config.smp.clone(),
            pin: config.pin,
            metrics: metrics_door.as_ref().map(|door| door.address),
            state: config.server.state.clone(),
        });
        locked(&surroundings.audience).tells_of(announcement.node, announcement.kid);
        let engine = surroundings.engine(config.server.crypto)?;
        let environment = surroundings.environment(ActorId::Site(1), trust);
        open_once_registered(door, tls, &environment, &surroundings, Arc::clone(&announcement), state.has_policy())?;
        let settings = settings(&config.server, state.node(), origin.clone(), state.identity().clone(), rng);
        let secure_storage = state.storage(Arc::clone(&surroundings.figures));
        let site_settings = SiteSettings { smp: config.smp.clone(), pinned: config.pin, secure_storage };
        let site = SiteServer::start(environment, engine, settings, site_settings);
        surroundings.ready.store(state.has_policy(), Relaxed);
        surroundings.open_metrics(metrics_door)?;
        if state.has_policy() {
            announcement.tell("listening");
        } else {
            announcement.tell("starting");
            info!(server = %"site", "registering: an administrator of the SMP must have approved this node");
        }
        let reload = reload_log(args.clone(), read, config, log.switch(&surroundings.audience));
        surroundings.run(tokio::spawn(site.run()), signals, reload).await
    })
}

/// What a site server is, and where.
struct Announcement {
    address: SocketAddr,
    origin: Origin,
    profile: Profile,
    node: NodeId,
    kid: Thumbprint,
    smp: Origin,
    pin: Thumbprint,
    metrics: Option<SocketAddr>,
    state: PathBuf,
}

impl Announcement {
    fn tell(&self, what: &str) {
        let Self { address, origin, profile, node, kid, smp, pin, metrics, state } = self;
        let (metrics, state) = (metrics.map(display), state.display());
        info!(server = %"site", %address, %origin, %profile, %node, %kid, %smp, %pin, metrics, %state, "{what}");
    }
}

/// A site that has registered before serves at once. A new one has no keys to verify a token with: its door stays shut, and
/// whoever connects is refused, until it has registered. It tells of that before it opens its door.
fn open_once_registered(
    door: Door,
    tls: Option<ServerTls>,
    environment: &Arc<SocketEnvironment>,
    surroundings: &Surroundings,
    announcement: Arc<Announcement>,
    has_registered: bool,
) -> Result<(), Failure> {
    if has_registered {
        *locked(&environment.server) = Some(door.open(tls)?);
        return Ok(());
    }
    let environment = Arc::clone(environment);
    let open = move || match door.open(tls) {
        Ok(server) => {
            *locked(&environment.server) = Some(server);
            announcement.tell("listening");
        }
        Err(error) => error!(%error, "failed to open the door"),
    };
    locked(&surroundings.audience).once_registered(Box::new(open));
    Ok(())
}
