//! What a server asks of a bearer token (rules 52, 63).

use std::{collections::BTreeSet, time::Duration};

use http::StatusCode;

use super::{BearerToken, ServerKeys};
use crate::{
    crypto::Engine,
    types::{Authentication, BearerKind, BearerRefusal, Bug, Jti, WallTime},
};

/// All that the check of a bearer token depends on, beside the token and the path.
#[derive(Clone, Copy, Debug)]
pub struct BearerRules<'a> {
    /// Which kinds of authentication are on. A push-install token is one of the ways to authenticate by token.
    pub authentication: Authentication,
    /// Which tokens an administrator has revoked.
    pub revoked: &'a BTreeSet<Jti>,
    /// The server keys that the server trusts.
    pub server_keys: &'a ServerKeys,
    /// How long past its expiry a token is accepted.
    pub leeway: Duration,
    /// Greatest token, in bytes.
    pub token_bytes_max: usize,
}

/// A bearer token that was turned down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BearerRejection {
    /// The first check that failed.
    pub why: BearerRefusal,
    /// The token, if it could be read; unless its signature was verified, nothing in it need be true.
    pub token: Option<Box<BearerToken>>,
}

impl BearerRejection {
    /// What RFC 6750 section 3.1 says to a token that is not good, or not good for this: status and `WWW-Authenticate`.
    pub const fn answer(why: BearerRefusal) -> (StatusCode, &'static str) {
        match why {
            BearerRefusal::WrongPath => (StatusCode::FORBIDDEN, "Bearer error=\"insufficient_scope\""),
            _ => (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\""),
        }
    }
}

impl BearerRules<'_> {
    /// Checks what a request for `path` carries: syntax, server key, signature, kind, revocation, path, expiry. Nothing
    /// else is asked of whoever brings it: a stolen token is as good as any (rule 63).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(
        &self,
        text: &str,
        path: &str,
        now: WallTime,
        engine: &Engine,
    ) -> Result<BearerToken, BearerRejection> {
        let unread = || BearerRejection { why: BearerRefusal::Syntax, token: None };
        if text.len() > self.token_bytes_max {
            return Err(unread());
        }
        engine.count_parse();
        let token = BearerToken::parse(text).ok_or_else(unread)?;
        let result = self
            .check_key(&token)
            .and_then(|()| self.check_signature(&token, engine))
            .and_then(|()| self.check_kind(&token))
            .and_then(|()| self.check_revocation(&token))
            .and_then(|()| self.check_path(&token, path))
            .and_then(|()| self.check_expiry(&token, now));
        match result {
            Ok(()) => Ok(token),
            Err(why) => Err(BearerRejection { why, token: Some(Box::new(token)) }),
        }
    }

    /// Whether the key that it names is trusted.
    ///
    /// # Errors
    /// If it is not.
    pub fn check_key(&self, token: &BearerToken) -> Result<(), BearerRefusal> {
        self.server_keys.get(token.kid).map(|_| ()).ok_or(BearerRefusal::UnknownServerKey)
    }

    /// Whether that key signed it.
    ///
    /// # Errors
    /// If another did, or the key is not trusted.
    pub fn check_signature(&self, token: &BearerToken, engine: &Engine) -> Result<(), BearerRefusal> {
        let key = self.server_keys.get(token.kid).ok_or(BearerRefusal::UnknownServerKey)?;
        let is_good = token.is_signed_by(key, engine) || Bug::BearerSignatureUnverified.is_planted();
        is_good.then_some(()).ok_or(BearerRefusal::BadSignature)
    }

    /// Whether its kind is on.
    ///
    /// # Errors
    /// If it is off.
    pub fn check_kind(&self, token: &BearerToken) -> Result<(), BearerRefusal> {
        let is_on = match token.kind {
            BearerKind::PushInstall => self.authentication.token,
            BearerKind::Asdk => self.authentication.asdk,
        };
        is_on.then_some(()).ok_or(BearerRefusal::SwitchedOff)
    }

    /// Whether nobody has revoked it.
    ///
    /// # Errors
    /// If somebody has.
    pub fn check_revocation(&self, token: &BearerToken) -> Result<(), BearerRefusal> {
        let is_revoked = self.revoked.contains(&token.claims.jti) && !Bug::BearerRevocationIgnored.is_planted();
        if is_revoked { Err(BearerRefusal::Revoked) } else { Ok(()) }
    }

    /// Whether its kind is good for this path.
    ///
    /// # Errors
    /// If it is not.
    pub fn check_path(&self, token: &BearerToken, path: &str) -> Result<(), BearerRefusal> {
        token.is_good_for(path).then_some(()).ok_or(BearerRefusal::WrongPath)
    }

    /// Whether its time, if it has one, is not over.
    ///
    /// # Errors
    /// If it is.
    pub fn check_expiry(&self, token: &BearerToken, now: WallTime) -> Result<(), BearerRefusal> {
        match token.claims.exp {
            Some(expires) if now >= expires.wall().after(self.leeway) => Err(BearerRefusal::Expired),
            _ => Ok(()),
        }
    }
}
