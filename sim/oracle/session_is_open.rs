//! S4, for a portal: whoever is served in a session was let into it, and does there what is its own to do (rule 81).
//!
//! Reading:
//! - A server opens a session (`SessionOpened`) for a user whom it has just let in by that very request, by password or by
//!   login token; the administration server for administrators only.
//! - It serves a request in a session (`SessionUsed`) as a user for whom it opened one to whoever opened the connection, in
//!   its present life and less than twenty minutes before. No actor of a plan has a session of another's.
//! - A token for the link to the administration server, for a portlet or for an impersonation is made on the strength of a
//!   session that is used at that instant: for the session's own user, who is an administrator if it is for that link;
//!   for anybody, if it is an impersonation.
//! - Each use has its maker: the automation server for jobs, the administration server for impersonations, the front end for
//!   all others.

use std::{collections::BTreeMap, time::Duration};

use super::{
    checker::Checker,
    facts::{Facts, FadingMap, opener},
    violation::Findings,
};
use crate::{
    event::{Event, EventKind, PortalEvent},
    plan::Invariant,
    types::{ActorId, LoginUse, RequestId, VirtualTime},
};

const SESSION: Duration = Duration::from_secs(20 * 60);

#[derive(Debug, Default)]
pub(super) struct SessionIsOpen {
    /// Whom a request has let in.
    admitted: FadingMap<RequestId, String>,
    /// When a server last opened a session to whom, as which user.
    opened: BTreeMap<(ActorId, Option<ActorId>), BTreeMap<String, VirtualTime>>,
    /// Whose session each server used last, and when.
    used: BTreeMap<ActorId, (VirtualTime, String)>,
}

impl Checker for SessionIsOpen {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (server, at) = (event.actor, event.at);
        let portal = match &event.kind {
            EventKind::Portal(portal) => portal,
            EventKind::Started { .. } => {
                self.opened.retain(|(of, _), _| *of != server);
                self.used.remove(&server);
                return;
            }
            _ => return,
        };
        let fault = match portal {
            PortalEvent::PasswordAccepted { request, user } | PortalEvent::LoginTokenAccepted { request, user, .. } => {
                self.admitted.insert(*request, user.clone(), before.assumptions.forget_connection_at(at));
                None
            }
            PortalEvent::SessionOpened { request, user } => {
                let fault = self.fault_of_opening(server, *request, user, before);
                let whose = (server, opener(*request, &before.connections));
                self.opened.entry(whose).or_default().insert(user.clone(), at);
                fault.map(|fault| format!("opened a session for {user} in request {request} at {at}, but {fault}"))
            }
            PortalEvent::SessionUsed { request, user } => {
                let who = opener(*request, &before.connections);
                let since = self.opened.get(&(server, who)).and_then(|sessions| sessions.get(user)).copied();
                self.used.insert(server, (at, user.clone()));
                since.is_none_or(|since| at.since(since) >= SESSION).then(|| {
                    let who = who.map_or_else(|| "nobody".to_owned(), |who| who.to_string());
                    format!("took request {request} of {who} for {user}'s at {at}, to whom it has no such session open")
                })
            }
            PortalEvent::LoginTokenIssued { user, purpose, .. } => self
                .fault_of_token(server, user, *purpose, at, before)
                .map(|fault| format!("made a login token ({purpose}) for {user} at {at}, but {fault}")),
            _ => None,
        };
        if let Some(fault) = fault {
            findings.violated(Invariant::S4, server, || format!("{server} {fault}"));
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.admitted.fade(now);
    }
}

impl SessionIsOpen {
    fn fault_of_opening(
        &mut self,
        server: ActorId,
        request: RequestId,
        user: &str,
        before: &Facts,
    ) -> Option<&'static str> {
        if self.admitted.remove(&request).as_deref() != Some(user) {
            Some("let nobody of that name in by it")
        } else if server == ActorId::AdministrationServer && !before.assumptions.portal.is_administrator(user) {
            Some("that is no administrator")
        } else {
            None
        }
    }

    fn fault_of_token(
        &self,
        server: ActorId,
        user: &str,
        purpose: LoginUse,
        at: VirtualTime,
        before: &Facts,
    ) -> Option<&'static str> {
        let maker = match purpose {
            LoginUse::Automation => ActorId::AutomationServer,
            LoginUse::Impersonation => ActorId::AdministrationServer,
            LoginUse::Administration | LoginUse::Portlet | LoginUse::RememberMe => ActorId::FrontEnd,
        };
        if server != maker {
            return Some("that use is another server's");
        }
        let in_use = self.used.get(&server).filter(|(used_at, _)| *used_at == at).map(|(_, user)| user.as_str());
        match purpose {
            LoginUse::Automation | LoginUse::RememberMe => None,
            LoginUse::Impersonation if in_use.is_none() => Some("no session asked for it"),
            LoginUse::Impersonation => None,
            LoginUse::Administration | LoginUse::Portlet if in_use != Some(user) => {
                Some("no session of that user asked for it")
            }
            LoginUse::Administration if !before.assumptions.portal.is_administrator(user) => {
                Some("that is no administrator")
            }
            LoginUse::Administration | LoginUse::Portlet => None,
        }
    }
}
