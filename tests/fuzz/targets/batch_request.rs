//! GetClientTokens requests: what is read keeps its ceilings, and is read again as the same.

#![no_main]

use countersign::protocol::ClientTokensRequest;
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 16 << 10;
const BATCH_MAX: u32 = 128;

fuzz_target!(|body: &[u8]| {
    let Ok(request) = ClientTokensRequest::decode(body, BYTES_MAX, BATCH_MAX) else { return };
    assert!(body.len() <= BYTES_MAX);
    assert!((1..=BATCH_MAX as usize).contains(&request.agents.len()));
    let again = ClientTokensRequest::decode(&request.encode(), usize::MAX, BATCH_MAX);
    assert_eq!(again.expect("what was encoded is read"), request);
});
