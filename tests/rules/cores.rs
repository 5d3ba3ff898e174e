//! A server computes on all of its cores: nobody waits for its memory while a token is signed for an agent, or one of an
//! agent's is verified (rules 8, 31 and 33). What its memory says once that is done counts (rules 33 and 45).

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use countersign::{
    actor::Database,
    crypto::PublicKey,
    event::EventKind,
    plan::Plan,
    protocol::{NodeKind, POLICY_PATH, RegisterRequest, RequestTarget, sign_request},
    types::{ActorId, MessageNonce, Origin, Parameters, Profile},
};
use http::{HeaderMap, Method};
use tokio::time::sleep;

use crate::{
    client::{Client, TARGET, line},
    pipes::{Net, SITE, agent, path_of, run},
    stage::{NOW, PROFILES, engine, key, origin},
    watched::{Operation, Watched},
    wire::Wire,
};

/// Where everybody waits who computes, until somebody else does, too.
#[derive(Default)]
struct Meeting {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    /// What is waited for; none if nobody waits.
    at: Option<Operation>,
    is_somebody_there: bool,
    meetings: u32,
    /// Somebody waited, and nobody came: they all had to wait for what the one kept.
    in_vain: bool,
}

impl Meeting {
    /// How long somebody waits for another: for ever, compared with a signature.
    const TIMEOUT: Duration = Duration::from_secs(5);

    fn begin(&self, at: Operation) {
        *self.state.lock().expect("no panic") = State { at: Some(at), ..State::default() };
    }

    fn come(&self, operation: Operation) {
        let mut state = self.state.lock().expect("no panic");
        if state.at != Some(operation) {
            return;
        }
        if state.is_somebody_there {
            state.is_somebody_there = false;
            state.meetings += 1;
            self.came.notify_all();
            return;
        }
        state.is_somebody_there = true;
        let before = state.meetings;
        let waited = self.came.wait_timeout_while(state, Self::TIMEOUT, |state| state.meetings == before);
        let mut state = waited.expect("no panic").0;
        if state.meetings == before {
            (state.is_somebody_there, state.in_vain) = (false, true);
        }
    }

    /// Whether everybody has met somebody.
    fn all_have_met(&self) -> bool {
        let state = self.state.lock().expect("no panic");
        state.meetings > 0 && !state.in_vain
    }
}

async fn start(net: &Arc<Net>, profile: Profile, server: ActorId) -> Database {
    let parameters = Parameters::defaults(profile);
    let database = net.start_smp(profile, &parameters, 2);
    sleep(Duration::from_millis(1)).await;
    if server == SITE {
        net.start_site(profile, &parameters);
    }
    database
}

/// A connection to a server that may yet have to open its door.
async fn wire(net: &Net, server: ActorId) -> Wire {
    loop {
        if let Some(stream) = net.connect(&path_of(server).origin) {
            return Wire(stream);
        }
        sleep(Duration::from_millis(1)).await;
    }
}

async fn status(mut wire: Wire, header: String) -> u16 {
    wire.get(TARGET, &[&header]).await.status
}

#[test]
fn two_tokens_are_verified_and_two_are_issued_at_the_same_time() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build();
    runtime.expect("a runtime").block_on(async {
        for profile in PROFILES {
            for server in [ActorId::Smp, SITE] {
                let meeting = Arc::new(Meeting::default());
                let watcher = Arc::clone(&meeting);
                let net = Net::of(Watched::by(move |operation| watcher.come(operation)));
                start(&net, profile, server).await;
                let mut both = Vec::new();
                for number in 1..=2 {
                    both.push((Client::new(number, profile, &path_of(server)), wire(&net, server).await));
                }
                // Site servers sign their requests first, and the SMP its answers to them last.
                meeting.begin(Operation::Sign);
                let asked = both.into_iter().map(|(mut client, mut wire)| {
                    tokio::spawn(async move {
                        let challenged = wire.get(TARGET, &[&client.first()]).await;
                        (line(client.token(&challenged.challenge()).text()), wire)
                    })
                });
                let asked: Vec<_> = asked.collect();
                let mut tokens = Vec::new();
                for asked in asked {
                    tokens.push(asked.await.expect("no panic"));
                }
                assert!(meeting.all_have_met(), "{profile:?}, {server}: one token is issued after the other");
                meeting.begin(Operation::Verify);
                let presented: Vec<_> =
                    tokens.into_iter().map(|(token, wire)| tokio::spawn(status(wire, token))).collect();
                for presented in presented {
                    assert_eq!(presented.await.expect("no panic"), 200);
                }
                assert!(meeting.all_have_met(), "{profile:?}, {server}: one token is verified after the other");
            }
        }
    });
}

/// What an administrator does while the first token of an agent is being signed.
type Deed = fn(&Database);

