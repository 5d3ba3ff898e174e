//! What this machine's cryptography costs, alone: the floor below which no run can be.

use std::{hint::black_box, sync::Arc};

use cpu_time::ThreadTime;

use crate::{
    crypto::{Engine, KeyError, KeyPool, PrivateKey, USES_OF_A_BLINDING, WallTotals, backend},
    report::Calibration,
    types::{CryptoTier, SeedStream},
};

const SIGNS: u32 = 200;
const VERIFIES: u32 = 2_000;
const BLINDINGS: u64 = 16;

/// Times signatures and verifications of a tier, one after the other on one core, over as many bytes as an agent signs.
pub(super) fn calibrate(tier: CryptoTier, seed: u64) -> Result<Calibration, Box<dyn std::error::Error>> {
    let engine = Engine::new(backend(tier)?, Arc::new(WallTotals::default()), None);
    let key = KeyPool::new(SeedStream::new(seed)).private_key(0)?;
    let message = [b'x'; 1_000];
    let signature = engine.sign(&key, &message)?;
    if !engine.verify(key.public(), &message, &signature) {
        return Err("the backend does not verify its own signature".into());
    }
    let sign_ns = time(SIGNS, || engine.sign(&key, black_box(&message)).map(drop))?;
    let verify_ns = time(VERIFIES, || {
        black_box(engine.verify(key.public(), black_box(&message), &signature));
        Ok(())
    })?;
    Ok(Calibration { sign_ns, verify_ns })
}

/// What a signature costs that makes no new blinding, and what one takes more that does, in nanoseconds of CPU time. Of a key
/// that has signed nothing yet.
pub(super) fn signing(engine: &Engine, key: &PrivateKey) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    engine.prepare(key)?;
    let message = [b'x'; 1_000];
    let (mut with_ns, mut without_ns) = (0, 0);
    for _ in 0..BLINDINGS {
        with_ns += time(1, || engine.sign(key, black_box(&message)).map(drop))?;
        without_ns += time(USES_OF_A_BLINDING - 1, || engine.sign(key, black_box(&message)).map(drop))?;
    }
    let (with_ns, without_ns) = (with_ns / BLINDINGS, without_ns / BLINDINGS);
    // Others blind anew each time, or not at all: what differs there is chance.
    let blinding_ns = if engine.backend() == CryptoTier::AwsLc.name() { with_ns.saturating_sub(without_ns) } else { 0 };
    Ok((without_ns, blinding_ns))
}

/// How long one of so many operations takes, in nanoseconds of this thread's CPU time.
pub(super) fn time(
    times: u32,
    mut operation: impl FnMut() -> Result<(), KeyError>,
) -> Result<u64, Box<dyn std::error::Error>> {
    let start = ThreadTime::try_now()?;
    for _ in 0..times {
        operation()?;
    }
    Ok(u64::try_from(start.try_elapsed()?.as_nanos()).unwrap_or(u64::MAX) / u64::from(times))
}
