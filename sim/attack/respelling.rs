//! Attack 5: a captured token in another spelling, which a registry that is keyed on text takes for another token.
//! Expected: 401.

use super::hand::Hand;
use crate::{actor::Environment, protocol::base64url, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let tokens = locked(&hand.loot).tokens();
    let Some(captured) = tokens.last() else { return };
    let Some(token) = captured.message.presented() else { return };
    let spellings = [
        ("a captured token with padding", format!("{token}==")),
        ("a captured token in base64's other alphabet", other_alphabet(token)),
        ("a captured token with spare bits set", with_spare_bits(token)),
        (
            "a captured token with padding in its nonce",
            token.rsplit_once('.').map_or_else(String::new, |(rest, signature)| format!("{rest}=.{signature}")),
        ),
        ("a captured token with an escape", token.replacen('.', "%2E", 1)),
    ];
    let mut line = hand.line().await;
    for (what, spelling) in spellings {
        if spelling != token {
            hand.present(&mut line, what, &spelling).await;
        }
    }
}

fn other_alphabet(token: &str) -> String {
    token.replace('-', "+").replace('_', "/")
}

/// The last character of a part whose length leaves bits over, with one of these set.
fn with_spare_bits(token: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let has_spare_bits = |part: &&str| part.len() % 4 >= 2;
    let Some(last) = token.split('.').next_back().filter(has_spare_bits) else { return token.to_owned() };
    debug_assert!(base64url::decode(last).is_some());
    let (rest, letter) = token.split_at(token.len() - 1);
    let value = ALPHABET.find(letter).unwrap_or_default();
    let other = &ALPHABET[(value | 1)..=(value | 1)];
    format!("{rest}{other}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spelling_is_of_the_same_bytes() {
        use base64::{
            Engine as _, alphabet,
            engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
        };
        let lax = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let lax = GeneralPurpose::new(&alphabet::URL_SAFE, lax);
        let signature = base64url::encode(&[7; 256]);
        let token = format!("a.b.c.d.{signature}");
        let respelled = with_spare_bits(&token);
        assert_ne!(respelled, token);
        assert_eq!(lax.decode(respelled.split('.').next_back().unwrap()).unwrap(), [7; 256]);
    }
}
