//! What credentials of an account say: Windows messages and `Basic`. No password is ever shown.

use super::{
    checked::Known,
    explanation::{Explanation, Part, says},
};
use crate::protocol::{AccountCredentials, WindowsMessage};

/// All that may be told.
pub fn explain(credentials: &AccountCredentials, known: &Known) -> Explanation {
    let (kind, title, said) = match credentials {
        AccountCredentials::Windows(scheme, message) => {
            let title = format!("A message of a Windows handshake, by {scheme}: good on its connection alone");
            let said = match message {
                WindowsMessage::Hello {} => vec![says("message", &1, Some("the client wants to authenticate so"))],
                WindowsMessage::Challenge { challenge } => vec![
                    says("message", &2, Some("the server asks for a proof")),
                    says("challenge", challenge, Some("what the client is to answer, once")),
                ],
                WindowsMessage::Response { account, response } => vec![
                    says("message", &3, Some("the client's proof")),
                    says("account", account, Some("who it says it is")),
                    says("response", response, Some("keyed by the password, which does not go over the line")),
                ],
            };
            ("windows", title, said)
        }
        AccountCredentials::Basic(account) => {
            let title = "Name and password of an account, by Basic (RFC 7617): whoever reads it has them".to_owned();
            let said = vec![
                says("account", &account.name, None),
                says("password", &"not shown", Some("it stands there as it is")),
            ];
            ("basic", title, said)
        }
    };
    Explanation::new(kind, title, vec![Part { part: "credentials", says: said }], Vec::new(), known)
}
