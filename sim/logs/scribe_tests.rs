//! What is logged of what happens.

use super::*;
use crate::{
    event::{MachineCall, Presented, RegistryState, UpstreamPurpose},
    logs::{LogFilter, LogLevels, SeverityMask},
    types::{
        ConnectionId, Epoch, Fingerprint, Jti, ModuleName, NodeId, Refusal, Uid, Undigested, UnixSeconds, VirtualTime,
    },
};

const SITE: ActorId = ActorId::Site(1);
const AGENT: ActorId = ActorId::Agent(1);
const REQUEST: RequestId = RequestId { connection: ConnectionId(7), ordinal: 2 };
const MODULE: ModuleName = ModuleName::drawn(1);
const NODE: NodeId = NodeId::from_bits(1);
const JTI: Jti = Jti::from_bits(2);
const UID: Uid = Uid::from_bits(3);
const PASSWORD: Fingerprint = Fingerprint(0xfeed_beef_feed_beef);

fn taken() -> EventKind {
    let (worker, module, number, protected) = (3, Some(MODULE), 41, true);
    EventKind::Machine(MachineChange::RequestTaken { request: REQUEST, worker, module, number, protected })
}

fn left(status: u16) -> EventKind {
    EventKind::Machine(MachineChange::RequestLeft { request: REQUEST, status: Some(status) })
}

fn presented() -> Presented {
    let (token, countersigned) = (Undigested(PASSWORD), Undigested(PASSWORD));
    Presented { agent: NODE, uid: UID, jti: JTI, counter: 5, token, countersigned }
}

/// One request from end to end, and periodic work.
fn history() -> Vec<(ActorId, EventKind)> {
    let expires = UnixSeconds(1_000);
    let state = RegistryState { epoch: Epoch::from_bits(1), is_new: true, highest: 5, slid_by: 0, expires, window: 1 };
    vec![
        (SITE, EventKind::PolicyReceived { version: 2, keys: 1 }),
        (AGENT, EventKind::RequestSent { request: REQUEST, carries: Carried::StoredToken, token_bytes: 900 }),
        (SITE, taken()),
        (SITE, EventKind::CacheHit { agent: NODE, uid: UID, jti: JTI }),
        (SITE, EventKind::RegistryRecorded { request: REQUEST, presented: presented(), state }),
        (SITE, EventKind::Accepted { request: REQUEST, presented: presented(), expires }),
        refused(),
        (SITE, EventKind::Served { request: REQUEST, agent: Some(NODE) }),
        (SITE, left(200)),
        (AGENT, EventKind::ResponseReceived { request: REQUEST, status: 200 }),
        (AGENT, EventKind::TokenStored { server: SITE, uid: UID, jti: JTI, expires }),
        (
            AGENT,
            EventKind::ExchangeEnded { server: SITE, outcome: Outcome::ServedOneStep, trips: 1, took_ns: 1_000_000 },
        ),
        (
            SITE,
            EventKind::Machine(MachineChange::AccountSet { created: false, length: 14, tries: 1, password: PASSWORD }),
        ),
    ]
}

fn refused() -> (ActorId, EventKind) {
    (SITE, EventKind::Refused { request: REQUEST, why: Refusal::CounterUsed, claimed_agent: None })
}

fn records(history: Vec<(ActorId, EventKind)>) -> Vec<LogRecord> {
    let mut scribe = Scribe::default();
    let event = |(actor, kind)| Event { at: VirtualTime::from_millis(1), actor, kind };
    history.into_iter().flat_map(|it| scribe.hear(&event(it))).collect()
}

fn selected(filter: &str) -> Vec<String> {
    let filter: LogFilter = filter.parse().unwrap();
    records(history()).into_iter().filter(|record| filter.selects(record)).map(|record| record.text).collect()
}

#[test]
fn rule_75_a_module_logs_nothing_by_default() {
    let levels = LogLevels { management_agent: SeverityMask::ALL, module: SeverityMask::NOTHING };
    let logged = records(history()).into_iter().filter(|record| levels.allow(record));
    assert_eq!(logged.filter(|record| record.source == Source::Module).count(), 0);
    let both = LogLevels { module: SeverityMask::ALL, ..levels };
    let logged = records(history()).into_iter().filter(|record| both.allow(record));
    assert_eq!(logged.filter(|record| record.source == Source::Module).count(), 2);
}

#[test]
fn rule_77_a_modules_records_have_the_requests_number_and_join_with_the_clients() {
    let all = records(history());
    let module: Vec<_> = all.iter().filter(|record| record.source == Source::Module).collect();
    assert!(module.iter().all(|record| record.number == Some(41)), "{module:?}");
    let about = |source| all.iter().filter(move |record| record.source == source && record.request == Some(REQUEST));
    assert_eq!((about(Source::Module).count(), about(Source::Client).count()), (2, 2));
    assert!(module[0].to_string().ends_with("(connection c7, request c7.2)"), "{}", module[0]);
}

