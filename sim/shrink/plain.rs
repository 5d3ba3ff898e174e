//! Plainer values.

use std::{iter, ops::Range};

use serde_json::{Map, Value};

use super::Change;
use crate::{
    plan::{AgentPlan, Bootstrap, Codebase, ConnectionUse, Errand, MachinePlan, Plan, PortalPlan, Visits},
    types::{ClockModel, LoginLifetimes, Parameters},
};

/// An agent's visits are told one by one up to so many.
const VISITS_TOLD_MAX: u64 = 64;

type AgentChange = fn(&mut AgentPlan);

/// What makes an agent plainer, the most likely first.
const AGENT_CHANGES: [AgentChange; 16] = [
    |it| it.clock = ClockModel::default(),
    |it| it.policy_interval_s = 0,
    |it| it.bootstrap = Bootstrap::Installed,
    |it| it.public_requests = 0,
    |it| (it.requests, it.public_requests) = (1, 0),
    |it| it.connections = 1,
    |it| it.connection_use = ConnectionUse::New,
    |it| it.leave_ms = None,
    |it| it.profile = None,
    |it| it.branch = 1,
    |it| it.clone_of = None,
    |it| it.codebase = Codebase::Http,
    |it| it.errand = Errand::Requests,
    |it| it.proxy = None,
    |it| it.peer = None,
    start_earlier,
];

/// What makes servers and network plainer.
const PLAN_CHANGES: [fn(&mut Plan); 14] = [
    |it| it.parameters = Parameters::defaults(it.profile),
    |it| {
        it.branches = 1;
        it.agents.iter_mut().for_each(|agent| agent.branch = 1);
    },
    |it| it.network.latency_ms_max = it.network.latency_ms_min,
    |it| it.sites.iter_mut().for_each(|site| site.clock = ClockModel::default()),
    |it| it.smp.clock = ClockModel::default(),
    |it| it.sites.iter_mut().for_each(|site| (site.start_ms, site.profile) = (0, None)),
    |it| (it.smp.start_ms, it.smp.profile) = (0, None),
    |it| it.sites.iter_mut().for_each(|site| site.cores = 2),
    |it| it.smp.cores = 4,
    |it| it.machine = None,
    |it| it.machine.iter_mut().for_each(|machine| *machine = MachinePlan::default()),
    |it| it.machine.iter_mut().for_each(|machine| machine.worker_processes = 1),
    |it| it.sites.iter_mut().for_each(|site| (site.authentication, site.redirect_to) = (None, None)),
    |it| (it.smp.authentication, it.smp.redirect_to) = (None, None),
];

/// What makes a portal plainer: right clocks, usual lifetimes, jobs of one step, users who only log in.
const PORTAL_CHANGES: [fn(&mut PortalPlan); 11] = [
    |it| it.clocks_mut().for_each(|clock| *clock = ClockModel::default()),
    |it| it.browsers.iter_mut().for_each(|browser| browser.clock = ClockModel::default()),
    |it| it.front_end = ClockModel::default(),
    |it| it.automation_server = ClockModel::default(),
    |it| it.administration_server = ClockModel::default(),
    |it| it.lifetimes = LoginLifetimes::default(),
    |it| it.jobs.iter_mut().for_each(|job| (job.steps, job.step_ms) = (1, 1_000)),
    |it| it.browsers.iter_mut().for_each(|browser| browser.portlets = 0),
    |it| it.browsers.iter_mut().for_each(|browser| browser.impersonates = None),
    |it| it.browsers.iter_mut().for_each(|browser| (browser.administers, browser.impersonates) = (false, None)),
    |it| it.browsers.iter_mut().for_each(|browser| browser.remembers = false),
];

/// Changes after which something is as it usually is. Agents change all at once, and then in so many groups.
pub fn plainer(plan: &Plan, groups: usize) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(PLAN_CHANGES.map(|change| Box::new(change) as Change));
    if plan.portal.is_some() {
        let of_portal = |change| Box::new(move |plan: &mut Plan| plan.portal.iter_mut().for_each(change)) as Change;
        changes.extend(PORTAL_CHANGES.map(of_portal));
    }
    changes.extend(each_of(0..plan.agents.len()));
    for name in parameters_changed(plan) {
        changes.push(Box::new(move |plan| {
            if let Some(parameters) = with_default(plan, &name) {
                plan.parameters = parameters;
            }
        }));
    }
    changes.extend(groups_of(plan.agents.len(), groups).flat_map(each_of));
    changes
}

