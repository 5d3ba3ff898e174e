//! How an SMP hands out push-install and ASDK tokens, and takes them back.
//!
//! A token is good by its signature, whoever remembers it. What was issued is kept all the same, without the tokens
//! themselves: an administrator who is to revoke one has to find it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ActError, SmpRecords};
use crate::{
    crypto::Engine,
    event::{BearerEvent, EventKind},
    protocol::BearerToken,
    types::{BearerKind, Jti, TimeSpan, Undigested, UnixSeconds},
};

/// A token that was issued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedBearer {
    /// What it is for.
    pub kind: BearerKind,
    /// When it was issued.
    pub issued: UnixSeconds,
    /// When it ends, if it does.
    pub expires: Option<UnixSeconds>,
}

/// What was issued, by name.
pub type IssuedBearers = BTreeMap<Jti, IssuedBearer>;

/// What an administrator asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BearerOrder {
    /// What the token is to be for.
    pub kind: BearerKind,
    /// How long it is to live; none for one that has no end.
    pub lifetime: Option<Duration>,
}

impl BearerOrder {
    /// Reads a query.
    ///
    /// # Errors
    /// If it says something else, or what no token can be.
    pub fn parse(query: &str) -> Result<Self, String> {
        let (mut kind, mut lifetime) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let is_new = match name.as_ref() {
                "kind" => kind.replace(kind_of(&value)?).is_none(),
                "lifetime" => lifetime.replace(lifetime_of(&value)?).is_none(),
                _ => return Err(format!("found `{name}` in the query, expected `kind`, and `lifetime` for `asdk`")),
            };
            if !is_new {
                return Err(format!("found `{name}` twice in the query"));
            }
        }
        match (kind, lifetime) {
            (None, _) => Err("expected `?kind=push_install` or `?kind=asdk`".to_owned()),
            (Some(BearerKind::PushInstall), Some(_)) => {
                Err("found a `lifetime`, and push-install tokens never end: revoke it once it is no longer needed"
                    .into())
            }
            (Some(kind), lifetime) => Ok(Self { kind, lifetime }),
        }
    }
}

fn kind_of(name: &str) -> Result<BearerKind, String> {
    let found = BearerKind::ALL.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| format!("found the kind `{name}`, expected `push_install` or `asdk`"))
}

fn lifetime_of(text: &str) -> Result<Duration, String> {
    let span = text.parse::<TimeSpan>().map_err(|error| format!("lifetime: {error}"))?;
    let lifetime = Duration::from_nanos(span.nanos());
    let is_enough = lifetime >= Duration::from_secs(1);
    is_enough.then_some(lifetime).ok_or_else(|| format!("found the lifetime {span}, expected a second or more"))
}

impl SmpRecords {
    /// Issues a token with the key of the day.
    ///
    /// # Errors
    /// If the key cannot sign, or what was issued cannot be kept; the token is told to nobody then.
    pub async fn issue_bearer(&self, order: BearerOrder, jti: Jti, engine: &Engine) -> Result<BearerToken, ActError> {
        let mut decisions = self.begin().await;
        let issued = self.wall();
        let token = self.database.open().issue_bearer(order.kind, jti, issued, order.lifetime, engine)?;
        let (kind, expires) = (token.kind, token.claims.exp);
        decisions.issued_bearers.insert(jti, IssuedBearer { kind, issued, expires });
        self.keep(decisions).await?;
        let fingerprint = Undigested(token.fingerprint());
        self.tell(EventKind::Bearer(BearerEvent::Issued { kind, jti, expires, token: fingerprint }));
        Ok(token)
    }

    /// Revokes a token for good, whoever issued it. Says whether this SMP did.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn revoke_bearer(&self, jti: Jti) -> Result<bool, ActError> {
        let decisions = self.begin().await;
        let is_ours = decisions.issued_bearers.contains_key(&jti);
        self.database.open().revoke_bearer(jti);
        self.tell(EventKind::Bearer(BearerEvent::Revoked { jti }));
        self.keep(decisions).await?;
        Ok(is_ours)
    }

    /// What was issued, by whatever process.
    pub async fn issued_bearers(&self) -> IssuedBearers {
        self.begin().await.issued_bearers.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_one_kind_and_only_asdk_tokens_end() {
        let order = |kind, seconds: Option<u64>| Ok(BearerOrder { kind, lifetime: seconds.map(Duration::from_secs) });
        assert_eq!(BearerOrder::parse("kind=push_install"), order(BearerKind::PushInstall, None));
        assert_eq!(BearerOrder::parse("kind=asdk"), order(BearerKind::Asdk, None));
        assert_eq!(BearerOrder::parse("lifetime=1h&kind=asdk"), order(BearerKind::Asdk, Some(3_600)));
        for (query, why) in [
            ("", "expected `?kind=push_install` or"),
            ("kind=agent", "found the kind `agent`"),
            ("kind=asdk&kind=asdk", "found `kind` twice"),
            ("kind=asdk&lifetime=soon", "lifetime: "),
            ("kind=asdk&lifetime=1ms", "expected a second or more"),
            ("kind=push_install&lifetime=1h", "never end"),
            ("kind=asdk&exp=1", "found `exp` in the query"),
        ] {
            let error = BearerOrder::parse(query).unwrap_err();
            assert!(error.contains(why), "{query}: {error}");
        }
    }
}
