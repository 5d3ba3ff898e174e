use proptest::prelude::*;

use super::*;
use crate::types::SeedStream;

/// The one that the document shows.
const SAMPLE: &str = "1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA=";
const NOW: UnixSeconds = UnixSeconds(1_767_600_000);
const MINUTE: Duration = Duration::from_secs(60);

fn rules(profile: Profile) -> LoginTokenRules {
    LoginTokenRules::new(profile, LoginTokenRules::DELIMITER).unwrap()
}

fn key() -> LoginTokenKey {
    "123456789012345678".parse().unwrap()
}

// Rule 79: the document's own token.
#[test]
fn rule_79_the_sample_of_the_document_is_read_as_a_person_would() {
    for profile in [Profile::Literal, Profile::Hardened] {
        let rules = rules(profile);
        // On 29 March 2007, at 15:38:52 UTC.
        let expected = LoginToken { user: "1".into(), expires: UnixSeconds(1_175_181_932) };
        assert_eq!(rules.parse(SAMPLE), Ok(expected));
        let parts = rules.parts(SAMPLE).unwrap();
        assert_eq!((parts.signed, parts.tag.len()), ("1|1175181932|", 20));
        // Its key is not told.
        assert_eq!(rules.verify(&key(), SAMPLE, UnixSeconds(0)), Err(LoginRefusal::BadTag));
    }
}

#[test]
fn rule_79_a_token_is_made_as_the_document_says() {
    let (text, token) = rules(Profile::Literal).issue(&key(), "42", NOW, MINUTE).unwrap();
    assert_eq!(token, LoginToken { user: "42".into(), expires: UnixSeconds(1_767_600_060) });
    // By OpenSSL: printf '42|1767600060|' | openssl dgst -sha1 -hmac 123456789012345678 -binary | base64
    assert_eq!(text, "42|1767600060|304Rexl9A/2uYXubxvpguCwWW/A=");
}

#[test]
fn rule_82_a_token_lives_until_the_second_of_its_expiry_and_not_in_it() {
    for profile in [Profile::Literal, Profile::Hardened] {
        let rules = rules(profile);
        let (text, token) = rules.issue(&key(), "42", NOW, MINUTE).unwrap();
        let at = |second| rules.verify(&key(), &text, UnixSeconds(second));
        assert_eq!(at(token.expires.0 - 1), Ok(token.clone()));
        assert_eq!(at(token.expires.0), Err(LoginRefusal::Expired));
        // A clock behind that of the issuer makes it live longer, and one ahead shorter: nothing says when it was made.
        assert_eq!(at(0), Ok(token));
    }
}

#[test]
fn rule_80_a_new_key_ends_every_token_at_once() {
    let mut rng = SeedStream::new(1).rng("key", 0);
    let (old, new) = (LoginTokenKey::draw(&mut rng), LoginTokenKey::draw(&mut rng));
    let rules = rules(Profile::Literal);
    let (text, token) = rules.issue(&old, "42", NOW, MINUTE).unwrap();
    assert_eq!(rules.verify(&old, &text, NOW), Ok(token));
    assert_eq!(rules.verify(&new, &text, NOW), Err(LoginRefusal::BadTag));
}

#[test]
fn rule_83_nothing_keeps_a_token_from_being_used_again() {
    let rules = rules(Profile::Hardened);
    let (text, _) = rules.issue(&key(), "42", NOW, MINUTE).unwrap();
    assert!((NOW.0..NOW.0 + 60).all(|second| rules.verify(&key(), &text, UnixSeconds(second)).is_ok()));
}

#[test]
fn attack_28_neither_user_nor_expiry_can_be_altered() {
    for profile in [Profile::Literal, Profile::Hardened] {
        let rules = rules(profile);
        let (text, _) = rules.issue(&key(), "42", NOW, MINUTE).unwrap();
        let tag = text.rsplit('|').next().unwrap();
        for forged in [format!("43|1767600060|{tag}"), format!("42|1767600061|{tag}"), format!("4|21767600060|{tag}")] {
            assert_eq!(rules.verify(&key(), &forged, NOW), Err(LoginRefusal::BadTag), "{forged}");
        }
        // The tag is over the delimiter, too: fields do not run into each other.
        assert_eq!(rules.verify(&key(), &format!("421|767600060|{tag}"), NOW), Err(LoginRefusal::BadTag));
    }
}

#[test]
fn attack_28_a_delimiter_in_a_user_id_makes_somebody_else_of_a_literal_user() {
    let user = "admin|9999999999";
    let rules = rules(Profile::Literal);
    let (text, issued) = rules.issue(&key(), user, NOW, MINUTE).unwrap();
    assert_eq!(issued, LoginToken { user: user.into(), expires: UnixSeconds(NOW.0 + 60) });
    let read = rules.verify(&key(), &text, UnixSeconds(NOW.0 + 1_000_000)).unwrap();
    assert_eq!(read, LoginToken { user: "admin".into(), expires: UnixSeconds(9_999_999_999) });

    let rules = super::tests::rules(Profile::Hardened);
    assert_eq!(rules.issue(&key(), user, NOW, MINUTE), Err(NoLoginToken::Delimiter));
    // Nor does it believe one that a literal server has made under the same key.
    assert_eq!(rules.verify(&key(), &text, NOW), Err(LoginRefusal::Syntax));
}