/// Each change of these agents: first all of them together, which spares the rest if it can be made.
fn each_of(places: Range<usize>) -> impl Iterator<Item = Change> {
    let together: AgentChange = |agent| AGENT_CHANGES.iter().for_each(|change| change(agent));
    [together].into_iter().chain(AGENT_CHANGES).map(move |change| {
        let places = places.clone();
        Box::new(move |plan: &mut Plan| plan.agents.get_mut(places.clone()).into_iter().flatten().for_each(change))
            as Change
    })
}

/// The places of so many agents in so many groups, or one for each agent if there are fewer of them. None for one group.
fn groups_of(count: usize, groups: usize) -> impl Iterator<Item = Range<usize>> {
    let size = count.div_ceil(groups).max(1);
    (0..count).step_by(size).filter(move |_| size < count).map(move |from| from..(from + size).min(count))
}

/// The names of the parameters that are not the profile's defaults.
fn parameters_changed(plan: &Plan) -> Vec<String> {
    let (own, usual) = (json(&plan.parameters), json(&Parameters::defaults(plan.profile)));
    usual.into_iter().filter(|(name, value)| own.get(name) != Some(value)).map(|(name, _)| name).collect()
}

/// The parameters, one of them the profile's default.
fn with_default(plan: &Plan, name: &str) -> Option<Parameters> {
    let mut parameters = json(&plan.parameters);
    parameters.insert(name.to_owned(), json(&Parameters::defaults(plan.profile)).remove(name)?);
    serde_json::from_value(Value::Object(parameters)).ok()
}

fn json(parameters: &Parameters) -> Map<String, Value> {
    match serde_json::to_value(parameters) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// On a whole second, its visits with it.
fn start_earlier(agent: &mut AgentPlan) {
    let early_ms = agent.start_ms % 1_000;
    agent.start_ms -= early_ms;
    if let Visits::Every { first_ms, .. } = &mut agent.visits {
        *first_ms -= early_ms.min(*first_ms);
    }
}

/// The visits of all agents, then those of all browsers and the runs of all jobs.
pub fn visits_of(plan: &mut Plan) -> impl Iterator<Item = &mut Visits> {
    let (browsers, jobs) = match &mut plan.portal {
        Some(portal) => (&mut portal.browsers[..], &mut portal.jobs[..]),
        None => (&mut [][..], &mut [][..]),
    };
    let of_portal = browsers.iter_mut().map(|it| &mut it.visits).chain(jobs.iter_mut().map(|it| &mut it.runs));
    plan.agents.iter_mut().map(|it| &mut it.visits).chain(of_portal)
}

/// Changes after which visits are told one by one, where there are not too many of them: those of all agents, and
/// then those of each group. Browsers and jobs come after the agents.
pub fn visits_told(plan: &Plan, groups: usize) -> Vec<Change> {
    let count = plan.agents.len() + plan.portal.as_ref().map_or(0, |it| it.browsers.len() + it.jobs.len());
    let all = iter::once(0..count).chain(groups_of(count, groups));
    let told = |places: Range<usize>| {
        Box::new(move |plan: &mut Plan| {
            let duration_ms = plan.duration_ms;
            let visits = visits_of(plan).skip(places.start).take(places.len());
            visits.for_each(|visits| tell_visits(visits, duration_ms));
        }) as Change
    };
    all.map(told).collect()
}

fn tell_visits(visits: &mut Visits, duration_ms: u64) {
    let Visits::Every { first_ms, interval_ms, .. } = *visits else { return };
    let count = duration_ms.saturating_sub(first_ms).div_ceil(interval_ms.max(1));
    if count <= VISITS_TOLD_MAX {
        *visits = Visits::At { times_us: (0..count).map(|visit| (first_ms + visit * interval_ms) * 1_000).collect() };
    }
}
