//! Attack 6: headers and tokens that are too large or too deep. Expected: refused before they are parsed.

use super::hand::{Hand, PROTECTED_TARGET};
use crate::actor::Environment;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let mut line = hand.approach().await;
    let draft = hand.draft(line.as_ref());
    let header = draft.forgery.header().to_string();
    let deep = |open: &str, close: &str, levels| {
        let value = format!("{}0{}", open.repeat(levels), close.repeat(levels));
        draft.with_header(&header.replacen('{', &format!("{{\"a\":{value},"), 1))
    };
    let wide = draft.with_header(&header.replacen('{', &format!("{{\"a\":\"{}\",", "x".repeat(9_000)), 1));
    let tokens = [
        ("a token of more than 8 KiB", wide),
        ("a token whose header has lists 1,500 deep", deep("[", "]", 1_500)),
        ("a token whose header has objects 500 deep", deep("{\"a\":", "}", 500)),
    ];
    for (what, token) in tokens {
        hand.present(&mut line, what, &token).await;
    }
    let authority = hand.settings.origin.authority();
    let head = |rest: String| format!("GET {PROTECTED_TARGET} HTTP/1.1\r\nhost: {authority}\r\n{rest}\r\n");
    let large = head(format!("authorization: SMPToken {}\r\n", "A".repeat(32 << 10)));
    hand.attempt_raw("a header of 32 KiB", large.as_bytes()).await;
    let many = head((0..1_000).map(|number| format!("x-{number}: {number}\r\n")).collect());
    hand.attempt_raw("a thousand headers", many.as_bytes()).await;
    let long = format!("GET /Altiris/{} HTTP/1.1\r\nhost: {authority}\r\n\r\n", "a".repeat(80 << 10));
    hand.attempt_raw("a target of 80 KiB", long.as_bytes()).await;
    let body = format!("POST {PROTECTED_TARGET} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: 4294967296\r\n\r\n");
    hand.attempt_raw("a body of 4 GiB", body.as_bytes()).await;
}
