//! Attack 28: a user whose id has the delimiter in it, and behind it an expiry far away. Expected: literal, whose readers
//! take the first fields for what they are named after, takes this user for somebody else for ever; hardened makes no token
//! for such an id, and reads none.

use http::{Method, header::SET_COOKIE};

use super::hand::{Ask, Hand};
use crate::{
    actor::Environment,
    protocol::{LOGIN_PATH, REMEMBER_COOKIE, form},
    types::{ActorId, locked},
};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let own = locked(&hand.loot).login_tokens.first().cloned();
    let token = match own {
        Some(token) => Some(token),
        None => log_in(hand).await,
    };
    let Some(token) = token else { return };
    locked(&hand.loot).login_tokens = vec![token.clone()];
    hand.present_login("the login token of a user whose id has the delimiter in it", &token).await;
}

/// Logs in with its own password, at the front end, and asks to be remembered.
async fn log_in<E: Environment>(hand: &Hand<E>) -> Option<String> {
    let portal = hand.settings.portal.as_ref()?;
    let (user, password) = portal.account.clone()?;
    let body = form(&[("user", &user), ("password", &password), ("remember", "on")]).into_bytes();
    let mut line = hand.line_to(ActorId::FrontEnd, &portal.front_end).await?;
    let ask = Ask { method: Method::POST, body, ..Ask::get(LOGIN_PATH) };
    let answer = hand.attempt(&mut line, "a login with an id that has the delimiter in it", ask).await?;
    let cookies = answer.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.filter_map(|value| value.split(';').next()?.split_once('='));
    pairs.into_iter().find(|(name, _)| *name == REMEMBER_COOKIE).map(|(_, token)| token.to_owned())
}
