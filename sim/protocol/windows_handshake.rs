//! Windows authentication as a model: a challenge-response in three messages that authenticates one connection.
//!
//! It keeps what matters here of NTLM and Negotiate: the password never goes over the line, the server's challenge is
//! fresh, and the third message is good on the connection on which the second was sent, and there once. The bytes are
//! ours: a real implementation draws from the operating system's entropy, so that no run could be repeated.

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header::WWW_AUTHENTICATE};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Account, PasswordHash, base64url};
use crate::types::{AccountScheme, ServerChallenge};

/// Longest message, in bytes of its text: checked before it is parsed.
const TEXT_BYTES_MAX: usize = 1_024;

/// What is hashed before everything else, so that no response is good for anything else.
const CONTEXT: &[u8] = b"countersign windows handshake 1\0";

/// One of the three messages: base64url of JSON behind the name of the scheme.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case", deny_unknown_fields)]
pub enum WindowsMessage {
    /// 1, from the client: it wants to authenticate by this scheme.
    Hello {},
    /// 2, from the server: what the client is to answer.
    Challenge {
        /// Fresh, and for this connection.
        challenge: ServerChallenge,
    },
    /// 3, from the client.
    Response {
        /// Which account.
        account: String,
        /// The keyed hash, base64url.
        response: String,
    },
}

/// What an `Authorization` header of another scheme than tokens carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountCredentials {
    /// A message of a handshake, by `Negotiate` or `NTLM`.
    Windows(AccountScheme, WindowsMessage),
    /// Name and password as they are.
    Basic(Account),
}

impl WindowsMessage {
    /// The answer of an account to a challenge.
    pub fn answer(account: &Account, scheme: AccountScheme, challenge: ServerChallenge) -> Self {
        let response = keyed(&account.hash(), scheme, &account.name, challenge).finalize().into_bytes();
        Self::Response { account: account.name.clone(), response: base64url::encode(&response) }
    }

    /// Whether a response to this challenge is that of somebody who knows the account's password.
    pub fn proves(
        account: &str,
        response: &str,
        hash: &PasswordHash,
        scheme: AccountScheme,
        challenge: ServerChallenge,
    ) -> bool {
        let Some(response) = base64url::decode(response) else { return false };
        keyed(hash, scheme, account, challenge).verify_slice(&response).is_ok()
    }

    /// The value of `Authorization`, or of `WWW-Authenticate` for the second message.
    pub fn to_value(&self, scheme: AccountScheme) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{scheme} {}", base64url::encode(&json))
    }

    /// Reads a value that carries a message of this scheme. `None` for anything else, the bare name of the scheme
    /// included.
    pub fn parse(value: &str, scheme: AccountScheme) -> Option<Self> {
        let text = rest_of(value, scheme)?.filter(|text| text.len() <= TEXT_BYTES_MAX)?;
        serde_json::from_slice(&base64url::decode(text)?).ok()
    }
}

impl AccountCredentials {
    /// The scheme.
    pub const fn scheme(&self) -> AccountScheme {
        match self {
            Self::Windows(scheme, _) => *scheme,
            Self::Basic(_) => AccountScheme::Basic,
        }
    }

    /// By which of these schemes a value of `Authorization` is, whether or not it can be read.
    pub fn scheme_of(value: &str) -> Option<AccountScheme> {
        scheme_of(value)
    }

    /// Reads the value of `Authorization`. The outer `None` says that it is of none of these schemes, the inner one that it
    /// is, and cannot be read.
    pub fn parse(value: &str) -> Option<Option<Self>> {
        let scheme = scheme_of(value)?;
        Some(match scheme {
            AccountScheme::Basic => rest_of(value, scheme).flatten().and_then(Account::from_basic).map(Self::Basic),
            _ => WindowsMessage::parse(value, scheme).map(|message| Self::Windows(scheme, message)),
        })
    }
}

/// The second message of a handshake, among the fields of a server's answer.
pub fn windows_challenge(headers: &HeaderMap, scheme: AccountScheme) -> Option<ServerChallenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.filter_map(|value| WindowsMessage::parse(value, scheme)).find_map(|message| match message {
        WindowsMessage::Challenge { challenge } => Some(challenge),
        WindowsMessage::Hello {} | WindowsMessage::Response { .. } => None,
    })
}

