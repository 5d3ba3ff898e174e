//! S10: ACC is sent only for UNC, to a server that offers no Token, or when Token failed and fallback is on.
//!
//! Reading, for each `CredentialsSent` by a scheme that takes the ACC:
//! - the plan says that what the agent fetches lies at a UNC path; or
//! - what the server itself offered last on that connection has no tokens, whatever reached the agent of it; or
//! - somebody takes tokens out of challenges, and the policy that the agent heard of last had none for that server: it
//!   cannot tell, until it hears of the next (attack 17); or
//! - the plan lets agents fall back, and within the time that an exchange may take the server refused a token of that
//!   agent, answered it with 403, 429 or 503, or the agent declined the token that it got.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::ActorId,
};

#[derive(Debug, Default)]
pub(super) struct AccIsLastResort;

impl Checker for AccIsLastResort {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::CredentialsSent { connection, server, scheme, why } = event.kind else { return };
        let (agent, at, assumptions) = (event.actor, event.at, &before.assumptions);
        // Whoever stole the password goes by no rules.
        let is_agent = matches!(agent, ActorId::Agent(_));
        if !scheme.is_acc() || !is_agent || assumptions.kinds.fetches_unc(agent) {
            return;
        }
        let offered = before.accounts.offered(connection);
        if offered.is_some_and(|offered| !offered.token) {
            return;
        }
        if assumptions.kinds.may_be_talked_out(server, before.accounts.learned_of_policy(agent)) {
            return;
        }
        let parameters = &assumptions.parameters;
        let exchange = parameters.connect_timeout().saturating_add(parameters.exchange_timeout().saturating_mul(8));
        let failed = before.accounts.token_failed(agent, server).filter(|failed| at.since(*failed) <= exchange);
        if assumptions.kinds.acc_fallback() && failed.is_some() {
            return;
        }
        findings.violated(Invariant::S10, agent, || {
            let fault = match (offered, failed) {
                (_, Some(failed)) => format!("its tokens failed at {failed}, but policy has no fallback"),
                (Some(_), None) => "the server offered tokens there, and none had failed".to_owned(),
                (None, None) => "the server had not said there what it offers, and no token had failed".to_owned(),
            };
            format!("{agent} sent ACC to {server} on {connection} at {at} ({why:?}), but {fault}")
        });
    }
}
