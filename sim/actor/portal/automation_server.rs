//! The automation server: it runs jobs as different users, each run with a login token of its own.

use std::{future::pending, io, sync::Arc, time::Duration};

use http::StatusCode;
use rand_chacha::ChaCha20Rng;

use super::{PortalDatabase, PortalSettings, call::Line, desk::Desk};
use crate::{
    actor::{Environment, Visits, agent::Schedule},
    event::{EventKind, JobOutcome, PortalEvent},
    types::{ActorId, LoginUse},
};

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// As whom it runs.
    pub user: String,
    /// When its runs are due.
    pub runs: Visits,
    /// How many requests a run makes.
    pub steps: u32,
    /// The time from one to the next.
    pub step: Duration,
    /// Where its random numbers come from.
    pub rng: ChaCha20Rng,
}

/// The automation server of a portal.
#[derive(Debug)]
pub struct AutomationServer<E> {
    environment: Arc<E>,
    settings: PortalSettings,
    desk: Desk<E>,
}

impl<E: Environment> AutomationServer<E> {
    /// A server that has just started: no job runs.
    pub fn start(environment: Arc<E>, settings: PortalSettings, database: PortalDatabase) -> Arc<Self> {
        environment.record(EventKind::Started { node: settings.node, epoch: None });
        let desk = Desk::new(Arc::clone(&environment), settings.clone(), database);
        Arc::new(Self { environment, settings, desk })
    }

    /// Runs jobs for ever, each in a task of its own.
    ///
    /// # Errors
    /// None: it has no door that might not open.
    pub async fn run(self: Arc<Self>, jobs: Vec<Job>) -> io::Result<()> {
        for (number, job) in (1..).zip(jobs) {
            let server = Arc::clone(&self);
            self.environment.spawn(async move { server.keep_running(number, job).await });
        }
        pending().await
    }

    async fn keep_running(&self, number: u32, mut job: Job) {
        let mut schedule = Schedule::new(job.runs.clone());
        while let Some(due) = schedule.next(self.environment.now(), &mut job.rng) {
            let wait = due.since(self.environment.now());
            if !wait.is_zero() {
                self.environment.sleep(wait).await;
            }
            self.environment.record(EventKind::Portal(PortalEvent::JobStarted { job: number, user: job.user.clone() }));
            let (outcome, steps) = self.run_once(&job).await;
            self.environment.record(EventKind::Portal(PortalEvent::JobEnded { job: number, outcome, steps }));
        }
    }

    /// One token for all steps, as the run began with it: once that is turned down, the steps that are left would be, too.
    async fn run_once(&self, job: &Job) -> (JobOutcome, u32) {
        let Ok(token) = self.desk.issue(&job.user, LoginUse::Automation) else { return (JobOutcome::Denied, 0) };
        let mut line: Option<Line<E>> = None;
        for step in 0..job.steps {
            if step > 0 {
                self.environment.sleep(job.step).await;
            }
            if line.as_ref().is_none_or(|line| !line.is_reusable()) {
                line = Line::open(&self.environment, &self.settings, ActorId::FrontEnd).await;
            }
            let Some(open) = &mut line else { return (JobOutcome::Unreachable, step) };
            match open.open_session(&token).await {
                Some(StatusCode::OK) => {}
                Some(_) => return (JobOutcome::Refused, step),
                None => return (JobOutcome::Unreachable, step),
            }
        }
        (JobOutcome::Done, job.steps)
    }
}
