//! Who hears from the network on a machine that everybody shares.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use crate::types::{SeedStream, VirtualTime, draw_between};

/// Of the cores of a machine one hears from the network for all of them, and which one, is chance: while something else has it, nobody
/// hears.
///
/// So it is with the threads of a runtime, each of which has a queue of its own. What one of them heard of and has not done yet, such as to
/// accept connections, waits with it if something else takes its core: the others take it over only once they have nothing else to do, and
/// those that sleep are woken by nobody.
#[derive(Debug)]
pub(super) struct Ears {
    rng: ChaCha20Rng,
    cores: u64,
    /// What is over is forgotten.
    taken: Vec<Taken>,
}

/// Something else has a core.
#[derive(Debug)]
struct Taken {
    from: VirtualTime,
    until: VirtualTime,
    core: u64,
    /// The core that hears meanwhile, or would.
    hears: u64,
}

impl Ears {
    /// Those of so many cores, at least one.
    pub fn new(cores: u32, seed: SeedStream) -> Self {
        Self { rng: seed.rng("ears", 0), cores: cores.into(), taken: Vec::new() }
    }

    /// Something else has a core from then on, for so long. Where it has several at once, one of them hears, or none.
    pub fn lose(&mut self, core: u64, from: VirtualTime, length: Duration) {
        let until = from.after(length);
        let at_once = self.taken.iter().rev().find(|other| other.from < until && from < other.until);
        let hears = match at_once {
            Some(other) => other.hears,
            None => draw_between(&mut self.rng, 0, self.cores - 1),
        };
        self.taken.push(Taken { from, until, core, hears });
    }

    /// Until when nobody hears, if nobody does at an instant. What arrives at the very beginning is still heard.
    pub fn deaf_until(&self, at: VirtualTime) -> Option<VirtualTime> {
        let deaf = self.taken.iter().filter(|it| it.core == it.hears && it.from < at && at < it.until);
        deaf.map(|it| it.until).max()
    }

    /// Forgets what is over at an instant: nobody asks for what was before.
    pub fn forget(&mut self, at: VirtualTime) {
        self.taken.retain(|it| it.until > at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often nobody hears of 1,000 times that something else has cores, each for 100 ns.
    fn deaf(cores: u32, taken: &[u64]) -> usize {
        let mut ears = Ears::new(cores, SeedStream::new(1));
        for at in 1..=1_000 {
            for core in taken {
                ears.lose(*core, VirtualTime(at * 1_000 + core), Duration::from_nanos(100));
            }
        }
        (1..=1_000).filter(|at| ears.deaf_until(VirtualTime(at * 1_000 + 50)).is_some()).count()
    }

    #[test]
    fn nobody_hears_as_often_as_the_core_that_is_taken_is_the_one_that_does() {
        assert_eq!([deaf(1, &[0]), deaf(1, &[])], [1_000, 0]);
        assert!((450..550).contains(&deaf(2, &[0])) && (450..550).contains(&deaf(2, &[1])));
        assert!((200..300).contains(&deaf(4, &[2])));
        // One of all cores always does, however many are taken.
        assert_eq!([deaf(2, &[0, 1]), deaf(4, &[0, 1, 2, 3])], [1_000; 2]);
        assert!((700..800).contains(&deaf(4, &[0, 1, 3])));
    }

    #[test]
    fn nobody_hears_until_the_last_of_what_has_the_core_is_over_and_that_is_forgotten() {
        let mut ears = Ears::new(1, SeedStream::new(1));
        ears.lose(0, VirtualTime(10), Duration::from_nanos(5));
        ears.lose(0, VirtualTime(12), Duration::from_nanos(20));
        let deaf =
            |ears: &Ears| [10, 11, 13, 31, 32].map(|at| ears.deaf_until(VirtualTime(at)).map(VirtualTime::nanos));
        assert_eq!(deaf(&ears), [None, Some(15), Some(32), Some(32), None]);
        ears.forget(VirtualTime(31));
        assert_eq!(ears.taken.len(), 1);
        ears.forget(VirtualTime(32));
        assert!(ears.taken.is_empty());
    }
}
