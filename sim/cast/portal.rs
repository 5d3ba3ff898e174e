//! Who takes part in a portal, and with what settings.

use std::{sync::Arc, time::Duration};

use rand_core::Rng;

use super::{Cast, visits};
use crate::{
    actor::{BrowserSettings, Cookie, Job, PortalDatabase, PortalSettings, SecureStorage},
    plan::{BrowserPlan, JobPlan, Plan, PortalPlan},
    protocol::{LoginTokenKey, LoginTokenRules, base64url},
    types::{ActorId, SeedStream, VirtualTime},
};

impl Cast {
    /// The portal's database when the run starts: it has a key and everybody's account. None if the plan has no portal.
    pub fn portal_database(&self) -> Option<PortalDatabase> {
        let portal = self.plan.portal.as_ref()?;
        let key = LoginTokenKey::draw(&mut self.seed.rng("login token key", 0));
        let database = PortalDatabase::new(key);
        let mut records = database.open();
        for job in &portal.jobs {
            records.add_user(&job.user, &password_of(&job.user, self.seed), false);
        }
        for browser in &portal.browsers {
            records.add_user(&browser.user, &password_of(&browser.user, self.seed), browser.administers);
            if let Some(user) = &browser.impersonates {
                records.add_user(user, &password_of(user, self.seed), false);
            }
        }
        let attackers = (1..).take(self.plan.attackers.len());
        for user in attackers.filter_map(|number| self.plan.account_of_attacker(number)) {
            records.add_user(&user, &password_of(&user, self.seed), false);
        }
        drop(records);
        Some(database)
    }

    /// What an actor of the portal is told when it starts, for the first time or after so many lives. None if the plan has no
    /// portal, or one that could not work.
    pub fn portal_settings(&self, actor: ActorId, times_before: u32) -> Option<PortalSettings> {
        let (plan, portal) = (&self.plan, self.plan.portal.as_ref()?);
        Some(PortalSettings {
            node: Plan::node_of(actor),
            origin: plan.origin_of(actor),
            front_end: plan.origin_of(ActorId::FrontEnd),
            administration_server: plan.origin_of(ActorId::AdministrationServer),
            portlet_server: plan.origin_of(ActorId::PortletServer),
            rules: rules_of(plan, portal)?,
            lifetimes: portal.lifetimes,
            parameters: Arc::clone(&self.parameters),
            rng: self.rng(actor, times_before),
        })
    }

    /// The jobs that the automation server runs when it starts at `now`.
    pub fn jobs(&self, now: VirtualTime, times_before: u32) -> Vec<Job> {
        let jobs = self.plan.portal.iter().flat_map(|portal| &portal.jobs).zip(1..);
        let job = |(plan, number): (&JobPlan, u64)| Job {
            user: plan.user.clone(),
            runs: visits(&plan.runs, now),
            steps: plan.steps,
            step: Duration::from_millis(plan.step_ms),
            rng: self.seed.rng(&format!("job after {times_before} restarts"), number),
        };
        jobs.map(job).collect()
    }

    /// What a browser is told when it starts at `now`.
    pub fn browser_settings(
        &self,
        plan: &BrowserPlan,
        now: VirtualTime,
        jar: SecureStorage<Cookie>,
    ) -> BrowserSettings {
        BrowserSettings {
            user: plan.user.clone(),
            password: password_of(&plan.user, self.seed),
            visits: visits(&plan.visits, now),
            remembers: plan.remembers,
            portlets: plan.portlets,
            administers: plan.administers,
            impersonates: plan.impersonates.clone(),
            jar,
        }
    }
}

/// How the portal of a plan makes and reads login tokens. The plan was checked: there is a delimiter that does.
pub fn rules_of(plan: &Plan, portal: &PortalPlan) -> Option<LoginTokenRules> {
    LoginTokenRules::new(plan.profile, portal.delimiter).ok()
}

/// A user's password: nobody else knows it.
pub fn password_of(user: &str, seed: SeedStream) -> String {
    let mut bits = [0; 12];
    seed.rng(&format!("password of {user}"), 0).fill_bytes(&mut bits);
    base64url::encode(&bits)
}
