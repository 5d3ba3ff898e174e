//! How peers let each other download (rule 50): a challenge, answered with the KMS key that the fleet shares.
//!
//! `Basic` is for a person with a browser who looks for trouble. No peer can send it: there is nothing here that makes it.

use std::{collections::BTreeMap, fmt, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use rand_core::Rng;
use sha2::Sha256;

use super::base64url;
use crate::types::{Bug, NodeId, PeerChallenge, PeerRefusal, VirtualTime};

/// The name of the scheme: ours, since the documents name none.
pub const PEER_SCHEME: &str = "SMPPeer";

/// How long a challenge may be answered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Most challenges that are open at once; the oldest goes. Asking for one proves nothing, and must not cost memory.
const OPEN_MAX: usize = 1_024;
/// Longest header value that is read, in bytes.
const VALUE_BYTES_MAX: usize = 512;
/// Longest path of a download, in bytes.
const PATH_BYTES_MAX: usize = 4_096;
/// What is hashed before everything else, so that no response is good for anything else.
const CONTEXT: &[u8] = b"countersign peer download 1\0";

/// The key that peers share, from their key management. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct KmsKey([u8; 32]);

impl KmsKey {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The response of `asking`, which wants `path` of `serving`, base64url.
    pub fn respond(&self, challenge: PeerChallenge, asking: NodeId, serving: NodeId, path: &str) -> String {
        base64url::encode(&self.keyed(challenge, asking, serving, path).finalize().into_bytes())
    }

    fn proves(&self, challenge: PeerChallenge, asking: NodeId, serving: NodeId, path: &str, response: &str) -> bool {
        let Some(response) = base64url::decode(response) else { return false };
        self.keyed(challenge, asking, serving, path).verify_slice(&response).is_ok()
    }

    /// Everything before the path has a fixed length, so that no two downloads are hashed alike.
    fn keyed(&self, challenge: PeerChallenge, asking: NodeId, serving: NodeId, path: &str) -> Hmac<Sha256> {
        // HMAC fills a short key up to a block with zeroes (RFC 2104); said like this, nothing can fail.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(CONTEXT);
        mac.update(&challenge.bits().to_be_bytes());
        mac.update(&asking.bits().to_be_bytes());
        mac.update(&serving.bits().to_be_bytes());
        mac.update(path.as_bytes());
        mac
    }
}

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KmsKey(not shown)")
    }
}

/// What a peer's `Authorization` header carries. There is no form of it with a name and a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerCredentials {
    /// Who asks.
    pub peer: NodeId,
    /// Which challenge it answers.
    pub challenge: PeerChallenge,
    /// The keyed hash, base64url.
    pub response: String,
}

impl PeerCredentials {
    /// What a peer answers to the values of `WWW-Authenticate`: a challenge of ours, or nothing, whatever else is offered.
    pub fn answer(offered: &[&str], key: &KmsKey, asking: NodeId, serving: NodeId, path: &str) -> Option<Self> {
        let challenge = offered.iter().find_map(|value| {
            let rest = rest_of(value, PEER_SCHEME)?;
            rest.strip_prefix("challenge=\"")?.strip_suffix('"')?.parse().ok()
        })?;
        Some(Self { peer: asking, challenge, response: key.respond(challenge, asking, serving, path) })
    }

    /// The header's value.
    pub fn to_value(&self) -> String {
        let Self { peer, challenge, response } = self;
        format!(r#"{PEER_SCHEME} peer="{peer}", challenge="{challenge}", response="{response}""#)
    }

    /// Reads the header's value, which has one spelling. `None` for anything else.
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > VALUE_BYTES_MAX {
            return None;
        }
        let rest = rest_of(value, PEER_SCHEME)?.strip_prefix("peer=\"")?;
        let (peer, rest) = rest.split_once("\", challenge=\"")?;
        let (challenge, rest) = rest.split_once("\", response=\"")?;
        let response = rest.strip_suffix('"')?.to_owned();
        Some(Self { peer: peer.parse().ok()?, challenge: challenge.parse().ok()?, response })
    }
}

