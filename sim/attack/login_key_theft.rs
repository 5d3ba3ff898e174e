//! Login tokens of its own, made with the key out of the portal's database. Expected: accepted for whomever it likes, until
//! somebody presses 'Update' (rule 80).

use std::time::Duration;

use super::hand::Hand;
use crate::actor::Environment;

const HOUR: Duration = Duration::from_secs(3_600);

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(portal) = hand.settings.portal.clone() else { return };
    // It looks into the database once.
    let key = hand.stolen_login_key.get_or_insert_with(|| portal.database.open().key().clone()).clone();
    let user = portal.victim_user.unwrap_or_else(|| "admin".to_owned());
    let Ok((token, _)) = portal.rules.issue(&key, &user, hand.environment.wall().seconds(), HOUR) else { return };
    hand.present_login("a login token of its own, made with the stolen key", &token).await;
}
