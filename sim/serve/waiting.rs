//! Site servers that were turned away: what an administrator compares before an approval.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    protocol::{RegisterError, RegisterRequest},
    types::{NodeId, Origin, Thumbprint},
};

/// Most of them that are remembered; anybody may knock. Those go first that have been silent longest.
const KNOCKS_MAX: usize = 1_000;
/// Most that are news. What comes after is heard by those who listen to `debug`.
const NEWS_MAX: u64 = 1_000;

/// Site servers that were turned away, by id and key.
#[derive(Debug, Default)]
pub struct Waiting {
    knocks: BTreeMap<(NodeId, Thumbprint), Knock>,
    heard: u64,
    news: u64,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Knock {
    /// Who it says it is. Anybody may say so.
    pub id: NodeId,
    /// The key that it has.
    pub kid: Thumbprint,
    /// Where it says that it is reached.
    pub origin: Option<Origin>,
    /// How often it came.
    pub times: u64,
    /// Why it was turned away the last time.
    pub why: String,
    #[serde(skip)]
    last: u64,
}

impl Waiting {
    /// Notes one that was turned away, and says whether that is worth a line.
    pub fn note(&mut self, request: &RegisterRequest, why: &RegisterError) -> bool {
        let (id, kid) = (request.id, request.public_key.thumbprint());
        self.heard += 1;
        let knock = self.knocks.entry((id, kid)).or_insert_with(|| {
            let (origin, why) = (None, String::new());
            Knock { id, kid, origin, times: 0, why, last: 0 }
        });
        knock.times += 1;
        knock.last = self.heard;
        knock.why = why.to_string();
        knock.origin.clone_from(&request.origin);
        let is_news = knock.times == 1 && self.news < NEWS_MAX;
        self.news += u64::from(is_news);
        if self.knocks.len() > KNOCKS_MAX
            && let Some(oldest) = self.knocks.iter().min_by_key(|(_, knock)| knock.last).map(|(key, _)| *key)
        {
            self.knocks.remove(&oldest);
        }
        is_news
    }

    /// Forgets who came by a name that has been settled.
    pub fn is_settled(&mut self, id: NodeId) {
        self.knocks.retain(|(node, _), _| *node != id);
    }

    /// All of them, by id and key.
    pub fn all(&self) -> impl Iterator<Item = &Knock> {
        self.knocks.values()
    }

    /// The keys with which somebody came by this name.
    pub fn keys_of(&self, id: NodeId) -> Vec<Thumbprint> {
        self.knocks.keys().filter(|(node, _)| *node == id).map(|(_, kid)| *kid).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::PublicKey, protocol::NodeKind, types::Profile};

    fn site(id: u32, key: u32) -> RegisterRequest {
        let mut modulus = [0xff; 256];
        modulus[4..8].copy_from_slice(&key.to_be_bytes());
        RegisterRequest {
            id: NodeId::from_bits(id.into()),
            kind: NodeKind::Site,
            public_key: PublicKey::from_modulus(&modulus).unwrap(),
            origin: Some("http://site".parse().unwrap()),
            profile: Profile::default(),
        }
    }

    #[test]
    fn a_flood_of_strangers_pushes_nobody_out_who_keeps_knocking() {
        let mut waiting = Waiting::default();
        let why = RegisterError::SiteNotApproved(NodeId::from_bits(1));
        let mut news = 0;
        for number in 0..3_000 {
            news += u64::from(waiting.note(&site(100 + number, number), &why));
            if number % 500 == 0 {
                news += u64::from(waiting.note(&site(1, 1), &why));
            }
        }
        assert_eq!(news, NEWS_MAX);
        assert_eq!(waiting.all().count(), KNOCKS_MAX);
        let honest = waiting.all().find(|knock| knock.id.bits() == 1).expect("it is still there");
        assert_eq!(honest.times, 6);
        assert_eq!(waiting.keys_of(honest.id), [site(1, 1).public_key.thumbprint()]);
    }
}