/// The status of that first request, and the events of the SMP.
fn meanwhile(profile: Profile, server: ActorId, deed: Deed) -> (u16, Vec<EventKind>) {
    // The signatures to come before that of the token, and whose database it is.
    let due: Arc<Mutex<Option<(u32, Database)>>> = Arc::default();
    let administrator = Arc::clone(&due);
    let watcher = move |operation| {
        let mut due = administrator.lock().expect("no panic");
        match &mut *due {
            Some((before, _)) if operation == Operation::Sign && *before > 0 => *before -= 1,
            Some((_, database)) if operation == Operation::Sign => {
                deed(database);
                *due = None;
            }
            _ => {}
        }
    };
    run(async move {
        let net = Net::of(Watched::by(watcher));
        let database = start(&net, profile, server).await;
        sleep(Duration::from_secs(1)).await;
        let wire = wire(&net, server).await;
        let mut client = Client::new(1, profile, &path_of(server));
        // A site server signs its own request before.
        *due.lock().expect("no panic") = Some((u32::from(server == SITE), database));
        let status = status(wire, client.first()).await;
        assert!(due.lock().expect("no panic").is_none(), "nobody has signed a token");
        (status, net.events_of(ActorId::Smp))
    })
}

/// Has the site server come back with another key, or to another place.
fn register_anew(database: &Database, key_now: Option<PublicKey>, origin: Origin) {
    let (site, mut records) = (Plan::node_of(SITE), database.open());
    if key_now.is_some() {
        records.remove_site(site);
        records.approve_site(site);
    }
    let request = RegisterRequest {
        id: site,
        kind: NodeKind::Site,
        public_key: key_now.unwrap_or_else(|| key(10_000).public().clone()),
        origin: Some(origin),
        profile: Profile::Literal,
    };
    assert!(records.directory.register(&request).is_ok(), "nobody else is there");
}

fn issued(events: &[EventKind]) -> usize {
    events.iter().filter(|kind| matches!(kind, EventKind::Issued { .. })).count()
}

#[test]
fn rule_33_and_45_who_is_revoked_while_a_token_is_signed_gets_none() {
    for profile in PROFILES {
        for server in [ActorId::Smp, SITE] {
            let (status, events) = meanwhile(profile, server, |database| database.open().revoke(agent(1)));
            assert_eq!((status, issued(&events)), (403, 0), "{profile:?}, {server}");
        }
        for deed in [
            (|database| database.open().remove_site(Plan::node_of(SITE))) as Deed,
            |database| register_anew(database, Some(key(10_001).public().clone()), path_of(SITE).origin),
            |database| register_anew(database, None, origin("http://elsewhere")),
        ] {
            let (status, events) = meanwhile(profile, SITE, deed);
            assert_eq!((status, issued(&events)), (503, 0), "{profile:?}: it is no site server any more, or another");
        }
    }
}

#[test]
fn a_token_names_the_keys_that_are_in_force_when_it_is_on_record() {
    for profile in PROFILES {
        for server in [ActorId::Smp, SITE] {
            for deed in [(|database| database.open().rotate_key(key(5))) as Deed, |database| {
                database.open().change_agent_key(agent(1), key(6).public().clone())
            }] {
                let (status, events) = meanwhile(profile, server, deed);
                assert_eq!((status, issued(&events)), (401, 1), "{profile:?}, {server}");
                let signed: u32 = events
                    .iter()
                    .map(|kind| if let EventKind::Worked { work, .. } = kind { work.signs } else { 0 })
                    .sum();
                let others = u32::from(server == SITE) * 2;
                assert_eq!(signed - others, 2, "{profile:?}, {server}: the first one is thrown away");
            }
        }
    }
}

#[test]
fn rule_45_who_is_revoked_while_a_request_for_policy_is_verified_gets_none() {
    for is_revoked in [false, true] {
        let due: Arc<Mutex<Option<Database>>> = Arc::default();
        let administrator = Arc::clone(&due);
        let watcher = move |_| {
            if let Some(database) = administrator.lock().expect("no panic").take() {
                database.open().revoke(agent(1));
            }
        };
        run(async move {
            let net = Net::of(Watched::by(watcher));
            let database = start(&net, Profile::Literal, ActorId::Smp).await;
            let mut wire = wire(&net, ActorId::Smp).await;
            let (method, target) = (Method::GET, POLICY_PATH);
            let target = RequestTarget::new(&method, target).expect("a target");
            let nonce = MessageNonce::from_bits(1);
            let signed = sign_request(target, b"", NOW, nonce, &key(1), &engine()).expect("the key signs");
            let mut headers = HeaderMap::new();
            signed.write_to(&mut headers);
            let lines: Vec<String> =
                headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
            *due.lock().expect("no panic") = is_revoked.then_some(database);
            let status = wire.get(POLICY_PATH, &lines.iter().map(|line| &**line).collect::<Vec<_>>()).await.status;
            assert_eq!(status, if is_revoked { 403 } else { 200 });
        });
    }
}
