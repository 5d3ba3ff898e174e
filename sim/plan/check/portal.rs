//! The portal.

use super::{DAY_S, RUN_MS_MAX, check_clock, inside, micros, millis, within};
use crate::{
    plan::{BROWSERS_MAX, BrowserPlan, JOBS_MAX, JobPlan, Plan, PlanError, PortalPlan, VISITS_AT_MAX, Visits},
    types::{ActorId, Scheme},
};

/// How long a user's id may be, as in a login token.
const USER_BYTES_MAX: u64 = 64;

impl Plan {
    pub(super) fn check_portal(&self) -> Result<(), PlanError> {
        let Some(portal) = &self.portal else { return Ok(()) };
        self.check_portal_parts(portal).map_err(|error| inside("portal", error))
    }

    fn check_portal_parts(&self, portal: &PortalPlan) -> Result<(), PlanError> {
        if self.scheme == Scheme::Https {
            let expected = "plain HTTP: a portal's redirects name no other scheme";
            return Err(PlanError::new("", "`https`", expected).help("leave `scheme` out"));
        }
        let delimiter = portal.delimiter;
        if !delimiter.is_ascii_punctuation() || matches!(delimiter, '+' | '/' | '=' | '"' | ',' | ';' | '\\') {
            let expected = "a punctuation mark that neither Base64 nor cookies use, such as `|`";
            return Err(PlanError::new("delimiter", format!("`{delimiter}`"), expected));
        }
        let lifetimes = portal.lifetimes;
        for (name, lifetime_s) in [
            ("automation_s", lifetimes.automation_s),
            ("administration_s", lifetimes.administration_s),
            ("portlet_s", lifetimes.portlet_s),
            ("remember_me_s", lifetimes.remember_me_s),
            ("impersonation_s", lifetimes.impersonation_s),
        ] {
            let place = format!("lifetimes.{name}");
            within(&place, lifetime_s, 1..=400 * DAY_S, "s", "a login token lives for a second at least")?;
        }
        for server in ActorId::PORTAL {
            let place = format!("{}.clock", server.to_string().replace('-', "_"));
            portal.clock(server).map_or(Ok(()), |clock| check_clock(&place, clock))?;
        }
        within("jobs", portal.jobs.len() as u64, 0..=JOBS_MAX as u64, "", "one server runs them all")?;
        within("browsers", portal.browsers.len() as u64, 0..=BROWSERS_MAX as u64, "", "all of them share one host")?;
        for (index, job) in portal.jobs.iter().enumerate() {
            self.check_job(job, delimiter).map_err(|error| inside(&format!("jobs[{index}]"), error))?;
        }
        for (index, browser) in portal.browsers.iter().enumerate() {
            self.check_browser(browser, delimiter).map_err(|error| inside(&format!("browsers[{index}]"), error))?;
        }
        Ok(())
    }

    fn check_job(&self, job: &JobPlan, delimiter: char) -> Result<(), PlanError> {
        self.check_user("user", &job.user, delimiter)?;
        self.check_times_of("runs", &job.runs)?;
        within("steps", job.steps.into(), 1..=100_000, "", "a run makes at least one request")?;
        within("step_ms", job.step_ms, 1..=RUN_MS_MAX, "ms", "a step of no time would never end")
    }

    fn check_browser(&self, browser: &BrowserPlan, delimiter: char) -> Result<(), PlanError> {
        self.check_user("user", &browser.user, delimiter)?;
        check_clock("clock", &browser.clock)?;
        self.check_times_of("visits", &browser.visits)?;
        within("portlets", browser.portlets.into(), 0..=1_000, "", "a page has room for so many")?;
        match &browser.impersonates {
            Some(_) if !browser.administers => {
                let expected = "`administers = true` beside it: whoever becomes somebody else does so there";
                Err(PlanError::new("impersonates", "no `administers`", expected))
            }
            Some(user) => self.check_user("impersonates", user, delimiter),
            None => Ok(()),
        }
    }

    fn check_times_of(&self, place: &str, visits: &Visits) -> Result<(), PlanError> {
        match visits {
            Visits::Every { first_ms, interval_ms, jitter_ms } => {
                within(
                    &format!("{place}.every"),
                    *interval_ms,
                    1..=RUN_MS_MAX,
                    "ms",
                    "an interval of zero never ends",
                )?;
                if jitter_ms.saturating_mul(2) >= *interval_ms || jitter_ms > first_ms {
                    let expected = "less than half the interval, and no more than the time of the first";
                    return Err(PlanError::new(format!("{place}.jitter"), millis(*jitter_ms), expected));
                }
                Ok(())
            }
            Visits::At { times_us } => {
                within(&format!("{place}.at"), times_us.len() as u64, 0..=VISITS_AT_MAX, "", "each takes eight bytes")?;
                if let Some(pair) = times_us.windows(2).find(|pair| pair[0] > pair[1]) {
                    let expected = format!("{} or later: the instants ascend", micros(pair[0]));
                    return Err(PlanError::new(format!("{place}.at"), micros(pair[1]), expected));
                }
                Ok(())
            }
        }
    }

    /// Somebody of the portal, if the plan has one.
    pub(super) fn check_portal_named(&self, place: &str, actor: ActorId) -> Result<(), PlanError> {
        let Some(portal) = &self.portal else {
            let expected = "somebody who exists: the plan has no portal";
            return Err(PlanError::new(place, format!("`{actor}`"), expected));
        };
        if portal.actors().any(|other| other == actor) {
            return Ok(());
        }
        let expected = match portal.browsers.len() {
            0 => "one of the portal's servers: it has no browser".to_owned(),
            1 => "`browser-1`: there is no other".to_owned(),
            count => format!("one of `browser-1` to `browser-{count}`"),
        };
        Err(PlanError::new(place, format!("`{actor}`"), expected))
    }
}

impl Plan {
    /// Somebody for whom the portal can make a login token.
    fn check_user(&self, place: &str, user: &str, delimiter: char) -> Result<(), PlanError> {
        check_user_id(place, user)?;
        if self.profile.delimits_login_tokens() && user.contains(delimiter) {
            let expected =
                format!("an id without the delimiter `{delimiter}`: a hardened portal makes no login token for it");
            let help = "choose another `delimiter`; several browsers of a user get a number each, behind a `-`";
            return Err(PlanError::new(place, format!("{user:?}"), expected).help(help));
        }
        Ok(())
    }
}

fn check_user_id(place: &str, user: &str) -> Result<(), PlanError> {
    let is_fit = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
    if (1..=USER_BYTES_MAX).contains(&(user.len() as u64)) && user.bytes().all(is_fit) {
        return Ok(());
    }
    let expected = "1 to 64 characters that may stand in a cookie: no spaces, quotes, commas or semicolons";
    Err(PlanError::new(place, format!("{user:?}"), expected))
}