/// The challenges that a peer has drawn, and that nobody has answered yet.
#[derive(Clone, Debug, Default)]
pub struct PeerChallenges {
    open: BTreeMap<PeerChallenge, Open>,
}

#[derive(Clone, Debug)]
struct Open {
    path: String,
    drawn: VirtualTime,
}

impl PeerChallenges {
    /// Draws a challenge for a download of `path`. A path that is longer than any file's gets one that cannot be answered.
    pub fn draw(&mut self, path: &str, now: VirtualTime, rng: &mut dyn Rng) -> PeerChallenge {
        self.open.retain(|_, open| now.since(open.drawn) < ANSWERED_WITHIN);
        let mut bits = [0; 16];
        rng.fill_bytes(&mut bits);
        let challenge = PeerChallenge::from_bits(u128::from_be_bytes(bits));
        if path.len() <= PATH_BYTES_MAX {
            if self.open.len() >= OPEN_MAX
                && let Some((oldest, _)) = self.open.iter().min_by_key(|(_, open)| open.drawn)
            {
                let oldest = *oldest;
                self.open.remove(&oldest);
            }
            self.open.insert(challenge, Open { path: path.to_owned(), drawn: now });
        }
        challenge
    }

    /// Takes a response, once. A wrong one leaves the challenge open: else whoever saw it could spoil it.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn redeem(
        &mut self,
        credentials: &PeerCredentials,
        key: &KmsKey,
        serving: NodeId,
        path: &str,
        now: VirtualTime,
    ) -> Result<(), PeerRefusal> {
        let PeerCredentials { peer, challenge, response } = credentials;
        let open = self.open.get(challenge).filter(|open| now.since(open.drawn) < ANSWERED_WITHIN);
        if open.ok_or(PeerRefusal::UnknownChallenge)?.path != path {
            return Err(PeerRefusal::AnotherDownload);
        }
        if !key.proves(*challenge, *peer, serving, path, response) {
            return Err(PeerRefusal::WrongResponse);
        }
        if !Bug::PeerChallengeReused.is_planted() {
            self.open.remove(challenge);
        }
        Ok(())
    }
}

/// A request for a file of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerRequest<'a> {
    /// What its `Authorization` header carries.
    pub authorization: Option<&'a str>,
    /// Which file.
    pub path: &'a str,
    /// Whether it says that it comes from a browser.
    pub is_browser: bool,
}

/// What a peer answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerAnswer {
    /// The file, to a peer.
    Serve,
    /// The file, to a person whose `Basic` credentials the caller has still to check.
    CheckBasic(String),
    /// 401.
    Challenge {
        /// What was drawn.
        challenge: PeerChallenge,
        /// The values of `WWW-Authenticate`.
        offered: Vec<String>,
        /// What is wrong with the response that came, if one did.
        refused: Option<PeerRefusal>,
    },
}

/// A peer that has files for others.
#[derive(Clone, Debug)]
pub struct PeerDoor {
    /// Who it is.
    pub node: NodeId,
    /// What it shares with others.
    pub key: KmsKey,
    /// Whether somebody looks for trouble, so that browsers are let in with `Basic`.
    pub is_troubleshooting: bool,
    /// What it has asked.
    pub challenges: PeerChallenges,
}

