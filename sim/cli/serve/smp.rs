//! `serve smp`.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use tracing::{error, info};

use super::{
    ConfigText, Exit, Failure, ServerArgs, SmpArgs, absolute, entropy,
    logging::{self, LogSwitch},
    running::{Surroundings, address_of, bind_metrics, runtime, settings},
    signals::Signals,
};
use crate::{
    actor::SmpServer,
    serve::{
        Admin, Counted, Door, NodeJournal, Reload, Secret, SmpRecords, SmpState, StateFolder,
        config::{Running, SmpConfig, SmpDocument},
    },
    types::{ActorId, Origin, Profile, locked},
};

/// What the command line says; it goes before the file each time that the file is read.
#[derive(Clone)]
struct Asked {
    config: Option<PathBuf>,
    listen: Option<crate::serve::config::ListenAddress>,
    origin: Option<Origin>,
    state: Option<PathBuf>,
    profile: Option<Profile>,
}

impl From<&ServerArgs> for Asked {
    fn from(args: &ServerArgs) -> Self {
        Self {
            config: args.config.clone(),
            listen: args.listen,
            origin: args.origin.clone(),
            state: args.state.as_deref().map(absolute),
            profile: args.profile,
        }
    }
}

impl Asked {
    fn read(&self) -> Result<SmpConfig, Failure> {
        let text = ConfigText::read(self.config.as_deref(), "countersign schema smp")?;
        let mut document: SmpDocument = text.document()?;
        document.listen = self.listen.or(document.listen);
        document.origin = self.origin.clone().or(document.origin);
        document.state = self.state.clone().or(document.state);
        document.profile = self.profile.or(document.profile);
        Ok(document.resolve(&text.source())?)
    }
}

pub fn serve(args: &SmpArgs) -> Result<Exit, Failure> {
    let asked = Asked::from(&args.server);
    let config = asked.read()?;
    let log = logging::start(&config.server.log);
    let mut rng = entropy::rng()?;
    let folder = Arc::new(StateFolder::open(&config.server.state)?);
    let state = Arc::new(SmpState::open(Arc::clone(&folder), &mut rng, entropy::new_key)?);
    let secret = Secret::keep_in(&folder, &mut rng)?;
    let tls = config.server.tls.as_ref().map(|tls| tls.read()).transpose()?;

    runtime()?.block_on(async {
        let signals = Signals::listen().map_err(Failure::internal)?;
        let door = Door::bind("clients", config.server.listen)?;
        let admin_door = Door::bind("administrators", config.admin)?;
        let metrics_door = bind_metrics(&config.server)?;
        let surroundings = Surroundings::new(Counted::AgentTokens, &config.server.log);
        let origin = config.server.origin_at(door.address);
        let (journal, nodes) = NodeJournal::open(&folder, state.nodes_kept(), Arc::clone(&surroundings.figures))?;
        let (profile, parameters) = (config.server.profile, config.server.parameters.clone());
        let restored = state.restore(origin.clone(), profile, parameters, nodes, journal.clone())?;
        let database = restored.database.clone();
        let records = SmpRecords::new(
            restored,
            Arc::clone(&state),
            journal,
            surroundings.recorder.clone(),
            entropy::new_key,
            Arc::clone(&surroundings.figures),
        );
        // Also writes the first state: nobody registers before there is one.
        records.configure(&config).await.map_err(Failure::internal)?;
        state.show_pin()?;

        let (address, admin_address) = (door.address, admin_door.address);
        let (metrics, nodes) = (address_of(metrics_door.as_ref()), database.open().directory.len());
        let engine = surroundings.engine(config.server.crypto)?;
        let environment = surroundings.environment(ActorId::Smp, None);
        *locked(&environment.server) = Some(door.open(tls)?);
        let settings = settings(&config.server, state.node(), origin.clone(), state.identity().clone(), rng);
        let smp = SmpServer::start(environment, Arc::clone(&engine), settings, database);
        surroundings.ready.store(true, Relaxed);
        surroundings.open_metrics(metrics_door)?;
        let reload = reload(asked, config.clone(), Arc::clone(&records), log.switch(&surroundings.audience));
        let admin = Admin::new(Arc::clone(&records), engine, entropy::rng()?, secret, Arc::clone(&reload));
        surroundings.open(admin_door, Arc::new(admin))?;
        info!(
            server = %"smp",
            address = %address,
            %origin,
            profile = %config.server.profile,
            node = %state.node(),
            pin = %state.identity().public().thumbprint(),
            admin = %admin_address,
            metrics,
            state = %config.server.state.display(),
            nodes,
            "listening"
        );
        let ended = surroundings.run(tokio::spawn(smp.run()), signals, reload).await;
        // Who has registered since the last act.
        if let Err(error) = records.settle().await {
            error!(%error, "failed to keep how many nodes there are");
        }
        ended
    })
}

/// Reads the configuration again, takes over what it says of policy, registration and the log, and tells what else differs
/// from what the server `runs` with.
fn reload(asked: Asked, runs: SmpConfig, records: Arc<SmpRecords>, log: LogSwitch) -> Reload {
    let running = Arc::new(Running::new(runs));
    Arc::new(move || {
        let (asked, running, records) = (asked.clone(), Arc::clone(&running), Arc::clone(&records));
        let log = log.clone();
        Box::pin(async move {
            let config = asked.read().map_err(|failure| failure.in_one_line())?;
            let policy_changed =
                records.configure(&running.in_force(&config)).await.map_err(|error| error.to_string())?;
            log.turn_to(&config.server.log);
            Ok(running.take_over(&config, policy_changed))
        })
    })
}
