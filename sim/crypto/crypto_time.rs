//! How long signatures and verifications took, all together.

use std::{ops::AddAssign, sync::atomic::Ordering::Relaxed};

use super::WallTotals;
use crate::types::Costs;

/// How often something was signed and verified, and how much real time that took, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CryptoTime {
    /// Signatures made.
    pub signs: u64,
    /// How many of them made a new blinding, if AWS-LC made them.
    pub blindings: u64,
    /// What signatures took.
    pub sign_ns: u64,
    /// Signatures verified.
    pub verifies: u64,
    /// What verifications took.
    pub verify_ns: u64,
}

impl CryptoTime {
    /// What both took.
    pub fn took_ns(&self) -> u64 {
        self.sign_ns.saturating_add(self.verify_ns)
    }

    /// What both would have taken by `costs`.
    pub fn by_ns(&self, costs: &Costs) -> u64 {
        self.signs_by_ns(costs).saturating_add(self.verifies.saturating_mul(costs.verify_ns))
    }

    /// What signatures would have taken by `costs`.
    pub fn signs_by_ns(&self, costs: &Costs) -> u64 {
        let blindings_ns = self.blindings.saturating_mul(costs.blinding_ns);
        self.signs.saturating_mul(costs.sign_ns).saturating_add(blindings_ns)
    }
}

impl From<&WallTotals> for CryptoTime {
    fn from(totals: &WallTotals) -> Self {
        let WallTotals { signs, sign_ns, blindings, verifies, verify_ns } = totals;
        let [signs, sign_ns, blindings, verifies, verify_ns] =
            [signs, sign_ns, blindings, verifies, verify_ns].map(|total| total.load(Relaxed));
        Self { signs, blindings, sign_ns, verifies, verify_ns }
    }
}

impl AddAssign for CryptoTime {
    fn add_assign(&mut self, other: Self) {
        self.signs += other.signs;
        self.blindings += other.blindings;
        self.sign_ns += other.sign_ns;
        self.verifies += other.verifies;
        self.verify_ns += other.verify_ns;
    }
}
