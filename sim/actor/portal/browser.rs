//! A user's browser. What it remembers is one cookie.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Method, StatusCode, header::LOCATION};
use rand_chacha::ChaCha20Rng;

use super::{
    PortalSettings,
    call::{Line, With, set_cookie, target_at},
};
use crate::{
    actor::{Environment, SecureStorage, Visits, agent::Schedule},
    event::EventKind,
    protocol::{
        ADMINISTRATION_COOKIE, ADMINISTRATION_LINK, IMPERSONATE_PATH, LOGIN_PATH, PORTAL_PATH, PORTLET_PATH,
        REMEMBER_COOKIE, SESSION_COOKIE, form,
    },
    types::{ActorId, WallTime, locked},
};

/// What a browser is told beside what every part of a portal is.
#[derive(Clone, Debug)]
pub struct BrowserSettings {
    /// Who sits before it.
    pub user: String,
    /// That user's password.
    pub password: String,
    /// When it visits the portal.
    pub visits: Visits,
    /// Whether the user wants to be remembered.
    pub remembers: bool,
    /// How many portlets a visit shows.
    pub portlets: u32,
    /// Whether a visit follows the link to the administration server.
    pub administers: bool,
    /// Who the user becomes there.
    pub impersonates: Option<String>,
    /// Its cookies: they outlive its process.
    pub jar: SecureStorage<Cookie>,
}

/// The cookie that stands for the password, and when it ends by the browser's clock.
#[derive(Clone, Debug)]
pub struct Cookie {
    token: String,
    ends: WallTime,
}

/// A browser.
#[derive(Debug)]
pub struct Browser<E> {
    environment: Arc<E>,
    settings: PortalSettings,
    own: BrowserSettings,
    rng: Mutex<ChaCha20Rng>,
}

impl<E: Environment> Browser<E> {
    /// A browser that has just started.
    pub fn start(environment: Arc<E>, settings: PortalSettings, own: BrowserSettings) -> Arc<Self> {
        environment.record(EventKind::Started { node: settings.node, epoch: None });
        let rng = Mutex::new(settings.rng.clone());
        Arc::new(Self { environment, settings, own, rng })
    }

    /// Visits the portal whenever it is due.
    ///
    /// # Errors
    /// None: it has no door that might not open.
    pub async fn run(self: Arc<Self>) -> io::Result<()> {
        let mut schedule = Schedule::new(self.own.visits.clone());
        loop {
            let due = schedule.next(self.environment.now(), &mut *locked(&self.rng));
            let Some(due) = due else { return Ok(()) };
            let wait = due.since(self.environment.now());
            if !wait.is_zero() {
                self.environment.sleep(wait).await;
            }
            // What does not come about is seen in the events; the next visit tries again.
            let _ = self.visit().await;
        }
    }

    async fn visit(&self) -> Option<()> {
        let mut line = Line::open(&self.environment, &self.settings, ActorId::FrontEnd).await?;
        let session = match self.by_cookie(&mut line).await {
            Some(session) => session,
            None => self.by_password(&mut line).await?,
        };
        let session = With::Cookie(SESSION_COOKIE, &session);
        for _ in 0..self.own.portlets {
            line.ask(Method::GET, PORTLET_PATH, session, String::new()).await?;
        }
        if self.own.administers {
            self.administer(&mut line, session).await?;
        }
        Some(())
    }

    /// The session that the cookie opens, if there is one and it does.
    async fn by_cookie(&self, line: &mut Line<E>) -> Option<String> {
        let cookie = self.own.jar.read().filter(|cookie| self.environment.wall() < cookie.ends)?;
        let with = With::Cookie(REMEMBER_COOKIE, &cookie.token);
        let answer = line.ask(Method::GET, PORTAL_PATH, with, String::new()).await?;
        if set_cookie(&answer, REMEMBER_COOKIE).is_some_and(str::is_empty) {
            self.own.jar.keep(Cookie { token: String::new(), ends: WallTime(0) });
        }
        set_cookie(&answer, SESSION_COOKIE).map(str::to_owned)
    }

    async fn by_password(&self, line: &mut Line<E>) -> Option<String> {
        let BrowserSettings { user, password, remembers, .. } = &self.own;
        let mut fields = vec![("user", user.as_str()), ("password", password.as_str())];
        fields.extend(remembers.then_some(("remember", "on")));
        let answer = line.ask(Method::POST, LOGIN_PATH, With::Nothing, form(&fields)).await?;
        if let Some(token) = set_cookie(&answer, REMEMBER_COOKIE) {
            let lifetime = Duration::from_secs(self.settings.lifetimes.remember_me_s);
            self.own.jar.keep(Cookie { token: token.to_owned(), ends: self.environment.wall().after(lifetime) });
        }
        set_cookie(&answer, SESSION_COOKIE).map(str::to_owned)
    }

    /// Follows the link, with the token in it.
    async fn administer(&self, line: &mut Line<E>, session: With<'_>) -> Option<()> {
        let answer = line.ask(Method::GET, ADMINISTRATION_LINK, session, String::new()).await?;
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        let target = target_at(location, &self.settings.administration_server)?;
        let mut other = Line::open(&self.environment, &self.settings, ActorId::AdministrationServer).await?;
        let answer = other.ask(Method::GET, target, With::Nothing, String::new()).await?;
        let there = set_cookie(&answer, ADMINISTRATION_COOKIE);
        let (Some(user), Some(there)) = (&self.own.impersonates, there) else {
            return Some(());
        };
        let with = With::Cookie(ADMINISTRATION_COOKIE, there);
        let answer = other.ask(Method::POST, IMPERSONATE_PATH, with, form(&[("user", user)])).await?;
        if answer.status() == StatusCode::OK {
            line.open_session(std::str::from_utf8(answer.body()).ok()?).await?;
        }
        Some(())
    }
}
