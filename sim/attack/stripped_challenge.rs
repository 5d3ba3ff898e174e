//! Attack 17: on the way back, the token is taken out of challenges, so that agents go by what else is offered. Expected:
//! literal agents send ACC or a Windows response in place of a token; hardened ones know from policy that the server does
//! tokens, refuse and raise an alert.

use super::{Direction, Fate, Interceptor, Message, Passing};
use crate::{
    event::EventKind,
    protocol::{TokenChallenge, offers},
    types::AccountScheme,
};

/// Takes tokens out of challenges.
pub struct Stripper;

impl Interceptor for Stripper {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        if passing.direction != Direction::Response {
            return Fate::Pass;
        }
        let Some(mut message) = Message::parse(passing.bytes).filter(|message| message.status() == Some(401)) else {
            return Fate::Pass;
        };
        let is_challenge = |name: &str| name.eq_ignore_ascii_case("www-authenticate");
        let values = || message.headers.iter().filter(|(name, _)| is_challenge(name)).map(|(_, value)| value);
        let offers_token = values().any(|value| TokenChallenge::parse(value).is_some());
        // Where nothing else is offered it would only keep the agent out, and be noticed.
        let schemes = [AccountScheme::Negotiate, AccountScheme::Ntlm];
        let offers_other = values().any(|value| schemes.iter().any(|scheme| offers(value, *scheme)));
        if !offers_token || !offers_other {
            return Fate::Pass;
        }
        message.headers.retain(|(name, value)| !is_challenge(name) || TokenChallenge::parse(value).is_none());
        let what = "took the token out of a challenge".to_owned();
        (passing.report)(EventKind::Intercepted { connection: passing.connection, what });
        Fate::Replace(message.to_bytes())
    }
}
