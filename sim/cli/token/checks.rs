//! The checks that a server makes of an agent's token, one by one and all of them: a server stops at the first that fails.
//!
//! Each is asked of the protocol. What the asker does not know is not made up: the check is listed as not made.

use std::{sync::Arc, time::Duration};

use super::{
    checked::{Checked, Known, SERVER_SIGNATURE},
    moment::away,
};
use crate::{
    crypto::{Engine, KeyError, backend},
    protocol::{Binding, CountersignedToken, IssuedToken, RequestFacts, ValidationRules},
    types::{CryptoTier, Epoch, Parameters, Profile, Refusal},
};

/// The checks that a server makes of an issued token before its agent has signed it.
pub fn of_issued(issued: &IssuedToken, known: &Known) -> Result<Vec<Checked>, KeyError> {
    let examiner = Examiner::new(known, issued, None, known.profile.unwrap_or(Profile::Hardened))?;
    let mut checks = vec![Checked::held("syntax", "three parts, an ordinary RS256 JWT")];
    checks.extend(examiner.server_part());
    checks.push(Checked::not_made("agent signature", "not there yet: the agent adds it when it uses the token"));
    checks.push(examiner.expiry());
    checks.push(examiner.audience());
    Ok(checks)
}

/// The checks that a server makes of a presented token, in their order.
pub fn of_countersigned(token: &CountersignedToken, known: &Known) -> Result<Vec<Checked>, KeyError> {
    let form = if token.binding.is_some() { Profile::Hardened } else { Profile::Literal };
    let binding = token.binding.as_ref();
    let examiner = Examiner::new(known, &token.issued, binding, known.profile.unwrap_or(form))?;
    let other_form = match form {
        Profile::Hardened => "bound to a request: no literal server reads it",
        Profile::Literal => "bound to no request, as hardened servers want it",
    };
    let five_parts =
        if binding.is_some() { "five parts, bound to a request" } else { "five parts, bound to no request" };
    let mut checks = vec![Checked::made("syntax", examiner.rules.check_form(token), five_parts, other_form)];
    checks.extend(examiner.server_part());
    checks.extend(examiner.agent_part(token));
    checks.push(examiner.expiry());
    checks.extend(binding.map(|binding| examiner.epoch(binding)));
    let (same, other) = ("signed for the uid that it was issued for", "signed for another uid than it was issued for");
    checks.push(Checked::made("uid", token.check_uid(), same, other));
    checks.push(examiner.audience());
    checks.extend(binding.into_iter().flat_map(|binding| examiner.request(binding)));
    let counter = format!("only the registry knows if {} was used", token.nonce.counter);
    checks.push(Checked::not_made("counter", &counter));
    Ok(checks)
}

/// What all checks of one token need.
struct Examiner<'a> {
    known: &'a Known,
    issued: &'a IssuedToken,
    binding: Option<&'a Binding>,
    rules: ValidationRules,
    engine: Engine,
}

impl<'a> Examiner<'a> {
    /// What is not known is taken from the token, so that it fails no check; whoever asks says so instead.
    fn new(
        known: &'a Known,
        issued: &'a IssuedToken,
        binding: Option<&'a Binding>,
        profile: Profile,
    ) -> Result<Self, KeyError> {
        let parameters = Parameters::defaults(profile);
        let rules = ValidationRules {
            profile,
            origin: known.origin.clone().unwrap_or_else(|| issued.claims.aud.clone()),
            epoch: known.epoch.or(binding.map(|binding| binding.epoch)).unwrap_or(Epoch::from_bits(0)),
            leeway: parameters.leeway(),
            token_bytes_max: usize::MAX,
        };
        // In every build; a handful of verifications needs no speed.
        let engine = Engine::new(backend(CryptoTier::Rsa)?, Arc::default(), None);
        Ok(Self { known, issued, binding, rules, engine })
    }

