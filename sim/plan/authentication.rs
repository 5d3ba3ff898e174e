//! Which kinds of authentication a plan turns on, where and when.

use super::{FaultKind, Plan};
use crate::types::{ActorId, Authentication, VirtualTime};

impl Plan {
    /// What one server offers in place of what policy says for all, at an instant.
    pub fn exception_at(&self, server: ActorId, at: VirtualTime) -> Option<Authentication> {
        let changes = self.faults.iter().filter(|fault| fault.lasts_at(at)).filter_map(|fault| match fault.kind {
            FaultKind::ChangeAuthentication { server: changed, authentication } if changed == server => {
                Some((fault.at_ms, authentication))
            }
            _ => None,
        });
        let latest = changes.max_by_key(|(at_ms, _)| *at_ms).map(|(_, authentication)| authentication);
        latest.or(self.server(server).and_then(|server| server.authentication))
    }

    /// What policy says at an instant that a server offers. The server itself learns of it with its next policy.
    pub fn authentication_at(&self, server: ActorId, at: VirtualTime) -> Authentication {
        self.exception_at(server, at).unwrap_or_else(|| self.parameters_at(at).authentication)
    }

    /// Everything that some server offers at some time of the run.
    pub fn authentication_ever(&self) -> impl Iterator<Item = Authentication> {
        let changed = self.faults.iter().filter_map(|fault| match fault.kind {
            FaultKind::ChangePolicy { authentication, .. } => authentication,
            FaultKind::ChangeAuthentication { authentication, .. } => Some(authentication),
            _ => None,
        });
        let of_servers = [&self.smp].into_iter().chain(&self.sites).filter_map(|server| server.authentication);
        [self.parameters.authentication].into_iter().chain(of_servers).chain(changed)
    }

    /// Whether nobody in it ever has another kind of authentication than tokens: nothing need be known of accounts then.
    pub fn is_tokens_only(&self) -> bool {
        self.authentication_ever().all(|on| on.is_tokens_only())
    }

    /// Whether policy says of a server all through the run that it offers tokens.
    pub fn has_tokens_throughout(&self, server: ActorId) -> bool {
        let changes = self.faults.iter().flat_map(|fault| [Some(fault.at()), fault.until_ms.map(|_| fault.until())]);
        let instants = changes.flatten().chain([VirtualTime::ZERO]);
        let mut instants: Vec<_> = instants.collect();
        instants.sort_unstable();
        instants.dedup();
        instants.into_iter().all(|at| self.authentication_at(server, at).token)
    }

    /// The instants at which the password of the ACC changes, in their order.
    pub fn acc_password_changes(&self) -> Vec<VirtualTime> {
        let is_one = |kind: &FaultKind| matches!(kind, FaultKind::ChangeAccPassword {});
        let mut at: Vec<_> = self.faults.iter().filter(|it| is_one(&it.kind)).map(super::Fault::at).collect();
        at.sort_unstable();
        at
    }
}
