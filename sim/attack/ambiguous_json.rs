//! Attack 3: tokens whose JSON says two things, or hides one thing in another. Expected: 401 before any key is used.

use super::{
    forge::{five_parts, part_four, three_parts},
    hand::Hand,
};
use crate::actor::Environment;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let mut line = hand.approach().await;
    let draft = hand.draft(line.as_ref());
    let (header, payload) = (draft.forgery.header().to_string(), draft.forgery.payload().to_string());
    let own = |signed: &[u8]| draft.own_signature(signed);
    let twice = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
    let inner = three_parts(&header, &payload, own);
    let four = part_four(draft.forgery.uid, 1, draft.binding.as_ref());
    let with_four = |four: &str| five_parts(&three_parts(&header, &payload, own), four, &draft.key, &draft.engine);
    let tokens = [
        ("a token whose header has two alg", draft.with_header(&twice(&header, r#""alg":"none""#))),
        ("a token whose header has two kid", draft.with_header(&twice(&header, r#""kid":"AA""#))),
        (
            "a token whose payload has two sub",
            draft.token(&header, &twice(&payload, r#""sub":"10000000-0000-8000-8000-000000000000""#), own),
        ),
        ("a token whose payload has two exp", draft.token(&header, &twice(&payload, r#""exp":1"#), own)),
        ("a token whose part four has two nonce", with_four(&twice(&four, r#""nonce":"AAAAAAAAAAAAAAAAAAAAAA.1""#))),
        ("a token in a token", draft.token(&twice(&header, r#""cty":"JWT""#), &inner, own)),
        ("a token with a crit that nobody knows", draft.with_header(&twice(&header, r#""crit":["exp"]"#))),
        ("a token whose header is a list", draft.with_header(&format!("[{header}]"))),
        ("a token whose header is followed by more", draft.with_header(&format!("{header}{{}}"))),
        ("a token whose payload is null", draft.token(&header, "null", own)),
    ];
    for (what, token) in tokens {
        hand.present(&mut line, what, &token).await;
    }
}
