//! The password of an account, used from elsewhere: that of the ACC where servers take it, that of the victim's machine
//! where they take Windows authentication. Expected: served until the password is another. There is nothing in a password
//! that a server could tell a thief by.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{
    actor::Environment,
    event::{AccountReason, Carried, EventKind},
    protocol::WindowsMessage,
    types::AccountScheme,
};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    const WHAT: &str = "the account of a stolen password";
    let Some(accounts) = hand.settings.stolen_accounts.clone() else { return };
    let Some(mut line) = hand.line().await else {
        hand.report(WHAT, None);
        return;
    };
    for (scheme, account) in [(AccountScheme::Ntlm, accounts.acc), (AccountScheme::Negotiate, accounts.machine)] {
        // Who does not take the scheme has no challenge for it.
        let Some(challenge) = hand.ask_for_challenge(&mut line, scheme).await else { continue };
        let (connection, server) = (line.connection_id(), hand.settings.plan.server);
        let why = AccountReason::NoTokenOffered;
        hand.environment.record(EventKind::CredentialsSent { connection, server, scheme, why });
        let value = WindowsMessage::answer(&account, scheme, challenge).to_value(scheme);
        let ask = Ask::get(PROTECTED_TARGET).authorized(&value, Carried::AccountResponse);
        hand.attempt(&mut line, WHAT, ask).await;
        return;
    }
    hand.report(WHAT, None);
}