    fn server_part(&self) -> [Checked; 2] {
        let Some(keys) = &self.known.server_keys else {
            return ["server key", SERVER_SIGNATURE].map(|check| Checked::not_made(check, "needs --jwks"));
        };
        let Some(key) = keys.get(self.issued.kid) else {
            let unknown = "not among the keys of --jwks";
            return [
                Checked::made("server key", Err(Refusal::UnknownServerKey), "", unknown),
                Checked::not_made(SERVER_SIGNATURE, "needs the key that signed"),
            ];
        };
        let is_signed = self.issued.is_signed_by(key, &self.engine);
        let signed = is_signed.then_some(()).ok_or(Refusal::BadServerSignature);
        let altered = "not of that key: altered or made up";
        [
            Checked::held("server key", "--jwks has it"),
            Checked::made(SERVER_SIGNATURE, signed, "of the server key", altered),
        ]
    }

    fn agent_part(&self, token: &CountersignedToken) -> [Checked; 2] {
        let at_the_server = "only the server knows if it lets the agent in";
        let held = Checked::not_made("agent key", at_the_server);
        let Some(key) = &self.known.agent_key else {
            return [held, Checked::not_made("agent signature", "needs --agent-key")];
        };
        let is_signed = token.is_signed_by(key, &self.engine);
        let signed = is_signed.then_some(()).ok_or(Refusal::BadAgentSignature);
        let fails = if key.thumbprint() == self.issued.claims.cnf.jkt {
            "not of that key: altered or made up"
        } else {
            "--agent-key is not the key that the token names"
        };
        [held, Checked::made("agent signature", signed, "of --agent-key", fails)]
    }

    fn expiry(&self) -> Checked {
        let now = self.known.at.wall();
        let end = self.issued.claims.exp.after(self.rules.leeway);
        let leeway = match self.rules.leeway {
            Duration::ZERO => "without a leeway".to_owned(),
            leeway => format!("with a leeway of {} s", leeway.as_secs()),
        };
        let (holds, fails) =
            (format!("ends {}, {leeway}", away(end, now)), format!("ended {}, {leeway}", away(end, now)));
        Checked::made("expiry", self.rules.check_expiry(self.issued, now), &holds, &fails)
    }

    fn epoch(&self, binding: &Binding) -> Checked {
        match self.known.epoch {
            None => Checked::not_made("epoch", "needs --epoch"),
            Some(_) => Checked::made(
                "epoch",
                self.rules.check_epoch(binding),
                "bound to this start of the server",
                "bound to another start of the server",
            ),
        }
    }

    fn audience(&self) -> Checked {
        let Some(origin) = &self.known.origin else {
            return Checked::not_made("audience", "needs --origin");
        };
        if !self.rules.profile.checks_audience() && self.binding.is_none() {
            return Checked::not_made(
                "audience",
                match self.known.profile {
                    Some(_) => "a literal server does not compare it",
                    None => {
                        "its form is that of a literal server, which does not compare it; if the server is a hardened \
                         one, say --profile hardened"
                    }
                },
            );
        }
        let fails = format!("for another server than {origin}");
        Checked::made("audience", self.rules.check_audience(self.issued, self.binding), "for this server", &fails)
    }

    fn request(&self, binding: &Binding) -> [Checked; 3] {
        let bound = RequestFacts {
            method: &binding.htm,
            target: &binding.htu,
            content_digest: &binding.content_digest,
            channel_binding: binding.cb.as_deref(),
        };
        let method = match &self.known.method {
            None => Checked::not_made("method", "needs --method"),
            Some(method) => {
                let result = binding.check_request(&RequestFacts { method, ..bound });
                Checked::made("method", result, "that of the request", "bound to another method")
            }
        };
        let target = match &self.known.target {
            None => Checked::not_made("target", "needs --target"),
            Some(target) => {
                let result = binding.check_request(&RequestFacts { target, ..bound });
                Checked::made("target", result, "that of the request", "bound to another target")
            }
        };
        let unseen = if binding.cb.is_some() { "body, channel" } else { "body" };
        [method, target, Checked::not_made(unseen, "only the server sees it")]
    }
}
