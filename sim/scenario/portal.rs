//! From the portal of a scenario file to that of a plan.

use super::{
    BrowserTable, JobTable, PortalTable, Ranged, VisitsTable,
    draws::{Draws, MICROSECOND, MILLISECOND, SECOND, whole},
    problem::Problem,
};
use crate::{
    plan::{BROWSERS_MAX, BrowserPlan, JobPlan, PortalPlan, Visits},
    types::{LoginLifetimes, TimeSpan},
};

const DELIMITER: char = '|';

impl PortalTable {
    /// The portal that the seed makes of it.
    ///
    /// # Errors
    /// With keys that start at `portal`.
    pub(super) fn resolve(&self, draws: &Draws) -> Result<PortalPlan, Problem> {
        let clock =
            |table: &super::PortalServerTable, name| table.clock.resolve(draws, &format!("portal.{name}.clock"), 0);
        let jobs = self.jobs.iter().enumerate().map(|(index, job)| job.resolve(index, draws));
        let mut browsers = Vec::new();
        for (index, table) in self.browsers.iter().enumerate() {
            table.add_to(&mut browsers, index, draws)?;
        }
        Ok(PortalPlan {
            delimiter: self.delimiter.unwrap_or(DELIMITER),
            lifetimes: self.lifetimes(draws)?,
            front_end: clock(&self.front_end, "front_end")?,
            automation_server: clock(&self.automation_server, "automation_server")?,
            administration_server: clock(&self.administration_server, "administration_server")?,
            portlet_server: clock(&self.portlet_server, "portlet_server")?,
            jobs: jobs.collect::<Result<_, _>>()?,
            browsers,
        })
    }

    fn lifetimes(&self, draws: &Draws) -> Result<LoginLifetimes, Problem> {
        let usual = LoginLifetimes::default();
        let seconds = |name: &str, given: Option<Ranged<TimeSpan>>, usual_s: u64| {
            given.map_or(Ok(usual_s), |range| draws.time(&format!("portal.lifetimes.{name}"), 0, range, SECOND))
        };
        let table = &self.lifetimes;
        Ok(LoginLifetimes {
            automation_s: seconds("automation", table.automation, usual.automation_s)?,
            administration_s: seconds("administration", table.administration, usual.administration_s)?,
            portlet_s: seconds("portlet", table.portlet, usual.portlet_s)?,
            remember_me_s: seconds("remember_me", table.remember_me, usual.remember_me_s)?,
            impersonation_s: seconds("impersonation", table.impersonation, usual.impersonation_s)?,
        })
    }
}

impl JobTable {
    fn resolve(&self, index: usize, draws: &Draws) -> Result<JobPlan, Problem> {
        let (key, user) = (format!("portal.jobs[{index}]"), index as u64);
        Ok(JobPlan {
            user: self.user.clone(),
            runs: visits(&self.runs, self.start, &format!("{key}.runs"), &key, user, draws)?,
            steps: self.steps.map_or(Ok(1), |steps| draws.count(&format!("{key}.steps"), user, steps))?,
            step_ms: self.step.map_or(Ok(1_000), |step| draws.time(&format!("{key}.step"), user, step, MILLISECOND))?,
        })
    }
}

impl BrowserTable {
    fn add_to(&self, browsers: &mut Vec<BrowserPlan>, index: usize, draws: &Draws) -> Result<(), Problem> {
        let key = format!("portal.browsers[{index}]");
        let group = (index as u64) << 32;
        let count = self.count.map_or(Ok(1), |count| draws.count(&format!("{key}.count"), group, count))?;
        if count == 0 || browsers.len() + count as usize > BROWSERS_MAX {
            let expected = format!("at least 1, and at most {BROWSERS_MAX} browsers in all");
            return Err(Problem::new(format!("{key}.count"), count, expected));
        }
        for number in 1..=count {
            let user = group | u64::from(number);
            let portlets = |portlets| draws.count(&format!("{key}.portlets"), user, portlets);
            browsers.push(BrowserPlan {
                user: if count == 1 { self.user.clone() } else { format!("{}-{number}", self.user) },
                clock: self.clock.resolve(draws, &format!("{key}.clock"), user)?,
                visits: visits(&self.visits, self.start, &format!("{key}.visits"), &key, user, draws)?,
                remembers: self.remembers,
                portlets: self.portlets.map_or(Ok(0), portlets)?,
                administers: self.administers,
                impersonates: self.impersonates.clone(),
            });
        }
        Ok(())
    }
}

fn visits(
    table: &VisitsTable,
    start: Option<Ranged<TimeSpan>>,
    key: &str,
    around: &str,
    user: u64,
    draws: &Draws,
) -> Result<Visits, Problem> {
    match (table.every, &table.at) {
        (Some(every), None) => {
            let jitter_ms =
                table.jitter.map_or(Ok(0), |jitter| whole(&format!("{key}.jitter"), jitter, MILLISECOND))?;
            let start =
                start.map_or(Ok(0), |start| draws.time(&format!("{around}.start"), user, start, MILLISECOND))?;
            let interval_ms = draws.time(&format!("{key}.every"), user, every, MILLISECOND)?;
            // Even the earliest first visit is not before the start.
            Ok(Visits::Every { first_ms: start.saturating_add(jitter_ms), interval_ms, jitter_ms })
        }
        (None, Some(times)) if table.jitter.is_none() && start.is_none() => {
            let times = times.iter().map(|time| whole(&format!("{key}.at"), *time, MICROSECOND));
            Ok(Visits::At { times_us: times.collect::<Result<_, _>>()? })
        }
        (None, Some(_)) => Err(Problem::new(format!("{key}.at"), "`at` beside `jitter` or `start`", "`at` alone")),
        (Some(_), Some(_)) => Err(Problem::new(format!("{key}.at"), "both `every` and `at`", "one of them")),
        (None, None) => Err(Problem::new(key, "neither `every` nor `at`", "one of them, such as { every = \"1m\" }")),
    }
}