#[test]
fn rule_77_without_a_machine_requests_are_numbered_in_the_order_in_which_they_are_decided() {
    let request = |connection| RequestId { connection: ConnectionId(connection), ordinal: 1 };
    let refused = |at| (SITE, EventKind::Refused { request: request(at), why: Refusal::Expired, claimed_agent: None });
    let challenged = |at| (SITE, EventKind::Challenged { request: request(at), challenge: None });
    let all = records(vec![refused(1), challenged(2), challenged(1)]);
    let numbers: Vec<_> = all.iter().filter_map(|record| record.number).collect();
    assert_eq!(numbers, [1, 2, 2, 1], "request, request and response, response");
}

#[test]
fn rule_77_a_served_server_tells_of_a_request_before_it_tells_what_came_of_it() {
    let served = |agent| EventKind::Served { request: REQUEST, agent };
    let accepted = || EventKind::Accepted { request: REQUEST, presented: presented(), expires: UnixSeconds(1_000) };
    let texts = |history: Vec<(ActorId, EventKind)>| -> Vec<String> {
        records(history).into_iter().map(|record| record.text).collect()
    };
    let one_step = texts(vec![(SITE, accepted()), (SITE, served(Some(NODE)))]);
    assert!(one_step[1].starts_with("SiteServer: "), "{one_step:?}");
    assert_eq!((&*one_step[0], &*one_step[2]), ("IISModule: Request: protected path", "IISModule: Response: 200"));
    assert_eq!(texts(vec![(SITE, served(None))]), ["IISModule: Request: public path", "IISModule: Response: 200"]);
}

#[test]
fn rule_28_where_no_module_is_registered_none_says_anything() {
    let (worker, module, number, protected) = (3, None, 41, true);
    let taken = MachineChange::RequestTaken { request: REQUEST, worker, module, number, protected };
    let challenged = EventKind::Challenged { request: REQUEST, challenge: None };
    let history = vec![(SITE, EventKind::Machine(taken)), (SITE, challenged), (SITE, left(401))];
    assert_eq!(records(history), []);
}

// Rule 78: the filters that operators know by name.
#[test]
fn rule_78_each_filter_selects_its_own_records() {
    for (filter, expected) in [
        ("NetworkOperation", 3),
        ("IISModule", 2),
        ("Request:", 1),
        ("Response:", 1),
        ("SiteServer", 2),
        ("Token cache", 1),
        ("Token registry", 1),
        ("Token storage", 1),
        ("Server keys:", 1),
        ("_SMP_IUSR", 1),
    ] {
        let found = selected(filter);
        assert_eq!(found.len(), expected, "{filter}: {found:?}");
        assert!(found.iter().all(|text| text.contains(filter)));
    }
    assert!(
        ["Token cache", "Token registry", "Token storage"]
            .into_iter()
            .flat_map(selected)
            .all(|text| selected("Token").contains(&text))
    );
    let error = "Tokens".parse::<LogFilter>().unwrap_err().to_string();
    assert!(error.contains("Token registry"), "{error}");
}

#[test]
fn rule_78_each_filter_knows_the_severities_of_what_served_servers_write() {
    let served = history().into_iter().filter(|(actor, kind)| *actor == SITE && !matches!(kind, EventKind::Machine(_)));
    let more = [
        EventKind::Started { node: NODE, epoch: None },
        EventKind::CacheMissed { agent: NODE, uid: UID },
        EventKind::RegistryPurged { removed: 1, kept: 1 },
        EventKind::UpstreamEnded { purpose: UpstreamPurpose::FirstFetch, tokens: None, took_ns: 1 },
    ];
    let all = records(served.chain(more.map(|kind| (SITE, kind))).collect());
    let filters = LogFilter::NAMES.map(|name| name.parse::<LogFilter>().unwrap());
    for record in &all {
        for filter in filters.iter().filter(|filter| filter.selects(record)) {
            assert!(filter.severities().has(record.severity), "{filter}: {record}");
            assert_eq!(filter.is_of_modules(), record.source == Source::Module, "{filter}: {record}");
        }
    }
    for filter in filters {
        let is_silent = filter.severities() == SeverityMask::NOTHING;
        assert_eq!(is_silent, !all.iter().any(|record| filter.selects(record)), "{filter}");
    }
}

#[test]
fn rule_16_it_is_told_which_kind_authenticated_at_both_ends() {
    let all = records(history());
    let says = |source, words: &str| all.iter().any(|record| record.source == source && record.text.contains(words));
    assert!(says(Source::Client, "authentication used for server site-1: Token"));
    assert!(says(Source::ManagementAgent, "is authenticated, kind: Token"));
}

#[test]
fn no_record_has_what_must_stay_secret() {
    for record in records(history()) {
        let text = record.to_string();
        assert!(!text.contains(&PASSWORD.to_string()) && !text.contains("feedbeef"), "{text}");
    }
}

#[test]
fn what_is_wrong_is_an_error_and_what_is_turned_down_a_warning() {
    let failed = MachineChange::CallFailed { request: REQUEST, call: MachineCall::Validate, timed_out: true };
    let history = vec![(SITE, EventKind::Machine(failed)), refused()];
    let severities: Vec<_> = records(history).iter().map(|record| record.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
}
