//! The portal of a plan as the tables of a scenario file.

use std::fmt::Display;

use super::spelled::{clock_facts, micros, millis};
use crate::{
    plan::{PortalPlan, Visits},
    types::{ClockModel, LoginLifetimes, TimeSpan},
};

/// The lines of the tables.
pub(super) fn spelled_portal(portal: &PortalPlan) -> Vec<String> {
    let mut lines = vec!["\n[portal]".to_owned(), format!("delimiter = {}", quoted(portal.delimiter))];
    let LoginLifetimes { automation_s, administration_s, portlet_s, remember_me_s, impersonation_s } = portal.lifetimes;
    let lifetimes = [
        ("automation", automation_s),
        ("administration", administration_s),
        ("portlet", portlet_s),
        ("remember_me", remember_me_s),
        ("impersonation", impersonation_s),
    ];
    let lifetimes = lifetimes.map(|(name, seconds)| format!("{name} = \"{}\"", TimeSpan::from_secs(seconds)));
    lines.push(format!("lifetimes = {{ {} }}", lifetimes.join(", ")));
    for (name, model) in [
        ("front_end", &portal.front_end),
        ("automation_server", &portal.automation_server),
        ("administration_server", &portal.administration_server),
        ("portlet_server", &portal.portlet_server),
    ] {
        lines.extend(clock(model).map(|clock| format!("{name} = {{ {clock} }}")));
    }
    for job in &portal.jobs {
        lines.push("\n[[portal.jobs]]".to_owned());
        lines.push(format!("user = {}", quoted(&job.user)));
        lines.extend(visits("runs", &job.runs));
        lines.push(format!("steps = {}", job.steps));
        lines.push(format!("step = {}", millis(job.step_ms)));
    }
    for browser in &portal.browsers {
        lines.push("\n[[portal.browsers]]".to_owned());
        lines.push(format!("user = {}", quoted(&browser.user)));
        lines.extend(visits("visits", &browser.visits));
        lines.extend(clock(&browser.clock));
        lines.extend(browser.remembers.then(|| "remembers = true".to_owned()));
        lines.extend((browser.portlets > 0).then(|| format!("portlets = {}", browser.portlets)));
        lines.extend(browser.administers.then(|| "administers = true".to_owned()));
        lines.extend(browser.impersonates.iter().map(|user| format!("impersonates = {}", quoted(user))));
    }
    lines
}

fn visits(key: &str, visits: &Visits) -> Vec<String> {
    match visits {
        Visits::Every { first_ms, interval_ms, jitter_ms } => {
            let start = format!("start = {}", millis(first_ms.saturating_sub(*jitter_ms)));
            let jitter = if *jitter_ms > 0 { format!(", jitter = {}", millis(*jitter_ms)) } else { String::new() };
            vec![start, format!("{key} = {{ every = {}{jitter} }}", millis(*interval_ms))]
        }
        Visits::At { times_us } => {
            let times: Vec<_> = times_us.iter().map(|time_us| micros(*time_us)).collect();
            vec![format!("{key} = {{ at = [{}] }}", times.join(", "))]
        }
    }
}

/// None of a right clock.
fn clock(model: &ClockModel) -> Option<String> {
    clock_facts(model).map(|facts| format!("clock = {{ {facts} }}"))
}

fn quoted(text: impl Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}