impl PeerDoor {
    /// Decides about a request.
    pub fn answer(&mut self, request: &PeerRequest<'_>, now: VirtualTime, rng: &mut dyn Rng) -> PeerAnswer {
        let takes_basic = self.is_troubleshooting && request.is_browser;
        let mut refused = None;
        if let Some(value) = request.authorization {
            if let Some(credentials) = PeerCredentials::parse(value) {
                match self.challenges.redeem(&credentials, &self.key, self.node, request.path, now) {
                    Ok(()) => return PeerAnswer::Serve,
                    Err(why) => refused = Some(why),
                }
            }
            if let Some(basic) = rest_of(value, "Basic").filter(|_| takes_basic) {
                return PeerAnswer::CheckBasic(basic.to_owned());
            }
        }
        let challenge = self.challenges.draw(request.path, now, rng);
        let ours = format!(r#"{PEER_SCHEME} challenge="{challenge}""#);
        let basic = takes_basic.then(|| r#"Basic realm="peer""#.to_owned());
        PeerAnswer::Challenge { challenge, offered: [ours].into_iter().chain(basic).collect(), refused }
    }
}

fn rest_of<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (name, rest) = value.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::SeedStream;

    const KEY: KmsKey = KmsKey::new([7; 32]);
    const SERVING: NodeId = NodeId::from_bits(1);
    const ASKING: NodeId = NodeId::from_bits(2);
    const PATH: &str = "/packages/x.zip";
    const NOW: VirtualTime = VirtualTime::from_millis(1_000);

    struct Pair {
        door: PeerDoor,
        rng: rand_chacha::ChaCha20Rng,
    }

    impl Pair {
        fn new() -> Self {
            let door =
                PeerDoor { node: SERVING, key: KEY, is_troubleshooting: false, challenges: PeerChallenges::default() };
            Self { door, rng: SeedStream::new(1).rng("peer", 0) }
        }

        fn ask(&mut self, authorization: Option<&str>, path: &str, now: VirtualTime) -> PeerAnswer {
            let request = PeerRequest { authorization, path, is_browser: false };
            self.door.answer(&request, now, &mut self.rng)
        }

        fn challenged(&mut self, path: &str) -> Vec<String> {
            let PeerAnswer::Challenge { offered, .. } = self.ask(None, path, NOW) else { panic!("served") };
            offered
        }

        fn answered(&mut self, key: &KmsKey, path: &str) -> String {
            let offered = self.challenged(path);
            let offered: Vec<_> = offered.iter().map(|value| &**value).collect();
            PeerCredentials::answer(&offered, key, ASKING, SERVING, path).unwrap().to_value()
        }
    }

    #[test]
    fn rule_50_a_captured_response_fails_a_new_challenge() {
        let mut pair = Pair::new();
        let captured = pair.answered(&KEY, PATH);
        assert_eq!(pair.ask(Some(&captured), PATH, NOW), PeerAnswer::Serve);
        // Once means once.
        let PeerAnswer::Challenge { offered, .. } = pair.ask(Some(&captured), PATH, NOW) else {
            panic!("served twice")
        };
        // Put under the new challenge, the old hash does not fit.
        let offered: Vec<_> = offered.iter().map(|value| &**value).collect();
        let fresh = PeerCredentials::answer(&offered, &KEY, ASKING, SERVING, PATH).unwrap();
        let spliced =
            PeerCredentials { response: PeerCredentials::parse(&captured).unwrap().response, ..fresh.clone() };
        let redeem = |pair: &mut Pair, credentials: &PeerCredentials| {
            pair.door.challenges.redeem(credentials, &KEY, SERVING, PATH, NOW)
        };
        assert_eq!(redeem(&mut pair, &spliced), Err(PeerRefusal::WrongResponse));
        assert_eq!(redeem(&mut pair, &fresh), Ok(()));
        assert_eq!(redeem(&mut pair, &fresh), Err(PeerRefusal::UnknownChallenge));
    }

    #[test]
    fn rule_50_a_response_is_for_one_peer_one_path_and_a_short_time() {
        for (path, after_s, is_served) in [(PATH, 0, true), (PATH, 29, true), (PATH, 30, false), ("/other", 0, false)] {
            let mut pair = Pair::new();
            let value = pair.answered(&KEY, PATH);
            let answer = pair.ask(Some(&value), path, NOW.after(Duration::from_secs(after_s)));
            assert_eq!(answer == PeerAnswer::Serve, is_served, "{path} after {after_s} s");
        }
        let mut pair = Pair::new();
        let value = pair.answered(&KEY, PATH);
        let of_another = PeerCredentials { peer: NodeId::from_bits(3), ..PeerCredentials::parse(&value).unwrap() };
        assert_ne!(pair.ask(Some(&of_another.to_value()), PATH, NOW), PeerAnswer::Serve);
        pair.door.node = NodeId::from_bits(4);
        assert_ne!(pair.ask(Some(&value), PATH, NOW), PeerAnswer::Serve, "what is for one peer is for no other");
    }

    #[test]
    fn rule_50_who_does_not_know_the_key_is_challenged_again() {
        let mut pair = Pair::new();
        let value = pair.answered(&KmsKey::new([8; 32]), PATH);
        assert!(matches!(pair.ask(Some(&value), PATH, NOW), PeerAnswer::Challenge { .. }));
    }

    #[test]
    fn rule_50_basic_is_for_a_browser_while_somebody_looks_for_trouble() {
        for (is_browser, is_troubleshooting) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut pair = Pair::new();
            pair.door.is_troubleshooting = is_troubleshooting;
            let mut ask = |authorization| {
                let request = PeerRequest { authorization, path: PATH, is_browser };
                pair.door.answer(&request, NOW, &mut pair.rng)
            };
            let PeerAnswer::Challenge { offered, .. } = ask(None) else { panic!("served") };
            let is_offered = offered.iter().any(|value| value.starts_with("Basic"));
            assert_eq!(is_offered, is_browser && is_troubleshooting);
            let answer = ask(Some("Basic QUNDOng="));
            match is_offered {
                true => assert_eq!(answer, PeerAnswer::CheckBasic("QUNDOng=".into())),
                false => assert!(matches!(answer, PeerAnswer::Challenge { .. })),
            }
        }
    }

