//! Push-install and ASDK tokens (rules 52, 63): bearer tokens (RFC 6750), of which possession is all that it takes.
//!
//! Each is an ordinary RS256 JWT by the SMP's key, with explicit typing (RFC 8725 section 3.11), so that no agent token is
//! ever taken for one, nor one for an agent token.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    base64url, body,
    compact::{self, read_json},
};
use crate::{
    crypto::{Engine, KeyError, PrivateKey, PublicKey},
    types::{BearerKind, Bug, Fingerprint, Jti, NodeId, Thumbprint, UnixSeconds},
};

/// The name of the scheme (RFC 6750 section 2.1).
pub const BEARER_SCHEME: &str = "Bearer";

/// Where servers have the installer: the only path for which a push-install token is good (rule 52).
pub const INSTALLER_PATH: &str = "/Altiris/NSCap/AEXNSC.exe";

/// `header.payload.signature` (RFC 7519), parsed. Parsing verifies nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BearerToken {
    text: Arc<str>,
    /// What it is for: its `typ`.
    pub kind: BearerKind,
    /// Which server key signed: looked up, never followed.
    pub kid: Thumbprint,
    /// What it says.
    pub claims: BearerClaims,
    signature: Vec<u8>,
}

/// The payload (RFC 7519 section 4.1). It names no holder: whoever has the token is its holder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BearerClaims {
    /// The issuer.
    pub iss: NodeId,
    /// When it was issued, by the issuer's clock.
    pub iat: UnixSeconds,
    /// Its name, by which it is revoked.
    pub jti: Jti,
    /// When it ends, by the issuer's clock. A push-install token has no end.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    pub exp: Option<UnixSeconds>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: Thumbprint,
}

impl BearerToken {
    /// Makes and signs a token.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn sign(kind: BearerKind, claims: BearerClaims, key: &PrivateKey, engine: &Engine) -> Result<Self, KeyError> {
        let kid = key.public().thumbprint();
        let header = Header { alg: "RS256", typ: typ_of(kind), kid };
        let (text, signature) = compact::sign(&header, &claims, key, engine)?;
        Ok(Self { text: text.into(), kind, kid, claims, signature })
    }

    /// Reads a token. `None` if it is not of exactly this form.
    pub fn parse(text: &str) -> Option<Self> {
        let [header, payload, signature] = compact::three_parts(text)?;
        let header = base64url::decode(header)?;
        let header: Header<'_> = read_json(&header)?;
        let kind = BearerKind::ALL.into_iter().find(|kind| typ_of(*kind) == header.typ)?;
        let claims: BearerClaims = read_json(&base64url::decode(payload)?)?;
        // Somebody's idea of a push-install token that ends is not ours.
        let may_end = kind == BearerKind::Asdk || claims.exp.is_none();
        let signature = base64url::decode(signature).filter(|signature| !signature.is_empty())?;
        (header.alg == "RS256" && may_end).then(|| Self { text: text.into(), kind, kid: header.kid, claims, signature })
    }

    /// The three parts, as sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The explicit type in its header.
    pub const fn typ(&self) -> &'static str {
        typ_of(self.kind)
    }

    /// A short name for exactly these bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.text.as_bytes())
    }

    /// The value of `Authorization` that carries it.
    pub fn to_value(&self) -> String {
        format!("{BEARER_SCHEME} {}", self.text)
    }

    /// What the value of `Authorization` carries, if it is of this scheme.
    pub fn carried_by(value: &str) -> Option<&str> {
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        scheme.eq_ignore_ascii_case(BEARER_SCHEME).then(|| rest.trim_start_matches(' '))
    }

    /// Whether `key` signed the first two parts.
    pub fn is_signed_by(&self, key: &PublicKey, engine: &Engine) -> bool {
        let signed_bytes = self.text.rfind('.').unwrap_or_default();
        engine.verify(key, &self.text.as_bytes()[..signed_bytes], &self.signature)
    }

    /// Whether a token of its kind is good for this path. The path is compared as it was sent: what would have to be
    /// resolved first, by dots or by `%`, is another path.
    pub(super) fn is_good_for(&self, path: &str) -> bool {
        match self.kind {
            BearerKind::PushInstall if Bug::InstallerPathBySuffix.is_planted() => path.ends_with("/AEXNSC.exe"),
            BearerKind::PushInstall => path == INSTALLER_PATH,
            BearerKind::Asdk => true,
        }
    }
}

