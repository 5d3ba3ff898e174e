//! Attack 29: a push-install token that was overheard, for whatever else a server has. Expected: denied, under whatever
//! name it asks; once the token is revoked, the installer's own path is denied as well.
//!
//! Until then the installer itself is open to the thief as to any machine: that is what the token is for.

use super::hand::{Ask, Hand, THIEF_TARGET};
use crate::{
    actor::Environment,
    event::Carried,
    protocol::{BearerToken, INSTALLER_PATH},
    types::{BearerKind, locked},
};

/// Ways to say something else and have it taken for the installer.
const ELSEWHERE: [(&str, &str); 5] = [
    ("a push-install token for something else", THIEF_TARGET),
    ("a push-install token for another file of that name", "/Altiris/Secrets/AEXNSC.exe"),
    ("a push-install token for a way through the installer", "/Altiris/NSCap/AEXNSC.exe/../../Secrets/export"),
    ("a push-install token for a disguised installer", "/Altiris/Secrets/%2e%2e/NSCap/AEXNSC.exe"),
    ("a push-install token for the installer in other letters", "/Altiris/NSCap/aexnsc.exe"),
];

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let stolen = locked(&hand.loot).bearers().pop();
    let Some(stolen) = stolen else { return };
    let is_push_install = BearerToken::parse(&stolen.token).is_some_and(|token| token.kind == BearerKind::PushInstall);
    if !is_push_install {
        return;
    }
    let value = format!("Bearer {}", stolen.token);
    let position = usize::try_from(hand.round % 5).unwrap_or(0);
    let (what, target) = ELSEWHERE[position];
    let mut line = hand.line().await;
    let Some(open) = &mut line else { return };
    hand.attempt(open, what, Ask::get(target).authorized(&value, Carried::Bearer)).await;
    // Its own path, and then on: a connection is not to be opened by it.
    let own = Ask::get(INSTALLER_PATH).authorized(&value, Carried::Bearer);
    hand.attempt(open, "a push-install token for the installer", own).await;
    hand.attempt(open, "no token, behind a push-install token", Ask::get(THIEF_TARGET)).await;
}