    #[test]
    fn rule_50_a_peer_never_answers_with_basic() {
        for offered in [&["Basic realm=\"peer\""][..], &["NTLM", "Basic"], &["SMPToken token=\"a.b.c\""], &[]] {
            assert_eq!(PeerCredentials::answer(offered, &KEY, ASKING, SERVING, PATH), None);
        }
        let mut pair = Pair::new();
        let challenge = pair.challenged(PATH);
        let offered = ["Basic realm=\"peer\"", &challenge[0]];
        let value = PeerCredentials::answer(&offered, &KEY, ASKING, SERVING, PATH).unwrap().to_value();
        assert!(value.starts_with(PEER_SCHEME));
    }

    #[test]
    fn whoever_asks_for_many_challenges_costs_no_more_memory() {
        let mut pair = Pair::new();
        for millis in 0..3_000 {
            pair.ask(None, PATH, VirtualTime::from_millis(millis));
        }
        assert_eq!(pair.door.challenges.open.len(), OPEN_MAX);
        pair.ask(None, PATH, VirtualTime::from_millis(60_000));
        assert_eq!(pair.door.challenges.open.len(), 1);
        pair.ask(None, &"x".repeat(PATH_BYTES_MAX + 1), VirtualTime::from_millis(60_000));
        assert_eq!(pair.door.challenges.open.len(), 1);
    }

    #[test]
    fn the_key_is_never_shown() {
        assert_eq!(format!("{KEY:?}"), "KmsKey(not shown)");
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_a_panic(value in "\\PC{0,80}", rest in "\\PC{0,80}") {
            prop_assert_eq!(PeerCredentials::parse(&value), None);
            let _ = PeerCredentials::parse(&format!("{PEER_SCHEME} peer=\"{rest}"));
            let _ = PeerCredentials::answer(&[&value, &rest], &KEY, ASKING, SERVING, PATH);
        }

        #[test]
        fn rule_50_a_response_proves_what_it_was_made_for_and_nothing_else(
            made in (0..3_u128, 0..3_u128, 0..3_u128, "[ab]{0,2}"),
            asked in (0..3_u128, 0..3_u128, 0..3_u128, "[ab]{0,2}"),
        ) {
            let (challenge, asking, serving, path) = &made;
            let response = KEY.respond(
                PeerChallenge::from_bits(*challenge), NodeId::from_bits(*asking), NodeId::from_bits(*serving), path,
            );
            let is_same = made == asked;
            let (challenge, asking, serving, path) = asked;
            let (challenge, asking) = (PeerChallenge::from_bits(challenge), NodeId::from_bits(asking));
            prop_assert_eq!(KEY.proves(challenge, asking, NodeId::from_bits(serving), &path, &response), is_same);
        }
    }
}
