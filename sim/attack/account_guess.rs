//! Accounts without their passwords: guesses, names of nobody, an account by the scheme of another kind. Expected: 401.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{
    actor::Environment,
    event::Carried,
    protocol::{Account, Password, WindowsMessage},
    types::{AccountScheme, ServerChallenge},
};

const KINDS: u64 = 6;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let password = Password::draw(&mut hand.rng);
    let machine = Account::name_of(hand.settings.victim);
    let (what, name, scheme) = match hand.round % KINDS {
        0 => ("ACC with a guessed password", Account::ACC, AccountScheme::Ntlm),
        1 => ("a machine's account with a guessed password", machine.as_str(), AccountScheme::Negotiate),
        2 => ("ACC with a guessed password, by Basic", Account::ACC, AccountScheme::Basic),
        3 => ("ACC by the scheme of machines", Account::ACC, AccountScheme::Negotiate),
        4 => ("an account that nobody has", "Administrator", AccountScheme::Ntlm),
        _ => ("a machine's account by the scheme of ACC", machine.as_str(), AccountScheme::Ntlm),
    };
    let account = Account { name: name.to_owned(), password };
    let Some(mut line) = hand.line().await else {
        hand.report(what, None);
        return;
    };
    let value = if scheme == AccountScheme::Basic {
        format!("{scheme} {}", account.to_basic())
    } else {
        let challenge = hand.ask_for_challenge(&mut line, scheme).await;
        // Who does not take the scheme sends no challenge, and is sent an answer to none.
        let challenge = challenge.unwrap_or(ServerChallenge::from_bits(0));
        WindowsMessage::answer(&account, scheme, challenge).to_value(scheme)
    };
    let ask = Ask::get(PROTECTED_TARGET).authorized(&value, Carried::AccountResponse);
    hand.attempt(&mut line, what, ask).await;
}