/// The explicit type of a kind's tokens.
const fn typ_of(kind: BearerKind) -> &'static str {
    match kind {
        BearerKind::PushInstall => "push-install+jwt",
        BearerKind::Asdk => "asdk+jwt",
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        crypto::{KeyPool, backend},
        protocol::{BearerRules, CountersignedToken, IssuedToken, Issuer, Nonce, ServerKeys, Subject},
        types::{Authentication, BearerRefusal, CryptoTier, Origin, SeedStream, Uid, WallTime},
    };

    const NOW: UnixSeconds = UnixSeconds(1_767_600_000);
    const JTI: Jti = Jti::from_bits(7);
    const SMP: NodeId = NodeId::from_bits(1);
    const ALL_ON: Authentication = Authentication { token: true, asdk: true, windows: false, acc: false };
    const ELSEWHERE: &str = "/Altiris/Task/Run";

    fn engine() -> Engine {
        Engine::new(backend(CryptoTier::Modelled).unwrap(), std::sync::Arc::default(), None)
    }

    fn key(number: u32) -> PrivateKey {
        KeyPool::new(SeedStream::new(1)).private_key(number).unwrap()
    }

    fn claims(exp: Option<u64>) -> BearerClaims {
        BearerClaims { iss: SMP, iat: NOW, jti: JTI, exp: exp.map(UnixSeconds) }
    }

    fn token(kind: BearerKind, exp: Option<u64>) -> BearerToken {
        BearerToken::sign(kind, claims(exp), &key(0), &engine()).unwrap()
    }

    fn check_under(
        text: &str,
        path: &str,
        authentication: Authentication,
        revoked: &[Jti],
    ) -> Result<BearerKind, BearerRefusal> {
        let server_keys = ServerKeys::from_iter([key(0).public().clone()]);
        let rules = BearerRules {
            authentication,
            revoked: &revoked.iter().copied().collect(),
            server_keys: &server_keys,
            leeway: Duration::ZERO,
            token_bytes_max: 8_192,
        };
        rules.check(text, path, NOW.wall(), &engine()).map(|token| token.kind).map_err(|rejection| rejection.why)
    }

    fn check(text: &str, path: &str) -> Result<BearerKind, BearerRefusal> {
        check_under(text, path, ALL_ON, &[])
    }

    fn of_parts(header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
        let signature = engine().sign(&key(0), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url::encode(&signature))
    }

    fn agent_token() -> (IssuedToken, CountersignedToken) {
        let uid = Uid::from_bits(3);
        let issuer = Issuer::new(SMP, key(0), Duration::from_secs(60));
        let agent_key = key(1).public().thumbprint();
        let audience: Origin = "http://site-1".parse().unwrap();
        let subject = Subject { agent: NodeId::from_bits(2), uid, agent_key, audience };
        let issued = issuer.issue(subject, JTI, NOW, &engine()).unwrap();
        let nonce = Nonce { uid, counter: 1 };
        let countersigned = CountersignedToken::sign(&issued, nonce, None, &key(1), &engine()).unwrap();
        (issued, countersigned)
    }

    #[test]
    fn rule_52_a_push_install_token_opens_the_installer_and_nothing_else() {
        let token = token(BearerKind::PushInstall, None);
        assert_eq!(check(token.text(), INSTALLER_PATH), Ok(BearerKind::PushInstall));
        for other in [
            ELSEWHERE,
            "/Altiris/NSCap/",
            "/Altiris/NSCap/aexnsc.exe",
            "/Altiris/NSCap/AEXNSC.exe/",
            "/Altiris/NSCap/AEXNSC.exe/../../Task/Run",
            "/Altiris/Task/../NSCap/AEXNSC.exe",
            "/Altiris/Task/%2e%2e/NSCap/AEXNSC.exe",
            "/Altiris/NSCap/AEXNSC%2Eexe",
            "/Altiris/Other/AEXNSC.exe",
            "/Altiris//NSCap/AEXNSC.exe",
            "\\Altiris\\NSCap\\AEXNSC.exe",
            "",
        ] {
            assert_eq!(check(token.text(), other), Err(BearerRefusal::WrongPath), "{other}");
        }
    }

    #[test]
    fn rule_52_a_push_install_token_never_expires() {
        let token = token(BearerKind::PushInstall, None);
        let rules = BearerRules {
            authentication: ALL_ON,
            revoked: &BTreeSet::new(),
            server_keys: &ServerKeys::from_iter([key(0).public().clone()]),
            leeway: Duration::ZERO,
            token_bytes_max: 8_192,
        };
        for now in [NOW.wall(), WallTime(0), WallTime(u64::MAX)] {
            assert!(rules.check(token.text(), INSTALLER_PATH, now, &engine()).is_ok());
        }
        // One with an expiry is none, whoever signed it.
        let ends = BearerToken::sign(BearerKind::PushInstall, claims(Some(NOW.0 + 60)), &key(0), &engine()).unwrap();
        assert_eq!(check(ends.text(), INSTALLER_PATH), Err(BearerRefusal::Syntax));
    }

    #[test]
    fn rule_52_a_revoked_token_is_denied() {
        for (kind, path) in [(BearerKind::PushInstall, INSTALLER_PATH), (BearerKind::Asdk, ELSEWHERE)] {
            let token = token(kind, None);
            assert_eq!(check_under(token.text(), path, ALL_ON, &[JTI]), Err(BearerRefusal::Revoked));
            assert_eq!(check_under(token.text(), path, ALL_ON, &[Jti::from_bits(8)]), Ok(kind));
        }
    }

    #[test]
    fn rule_63_whoever_has_an_asdk_token_is_accepted() {
        // There is nothing in the check by which holder and thief could differ: text, path and time are all.
        let stolen = token(BearerKind::Asdk, Some(NOW.0 + 1)).to_value();
        let text = BearerToken::carried_by(&stolen).unwrap();
        for path in [ELSEWHERE, INSTALLER_PATH] {
            assert_eq!(check(text, path), Ok(BearerKind::Asdk));
            assert_eq!(check(text, path), Ok(BearerKind::Asdk), "and again: there is no counter");
        }
    }

    #[test]
    fn an_asdk_token_ends_at_its_expiry_if_it_has_one() {
        assert_eq!(check(token(BearerKind::Asdk, None).text(), ELSEWHERE), Ok(BearerKind::Asdk));
        assert_eq!(check(token(BearerKind::Asdk, Some(NOW.0 + 1)).text(), ELSEWHERE), Ok(BearerKind::Asdk));
        assert_eq!(check(token(BearerKind::Asdk, Some(NOW.0)).text(), ELSEWHERE), Err(BearerRefusal::Expired));
    }

    #[test]
    fn each_kind_follows_its_own_switch() {
        let (install, asdk) = (token(BearerKind::PushInstall, None), token(BearerKind::Asdk, None));
        let tokens_only = Authentication::TOKENS;
        assert_eq!(check_under(asdk.text(), ELSEWHERE, tokens_only, &[]), Err(BearerRefusal::SwitchedOff));
        assert_eq!(check_under(install.text(), INSTALLER_PATH, tokens_only, &[]), Ok(BearerKind::PushInstall));
        let asdk_only = Authentication { token: false, ..ALL_ON };
        assert_eq!(check_under(asdk.text(), ELSEWHERE, asdk_only, &[]), Ok(BearerKind::Asdk));
        assert_eq!(check_under(install.text(), INSTALLER_PATH, asdk_only, &[]), Err(BearerRefusal::SwitchedOff));
    }

    #[test]
    fn checks_come_in_their_order() {
        // Everything is wrong with it; what is mended shows what comes next.
        let unknown_key = |kind, exp| BearerToken::sign(kind, claims(exp), &key(2), &engine()).unwrap();
        let off = Authentication::NONE;
        assert_eq!(check_under("a.b.c", ELSEWHERE, off, &[JTI]), Err(BearerRefusal::Syntax));
        let install = unknown_key(BearerKind::PushInstall, None);
        assert_eq!(check_under(install.text(), ELSEWHERE, off, &[JTI]), Err(BearerRefusal::UnknownServerKey));
        let good = token(BearerKind::PushInstall, None);
        let signed = good.text().rsplit_once('.').unwrap().0;
        let altered = format!("{signed}.{}", base64url::encode(&[1; 256]));
        assert_eq!(check_under(&altered, ELSEWHERE, off, &[JTI]), Err(BearerRefusal::BadSignature));
        assert_eq!(check_under(good.text(), ELSEWHERE, off, &[JTI]), Err(BearerRefusal::SwitchedOff));
        assert_eq!(check_under(good.text(), ELSEWHERE, ALL_ON, &[JTI]), Err(BearerRefusal::Revoked));
        assert_eq!(check_under(good.text(), ELSEWHERE, ALL_ON, &[]), Err(BearerRefusal::WrongPath));
        let old = token(BearerKind::Asdk, Some(NOW.0));
        assert_eq!(check_under(old.text(), ELSEWHERE, ALL_ON, &[JTI]), Err(BearerRefusal::Revoked));
        assert_eq!(check_under(old.text(), ELSEWHERE, ALL_ON, &[]), Err(BearerRefusal::Expired));
        assert!(BearerRefusal::ALL.is_sorted(), "the type lists them in the same order");
    }

    #[test]
    fn no_agent_token_is_taken_for_a_bearer_token() {
        let (issued, countersigned) = agent_token();
        for text in [issued.text(), countersigned.text()] {
            assert_eq!(BearerToken::parse(text), None);
            assert_eq!(check(text, ELSEWHERE), Err(BearerRefusal::Syntax));
        }
        // Nor with the other's type: the SMP's key signs both, so that only their form tells them apart.
        let kid = key(0).public().thumbprint();
        let nonce = Nonce { uid: issued.uid, counter: 0 };
        let payload = format!(r#"{{"iss":"{SMP}","iat":1,"jti":"{JTI}"}}"#);
        for typ in ["JWT", "jwt", "at+jwt", "", "application/asdk+jwt"] {
            let header = format!(r#"{{"alg":"RS256","typ":"{typ}","kid":"{kid}"}}"#);
            assert_eq!(check(&of_parts(&header, &payload), ELSEWHERE), Err(BearerRefusal::Syntax), "{typ}");
        }
        let header = format!(r#"{{"alg":"RS256","typ":"asdk+jwt","kid":"{kid}","nonce":"{nonce}"}}"#);
        assert_eq!(check(&of_parts(&header, &payload), ELSEWHERE), Err(BearerRefusal::Syntax));
        // The same without what is wrong, so that the rest proves something.
        let header = format!(r#"{{"alg":"RS256","typ":"asdk+jwt","kid":"{kid}"}}"#);
        assert_eq!(check(&of_parts(&header, &payload), ELSEWHERE), Ok(BearerKind::Asdk));
    }

    #[test]
    fn no_bearer_token_is_taken_for_an_agent_token() {
        for kind in BearerKind::ALL {
            let token = token(kind, None);
            assert_eq!(IssuedToken::parse(token.text()), None);
            for more in ["", ".e30", ".e30.AA"] {
                assert!(CountersignedToken::parse(&format!("{}{more}", token.text())).is_none());
            }
        }
        // Nor an agent token's payload under a bearer token's type, countersigned by an agent.
        let (issued, _) = agent_token();
        let payload = serde_json::to_string(&issued.claims).unwrap();
        let kid = key(0).public().thumbprint();
        let nonce = Nonce { uid: issued.uid, counter: 0 };
        for (typ, is_agents) in [("asdk+jwt", false), ("push-install+jwt", false), ("JWT", true)] {
            let header = format!(r#"{{"alg":"RS256","typ":"{typ}","kid":"{kid}","nonce":"{nonce}"}}"#);
            let text = of_parts(&header, &payload);
            assert_eq!(IssuedToken::parse(&text).is_some(), is_agents, "{typ}");
            assert_eq!(BearerToken::parse(&text), None);
        }
    }

    #[test]
    fn the_cap_comes_before_parsing() {
        let engine = engine();
        let server_keys = ServerKeys::default();
        let text = token(BearerKind::Asdk, None).text().to_owned();
        let rules = BearerRules {
            authentication: ALL_ON,
            revoked: &BTreeSet::new(),
            server_keys: &server_keys,
            leeway: Duration::ZERO,
            token_bytes_max: text.len() - 1,
        };
        let rejection = rules.check(&text, ELSEWHERE, NOW.wall(), &engine).unwrap_err();
        assert_eq!((rejection.why, rejection.token), (BearerRefusal::Syntax, None));
        assert_eq!(engine.take_work().parses, 0);
    }

    #[test]
    fn what_stands_behind_the_scheme_is_found_in_any_case() {
        for (value, carried) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bEARER  a.b.c", Some("a.b.c")),
            ("Bearer", Some("")),
            ("SMPToken a.b.c", None),
            ("Bearera.b.c", None),
            ("", None),
        ] {
            assert_eq!(BearerToken::carried_by(value), carried, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,200}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..6)) {
            prop_assert_eq!(BearerToken::parse(&text), None);
            prop_assert_eq!(BearerToken::parse(&parts.join(".")), None);
            let _ = BearerToken::carried_by(&text);
        }

        #[test]
        fn rule_52_whatever_path_it_is_only_the_installers_is_opened(path in "(/Altiris|/NSCap|/AEXNSC\\.exe|/\\.\\.|%2e|/|[a-z]){0,6}") {
            let token = BearerToken {
                text: "".into(),
                kind: BearerKind::PushInstall,
                kid: Thumbprint([0; 32]),
                claims: claims(None),
                signature: Vec::new(),
            };
            prop_assert_eq!(token.is_good_for(&path), path == INSTALLER_PATH);
        }
    }
}