#[test]
fn a_token_has_one_spelling() {
    let tag = "b7QDEolhC7kNUDjlAlZJ7xnKqSA=";
    let not_tokens = [
        String::new(),
        "|".into(),
        "||".into(),
        "|1175181932|".to_owned() + tag,
        "1||".to_owned() + tag,
        "1|1175181932".into(),
        "1|1175181932|".into(),
        "1|01175181932|".to_owned() + tag,
        "1|+1175181932|".to_owned() + tag,
        "1|18446744073709551616|".to_owned() + tag,
        "1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA".into(),
        "1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSB=".into(),
        "1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqQ==".into(),
        "1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSCq".into(),
        "1 |1175181932|".to_owned() + tag,
        "é|1175181932|".to_owned() + tag,
        "1|1175181932|".to_owned() + tag + "\n",
        "u".repeat(65) + "|1175181932|" + tag,
        "1|1175181932|".to_owned() + tag + &"|".repeat(1_000_000),
    ];
    for profile in [Profile::Literal, Profile::Hardened] {
        for text in &not_tokens {
            let refused = rules(profile).verify(&key(), text, UnixSeconds(0));
            assert_eq!(refused, Err(LoginRefusal::Syntax), "{:?}", text.get(..40).unwrap_or(text));
            assert!(rules(profile).parse(text).is_err());
        }
    }
}

#[test]
fn what_is_no_token_says_which_field_is_wrong() {
    use LoginSyntaxError::{Bytes, Expiry, Fields, Tag, User};
    let tag = "b7QDEolhC7kNUDjlAlZJ7xnKqSA=";
    let fields = |found| Fields { found, delimiter: '|' };
    for (text, hardened, literal) in [
        ("x".repeat(115), Some(Bytes { found: 115 }), Some(Bytes { found: 115 })),
        ("hello".into(), Some(fields(1)), Some(fields(1))),
        ("1|2".into(), Some(fields(2)), Some(fields(2))),
        (format!("a|1175181932|1175181932|{tag}"), Some(fields(4)), None),
        (format!("|1175181932|{tag}"), Some(User), Some(User)),
        (format!("bob smith|1175181932|{tag}"), Some(User), Some(User)),
        (format!("1|01175181932|{tag}"), Some(Expiry), Some(Expiry)),
        (format!("1|+5|{tag}"), Some(Expiry), Some(Expiry)),
        (format!("1||{tag}"), Some(Expiry), Some(Expiry)),
        ("1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA".into(), Some(Tag), Some(Tag)),
        ("1|1175181932|b7QD".into(), Some(Tag), Some(Tag)),
    ] {
        assert_eq!(rules(Profile::Hardened).parse(&text).err(), hardened, "{text}");
        assert_eq!(rules(Profile::Literal).parse(&text).err(), literal, "{text}");
    }
}

#[test]
fn user_ids_fit_into_a_cookie() {
    let rules = rules(Profile::Literal);
    for user in ["", "a b", "a;b", "a,b", "a\"b", "a\\b", "a\nb", "é", &"u".repeat(65)] {
        assert_eq!(rules.issue(&key(), user, NOW, MINUTE), Err(NoLoginToken::UserId), "{user:?}");
    }
    let (text, _) = rules.issue(&key(), &"u".repeat(64), UnixSeconds(u64::MAX), MINUTE).unwrap();
    assert_eq!(text.len(), LoginTokenRules::TOKEN_BYTES_MAX);
}

#[test]
fn a_delimiter_is_in_no_other_field() {
    for delimiter in ['|', '.', ':', '!', '~', '&'] {
        let rules = LoginTokenRules::new(Profile::Hardened, delimiter).unwrap();
        let (text, token) = rules.issue(&key(), "42", NOW, MINUTE).unwrap();
        assert_eq!(rules.verify(&key(), &text, NOW), Ok(token), "{text}");
    }
    for delimiter in ['a', '0', '+', '/', '=', ' ', ';', ',', '"', '\\', '\n', '\0', '¦'] {
        assert!(LoginTokenRules::new(Profile::Literal, delimiter).is_err(), "{delimiter:?}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in "\\PC{0,160}", profile in profiles()) {
        let _ = rules(profile).parse(&text);
        let _ = rules(profile).verify(&key(), &text, NOW);
    }

    #[test]
    fn no_text_that_is_nearly_a_token_breaks_it_either(text in "[a1|=+/A.]{0,8}\\|[0-9|]{0,22}\\|[A-Za-z0-9+/=|é]{0,30}", profile in profiles()) {
        prop_assert!(rules(profile).verify(&key(), &text, NOW).is_err());
    }

    #[test]
    fn what_is_read_is_what_was_issued(user in "[!#-+\\--:<-\\[\\]-{}~]{1,64}", now in 0..=u64::MAX / 2, lifetime in 1_u64..=1 << 40, profile in profiles()) {
        let (now, lifetime) = (UnixSeconds(now), Duration::from_secs(lifetime));
        let (text, issued) = rules(profile).issue(&key(), &user, now, lifetime).unwrap();
        prop_assert_eq!(rules(profile).parse(&text), Ok(issued.clone()));
        prop_assert_eq!(rules(profile).verify(&key(), &text, now), Ok(issued));
    }

    #[test]
    fn one_altered_byte_is_noticed(place in 0_usize..41, byte in 0x21_u8..0x7f, profile in profiles()) {
        let (text, _) = rules(profile).issue(&key(), "42", NOW, MINUTE).unwrap();
        let mut altered = text.clone().into_bytes();
        let place = place % altered.len();
        altered[place] = byte;
        let altered = String::from_utf8(altered).unwrap();
        prop_assert!(altered == text || rules(profile).verify(&key(), &altered, NOW).is_err());
    }
}

fn profiles() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::Literal), Just(Profile::Hardened)]
}
