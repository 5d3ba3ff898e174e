//! `serve portal`.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tracing::{info, warn};

use super::{
    ConfigText, Exit, Failure, PortalArgs, absolute, entropy, logging,
    reload::reload_log,
    running::{Surroundings, address_of, bind_metrics, runtime},
    signals::Signals,
};
use crate::{
    actor::{AdministrationServer, AutomationServer, FrontEnd, Job, PortalSettings, PortletServer, Visits},
    plan::Plan,
    serve::{
        Counted, Door, PortalAdmin, PortalState, Secret, StateFolder,
        config::{PortalConfig, PortalDocument, ServedJobTable},
    },
    socket::SocketEnvironment,
    types::{ActorId, Origin, Scheme, TimeSpan, VirtualTime, locked},
};

fn read(args: &PortalArgs) -> Result<PortalConfig, Failure> {
    let text = ConfigText::read(args.config.as_deref(), "countersign schema portal")?;
    let mut document: PortalDocument = text.document()?;
    document.listen = args.listen.or(document.listen);
    document.state = args.state.as_deref().map(absolute).or(document.state);
    document.profile = args.profile.or(document.profile);
    Ok(document.resolve(&text.source())?)
}

pub fn serve(args: &PortalArgs) -> Result<Exit, Failure> {
    let config = read(args)?;
    let log = logging::start(&config.server.log);
    let mut rng = entropy::rng()?;
    let folder = Arc::new(StateFolder::open(&config.server.state)?);
    let secret = Secret::keep_in(&folder, &mut rng)?;
    let state = Arc::new(PortalState::open(Arc::clone(&folder), &config.users, rng)?);

    runtime()?.block_on(async {
        let signals = Signals::listen().map_err(Failure::internal)?;
        let door = Door::bind("users", config.server.listen)?;
        let administration_door = Door::bind("the administration server", config.administration_server.0)?;
        let portlet_door = Door::bind("the portlet server", config.portlet_server.0)?;
        let admin_door = Door::bind("administrators", config.admin)?;
        let metrics_door = bind_metrics(&config.server)?;
        let surroundings = Surroundings::new(Counted::LoginTokens, &config.server.log);
        let named = |origin: &Option<Origin>, door: &Door| {
            let own = || Origin::new(Scheme::Http, door.address.ip().to_string(), door.address.port());
            origin.clone().unwrap_or_else(own)
        };
        let origin = config.server.origin_at(door.address);
        let administration = named(&config.administration_server.1, &administration_door);
        let portlets = named(&config.portlet_server.1, &portlet_door);
        let settings = |actor: ActorId, own: &Origin| -> Result<PortalSettings, Failure> {
            Ok(PortalSettings {
                node: Plan::node_of(actor),
                origin: own.clone(),
                front_end: origin.clone(),
                administration_server: administration.clone(),
                portlet_server: portlets.clone(),
                rules: config.rules,
                lifetimes: config.lifetimes,
                parameters: Arc::new(config.server.parameters.clone()),
                rng: entropy::rng()?,
            })
        };
        let (address, admin_address) = (door.address, admin_door.address);
        let metrics = address_of(metrics_door.as_ref());
        let with_door = |actor, door: Door| -> Result<Arc<SocketEnvironment>, Failure> {
            let environment = surroundings.environment(actor, None);
            *locked(&environment.server) = Some(door.open(None)?);
            Ok(environment)
        };
        let database = || state.database.clone();
        let front_end =
            FrontEnd::start(with_door(ActorId::FrontEnd, door)?, settings(ActorId::FrontEnd, &origin)?, database());
        let administration_server = AdministrationServer::start(
            with_door(ActorId::AdministrationServer, administration_door)?,
            settings(ActorId::AdministrationServer, &administration)?,
            database(),
        );
        let portlet_server = PortletServer::start(
            with_door(ActorId::PortletServer, portlet_door)?,
            settings(ActorId::PortletServer, &portlets)?,
        );
        let automation = AutomationServer::start(
            surroundings.environment(ActorId::AutomationServer, None),
            settings(ActorId::AutomationServer, &origin)?,
            database(),
        );
        surroundings.ready.store(true, Relaxed);
        surroundings.open_metrics(metrics_door)?;
        let admin = PortalAdmin::new(Arc::clone(&state), config.lifetimes, surroundings.recorder.clone(), secret);
        surroundings.open(admin_door, Arc::new(admin))?;
        info!(
            server = %"portal",
            address = %address,
            %origin,
            profile = %config.server.profile,
            administration_server = %administration,
            portlet_server = %portlets,
            admin = %admin_address,
            metrics,
            state = %config.server.state.display(),
            users = config.users.len(),
            jobs = config.jobs.len(),
            "listening"
        );
        if config.users.is_empty() {
            warn!(
                "nobody can log in: there are no users. Write `[[users]]` and below it `id = \"…\"` into the file of \
                 --config (`countersign serve config portal` prints one), and start again; the file `passwords` of the \
                 state folder has their passwords then"
            );
        }
        // Jobs begin once there is somebody to ask, and end with the process.
        tokio::spawn(automation.run(jobs(&config.jobs)?));
        let served = tokio::spawn(async move {
            let servers = (front_end.run(), administration_server.run(), portlet_server.run());
            tokio::try_join!(servers.0, servers.1, servers.2).map(|_| ())
        });
        let reload = reload_log(args.clone(), read, config, log.switch(&surroundings.audience));
        surroundings.run(served, signals, reload).await
    })
}

fn jobs(tables: &[ServedJobTable]) -> Result<Vec<Job>, Failure> {
    let span = |span: TimeSpan| Duration::from_nanos(span.nanos());
    let job = |table: &ServedJobTable| {
        Ok(Job {
            user: table.user.clone(),
            runs: Visits::Every {
                first: VirtualTime::ZERO.after(span(table.every)),
                interval: span(table.every),
                jitter: Duration::ZERO,
            },
            steps: table.steps.map_or(1, |steps| steps.get()),
            step: span(table.step.unwrap_or(TimeSpan::from_secs(1))),
            rng: entropy::rng()?,
        })
    };
    tables.iter().map(job).collect()
}
