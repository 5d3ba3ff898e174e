//! What is done with bearer tokens: a machine without an agent fetches the installer (rule 52), a program calls a server
//! (rule 63), a package is downloaded by whoever has just been installed (rule 54).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header::AUTHORIZATION};

use super::{AgentActor, Peers, kinds::Wanted};
use crate::{
    actor::{BearerDesk, Environment, HttpConnection, http::RequestHead},
    event::{BearerEvent, Carried, EventKind},
    protocol::{BearerToken, INSTALLER_PATH},
    types::{ActorId, BearerKind, locked},
};

/// What programs call with an ASDK token.
const ASDK_TARGET: &str = "/Altiris/ASDK/Tasks";
/// Answers to a call are short; the installer is a stand-in.
const BODY_BYTES_MAX: u32 = 64 << 10;

/// What an agent's machine does beside what agents do, and what it needs for that.
#[derive(Clone, Debug, Default)]
pub struct Errand {
    /// Where it finds bearer tokens.
    pub desk: BearerDesk,
    /// Whether there is no agent on the machine yet: it fetches the installer before it registers.
    pub installs_first: bool,
    /// Whether its visits are calls with an ASDK token.
    pub calls_by_asdk: bool,
    /// Whether what it fetches is a package.
    pub fetches_packages: bool,
    /// What it has to do with peers, if anything.
    pub peers: Option<Arc<Peers>>,
}

impl<E: Environment> AgentActor<E> {
    /// What the requests of its visits are for, but for public ones. Packages of the SMP need no authentication, those of
    /// site servers do unless policy says otherwise (rules 51, 62).
    pub(super) fn wanted(&self, server: ActorId) -> Wanted {
        if self.settings.coexistence.fetches_unc {
            return Wanted::Unc;
        }
        if !self.settings.errand.fetches_packages {
            return Wanted::Protected;
        }
        match server == ActorId::Smp || locked(&self.kinds).anonymous_codebases {
            true => Wanted::AnonymousPackage,
            false => Wanted::Package,
        }
    }

    /// Fetches the installer; tries again for as long as it takes. Tells whether it is still there afterwards.
    pub(super) async fn install(&self) -> bool {
        let mut failures = 0;
        while !self.call(BearerKind::PushInstall, INSTALLER_PATH).await {
            failures += 1;
            if !self.waited_to_retry(failures).await {
                return false;
            }
        }
        true
    }

    /// Makes the call of a visit. Nobody repeats one that fails: the next visit is another.
    pub(super) async fn call_by_asdk(&self) {
        self.call(BearerKind::Asdk, ASDK_TARGET).await;
    }

    /// Makes one call, on a connection of its own. Tells whether it was served.
    async fn call(&self, kind: BearerKind, target: &str) -> bool {
        let status = match self.settings.errand.desk.token(kind) {
            Some(token) => self.call_with(&token, target).await,
            None => None,
        };
        let (server, status) = (self.settings.server, status.map(|status| status.as_u16()));
        self.environment.record(EventKind::Bearer(BearerEvent::Called { server, kind, status }));
        status == Some(StatusCode::OK.as_u16())
    }

    async fn call_with(&self, token: &BearerToken, target: &str) -> Option<StatusCode> {
        let (parameters, origin) = (&self.settings.parameters, self.path().origin);
        let (server, patience) = (self.settings.server, parameters.connect_timeout());
        let opened = HttpConnection::open(&self.environment, server, &origin, patience, &parameters.caps);
        let mut connection = opened.await.ok()?;
        let headers = vec![(AUTHORIZATION, HeaderValue::try_from(token.to_value()).ok()?)];
        let head = RequestHead { method: Method::GET, target, headers, carries: Carried::Bearer };
        let patience = parameters.exchange_timeout();
        let (_, response) = connection.exchange(head, Bytes::new(), patience, BODY_BYTES_MAX).await.ok()?;
        Some(response.status())
    }
}
