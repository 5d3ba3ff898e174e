//! Work that occupies a CPU core, and what it costs in virtual time.

use std::{ops::AddAssign, time::Duration};

use serde::{Deserialize, Serialize};

/// How often each costly operation was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Work {
    /// HTTP requests taken on.
    pub requests: u32,
    /// RSA private-key signatures.
    pub signs: u32,
    /// RSA signature verifications.
    pub verifies: u32,
    /// Tokens parsed.
    pub parses: u32,
    /// Message bodies encrypted to an RSA key.
    pub seals: u32,
    /// Message bodies decrypted with an RSA key.
    pub opens: u32,
}

impl Work {
    /// Whether nothing was done.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.signs += other.signs;
        self.verifies += other.verifies;
        self.parses += other.parses;
        self.seals += other.seals;
        self.opens += other.opens;
    }
}

/// What each operation costs on one core, in nanoseconds. Costs are part of the plan: a run never measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// One RSA signature.
    pub sign_ns: u64,
    /// One RSA verification.
    pub verify_ns: u64,
    /// Parsing one token.
    pub parse_ns: u64,
    /// Encrypting one body.
    pub seal_ns: u64,
    /// Decrypting one body.
    pub open_ns: u64,
    /// What a private-key operation takes more when it makes a new blinding.
    #[serde(default)]
    pub blinding_ns: u64,
    /// Everything else about one HTTP request, up to its answer.
    pub request_ns: u64,
    /// What is left to do for one HTTP request once its answer is out: nobody waits for it, but it occupies the core.
    #[serde(default)]
    pub closing_ns: u64,
    /// What a core that is idle takes to begin, and to go to rest again, however short it rested.
    #[serde(default)]
    pub wake_min_ns: u64,
    /// The same once it has rested for `rest_ns`.
    #[serde(default)]
    pub wake_ns: u64,
    /// How long it rests until it is as slow to begin as it gets; in proportion faster after less.
    #[serde(default)]
    pub rest_ns: u64,
}

impl Costs {
    /// What `work` costs on one core until its result is there, blindings aside.
    pub fn of(&self, work: &Work) -> Duration {
        let nanos = u64::from(work.requests) * self.request_ns
            + u64::from(work.signs) * self.sign_ns
            + u64::from(work.verifies) * self.verify_ns
            + u64::from(work.parses) * self.parse_ns
            + u64::from(work.seals) * self.seal_ns
            + u64::from(work.opens) * self.open_ns;
        Duration::from_nanos(nanos)
    }

    /// What so many private-key operations that make a new blinding cost more.
    pub fn of_blindings(&self, blindings: u32) -> Duration {
        Duration::from_nanos(u64::from(blindings) * self.blinding_ns)
    }

    /// What a core takes to begin that has rested for so long, and took to go to rest before.
    pub fn wake_after(&self, rested: Duration) -> Duration {
        let rested_ns = rested.as_nanos().min(self.rest_ns.into());
        let more_ns = self.wake_ns.saturating_sub(self.wake_min_ns);
        let more_ns = (u128::from(more_ns) * rested_ns)
            .checked_div(self.rest_ns.into())
            .map_or(more_ns, |more_ns| u64::try_from(more_ns).unwrap_or(u64::MAX));
        Duration::from_nanos(self.wake_min_ns.saturating_add(more_ns))
    }

    /// What `work` still costs on the core once its result is there.
    pub fn closing_of(&self, work: &Work) -> Duration {
        Duration::from_nanos(u64::from(work.requests) * self.closing_ns)
    }
}
