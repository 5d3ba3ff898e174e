//! Plainer values.

use std::{iter, ops::Range};

use serde_json::{Map, Value};

use super::Change;
use crate::{
    plan::{AgentPlan, Bootstrap, Codebase, ConnectionUse, Errand, Plan, PortalPlan, Visits},
    types::{ClockModel, Parameters},
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
const PLAN_CHANGES: [fn(&mut Plan); 12] = [
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
    |it| it.portal.iter_mut().for_each(plainer_portal),
    |it| it.sites.iter_mut().for_each(|site| (site.authentication, site.redirect_to) = (None, None)),
    |it| (it.smp.authentication, it.smp.redirect_to) = (None, None),
];

/// Right clocks, and users who only log in.
fn plainer_portal(portal: &mut PortalPlan) {
    let PortalPlan { front_end, automation_server, administration_server, portlet_server, browsers, .. } = portal;
    let clocks = [front_end, automation_server, administration_server, portlet_server].into_iter();
    clocks.chain(browsers.iter_mut().map(|it| &mut it.clock)).for_each(|clock| *clock = ClockModel::default());
    browsers.iter_mut().for_each(|it| (it.portlets, it.impersonates) = (0, None));
}

/// Changes after which something is as it usually is. Agents change all at once, and then in so many groups.
pub fn plainer(plan: &Plan, groups: usize) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(PLAN_CHANGES.map(|change| Box::new(change) as Change));
    changes.extend(each_of(0..plan.agents.len()));
    for name in parameters_changed(plan) {
        changes.push(Box::new(move |plan| {
            if let Some(parameters) = with_default(plan, &name) {
                plan.parameters = parameters;
            }
        }));
    }
    changes.extend(groups_of(plan, groups).flat_map(each_of));
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

/// The places of the agents in so many groups, or one for each agent if there are fewer of them. None for one group.
fn groups_of(plan: &Plan, groups: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let count = plan.agents.len();
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

/// Changes after which visits are told one by one, where there are not too many of them: those of all agents, and
/// then those of each group.
pub fn visits_told(plan: &Plan, groups: usize) -> Vec<Change> {
    let all = iter::once(0..plan.agents.len()).chain(groups_of(plan, groups));
    let told = |places: Range<usize>| {
        Box::new(move |plan: &mut Plan| {
            let duration_ms = plan.duration_ms;
            let agents = plan.agents.get_mut(places.clone()).into_iter().flatten();
            agents.for_each(|agent| tell_visits(agent, duration_ms));
        }) as Change
    };
    all.map(told).collect()
}

fn tell_visits(agent: &mut AgentPlan, duration_ms: u64) {
    let Visits::Every { first_ms, interval_ms, .. } = agent.visits else { return };
    let count = duration_ms.saturating_sub(first_ms).div_ceil(interval_ms.max(1));
    if count <= VISITS_TOLD_MAX {
        agent.visits = Visits::At { times_ms: (0..count).map(|visit| first_ms + visit * interval_ms).collect() };
    }
}
