//! Attack 28: login tokens with another user, another expiry or another tag, made from one that was overheard. Expected:
//! refused, in both profiles.

use std::time::Duration;

use super::hand::Hand;
use crate::{
    actor::Environment,
    protocol::LoginTokenKey,
    types::{UnixSeconds, locked},
};

const KINDS: u64 = 6;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(portal) = hand.settings.portal.clone() else { return };
    let Some(token) = locked(&hand.loot).login_tokens.first().cloned() else { return };
    let Ok(read) = portal.rules.parse(&token) else { return };
    let (delimiter, user, expires) = (portal.delimiter, read.user, read.expires.0);
    let Some((_, tag)) = token.rsplit_once(delimiter) else { return };
    // Somebody else whom the portal knows, and rather an administrator: an unknown name would be refused for that alone.
    let stranger = if user == "admin" { "root" } else { "admin" };
    let other = portal.users.iter().map(String::as_str).find(|other| *other != user).unwrap_or(stranger);
    let later = expires.saturating_add(86_400);
    let (what, forged) = match hand.round % KINDS {
        0 => ("another user", format!("{other}{delimiter}{expires}{delimiter}{tag}")),
        1 => ("another expiry", format!("{user}{delimiter}{later}{delimiter}{tag}")),
        2 => (
            "a user and an expiry that run into each other",
            format!("{user}{expires}{delimiter}{later}{delimiter}{tag}"),
        ),
        3 => ("a field more", format!("{other}{delimiter}{later}{delimiter}{token}")),
        4 => ("no tag", format!("{other}{delimiter}{later}{delimiter}")),
        _ => {
            let key = LoginTokenKey::draw(&mut hand.rng);
            let (now, day) = (UnixSeconds(hand.environment.wall().seconds().0), Duration::from_secs(86_400));
            match portal.rules.issue(&key, other, now, day) {
                Ok((forged, _)) => ("a tag under a guessed key", forged),
                Err(_) => return,
            }
        }
    };
    hand.present_login(&format!("a login token with {what}"), &forged).await;
}