/// Whether a value of `WWW-Authenticate` offers this scheme: its bare name, or parameters as `Basic` has them.
pub fn offers(value: &str, scheme: AccountScheme) -> bool {
    scheme_of(value) == Some(scheme)
}

fn scheme_of(value: &str) -> Option<AccountScheme> {
    AccountScheme::ALL.into_iter().find(|scheme| rest_of(value, *scheme).is_some())
}

/// What stands behind the name of a scheme: the inner `None` if nothing does.
fn rest_of(value: &str, scheme: AccountScheme) -> Option<Option<&str>> {
    let (name, rest) = value.split_once(' ').map_or((value, None), |(name, rest)| (name, Some(rest.trim())));
    name.eq_ignore_ascii_case(scheme.name()).then_some(rest)
}

fn keyed(hash: &PasswordHash, scheme: AccountScheme, account: &str, challenge: ServerChallenge) -> Hmac<Sha256> {
    // HMAC fills a short key up to a block with zeroes (RFC 2104); said like this, nothing can fail.
    let mut block = [0; 64];
    block[..hash.key().len()].copy_from_slice(hash.key());
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(CONTEXT);
    mac.update(scheme.name().as_bytes());
    mac.update(&challenge.bits().to_be_bytes());
    mac.update(account.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Password;

    const NTLM: AccountScheme = AccountScheme::Ntlm;

    fn account(password: &str) -> Account {
        Account { name: Account::ACC.into(), password: Password::new(password).unwrap() }
    }

    fn proves(message: &WindowsMessage, password: &str, scheme: AccountScheme, challenge: u128) -> bool {
        let WindowsMessage::Response { account: name, response } = message else { return false };
        let hash = account(password).hash();
        WindowsMessage::proves(name, response, &hash, scheme, ServerChallenge::from_bits(challenge))
    }

    #[test]
    fn a_response_is_good_for_its_challenge_its_scheme_and_its_password_only() {
        let message = WindowsMessage::answer(&account("secret"), NTLM, ServerChallenge::from_bits(7));
        assert!(proves(&message, "secret", NTLM, 7));
        assert!(!proves(&message, "secret", NTLM, 8), "a captured response must not answer a new challenge");
        assert!(!proves(&message, "secret", AccountScheme::Negotiate, 7));
        assert!(!proves(&message, "Secret", NTLM, 7));
        let WindowsMessage::Response { response, .. } = message else { panic!() };
        let stolen = WindowsMessage::Response { account: "another".into(), response };
        assert!(!proves(&stolen, "secret", NTLM, 7));
    }

    #[test]
    fn no_message_shows_a_password() {
        let message = WindowsMessage::answer(&account("secret"), NTLM, ServerChallenge::from_bits(7));
        let shown = format!("{message:?} {}", message.to_value(NTLM));
        assert!(!shown.contains("secret"));
    }

    #[test]
    fn messages_come_back_as_they_were_written() {
        let challenge = ServerChallenge::from_bits(7);
        for scheme in [NTLM, AccountScheme::Negotiate] {
            for message in [
                WindowsMessage::Hello {},
                WindowsMessage::Challenge { challenge },
                WindowsMessage::answer(&account("x"), scheme, challenge),
            ] {
                let value = message.to_value(scheme);
                assert!(offers(&value, scheme));
                assert_eq!(WindowsMessage::parse(&value, scheme), Some(message.clone()));
                assert_eq!(
                    AccountCredentials::parse(&value),
                    Some(Some(AccountCredentials::Windows(scheme, message.clone())))
                );
            }
        }
    }

    #[test]
    fn what_is_no_message_is_told_from_what_is_another_scheme() {
        for value in ["", "SMPToken a.b.c.d.e", "NTLMx e30", "Digest x"] {
            assert_eq!(AccountCredentials::parse(value), None, "{value:?}");
        }
        let long = format!("NTLM {}", "A".repeat(TEXT_BYTES_MAX + 4));
        let extra = format!("NTLM {}", base64url::encode(br#"{"message":"hello","x":1}"#));
        for value in ["NTLM", "ntlm  ", "Negotiate e30", "NTLM !", "Basic", "Basic QUND", &long, &extra] {
            assert_eq!(AccountCredentials::parse(value), Some(None), "{value:?}");
        }
    }
}
