//! Which counters of one token were used: the anti-replay window (rules 18 and 47, holes 3 and 5, attack 13).

use crate::types::{Bug, Refusal};

/// The widest window, in counters (SPEC section 8).
const WIDTH_MAX: u32 = 1_024;
const WORD_BITS: u32 = u64::BITS;
const WIDE_WORDS: usize = (WIDTH_MAX / WORD_BITS) as usize;

/// The highest counter used and a bitmap of the counters just below it (hole 3, semantics of RFC 6479).
///
/// A counter above the highest is accepted and moves the window; one among the `width` topmost is accepted
/// if it was not used; one further below is refused, since nothing is known of it any more. A width of 1
/// accepts rising counters only. Counter 0 is the one that a token is issued with, so it is never a use,
/// and a window without uses stands at 0. Counters end at `u64::MAX` and never wrap (hole 5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    highest: u64,
    used: Bitmap,
}

/// Bit `n` (from the least significant bit of the first word) stands for the counter `highest - n`; bits at
/// and beyond the width are zero. The default width needs no allocation, and the width fills what would be
/// padding: a million windows must stay small.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Bitmap {
    Narrow { width: u16, word: u64 },
    Wide { width: u16, words: Box<[u64; WIDE_WORDS]> },
}

impl Window {
    /// An empty window, `width` counters wide; the width is taken as the nearest of 1 to 1024.
    pub fn new(width: u32) -> Self {
        let clamped = width.clamp(1, WIDTH_MAX);
        let width = clamped as u16;
        let used = if clamped <= WORD_BITS {
            Bitmap::Narrow { width, word: 0 }
        } else {
            Bitmap::Wide { width, words: Box::new([0; WIDE_WORDS]) }
        };
        Self { highest: 0, used }
    }

    /// The highest counter used, 0 before the first use.
    pub const fn highest(&self) -> u64 {
        self.highest
    }

    /// How many counters the window covers.
    pub const fn width(&self) -> u32 {
        match self.used {
            Bitmap::Narrow { width, .. } | Bitmap::Wide { width, .. } => width as u32,
        }
    }

    /// The 64 topmost counters of the window: bit `n` is set if the counter `highest - n` was used.
    pub fn lowest_64_bits(&self) -> u64 {
        match &self.used {
            Bitmap::Narrow { word, .. } => *word,
            Bitmap::Wide { words, .. } => words[0],
        }
    }

    /// How many counters within the window were used.
    pub fn used(&self) -> u32 {
        self.used.words().iter().map(|word| word.count_ones()).sum()
    }

    /// Memory that the window takes beside itself, in bytes.
    pub fn heap_bytes(&self) -> usize {
        match &self.used {
            Bitmap::Narrow { .. } => 0,
            Bitmap::Wide { words, .. } => size_of_val(&**words),
        }
    }

    /// Whether `counter` could be recorded now.
    ///
    /// # Errors
    /// [`Refusal::CounterBelowWindow`] (also for counter 0, which lies below every window),
    /// [`Refusal::CounterUsed`], or [`Refusal::CounterBeyondJumpCap`] if `counter` is more than `jump_max`
    /// above the highest.
    pub fn check(&self, counter: u64, jump_max: u64) -> Result<(), Refusal> {
        if counter == 0 {
            return Err(Refusal::CounterBelowWindow);
        }
        match self.highest.checked_sub(counter) {
            None if counter - self.highest > jump_max && !Bug::JumpCapMissing.is_planted() => {
                Err(Refusal::CounterBeyondJumpCap)
            }
            None => Ok(()),
            Some(below) if below >= u64::from(self.width()) => Err(Refusal::CounterBelowWindow),
            Some(below) if self.used.contains(below) => Err(Refusal::CounterUsed),
            Some(_) => Ok(()),
        }
    }

    /// Records a use in one step with its check, and returns how far the window moved.
    ///
    /// # Errors
    /// As [`Window::check`]; then nothing has changed.
    pub fn check_and_record(&mut self, counter: u64, jump_max: u64) -> Result<u64, Refusal> {
        self.check(counter, jump_max)?;
        let slid_by = counter.saturating_sub(self.highest);
        if slid_by > 0 {
            self.used.shift(slid_by);
            self.highest = counter;
        }
        self.used.insert(self.highest - counter + u64::from(Bug::WindowOffByOne.is_planted()));
        Ok(slid_by)
    }
}

impl Bitmap {
    fn words(&self) -> &[u64] {
        match self {
            Self::Narrow { word, .. } => std::slice::from_ref(word),
            Self::Wide { words, .. } => &words[..],
        }
    }

    fn contains(&self, below: u64) -> bool {
        let (index, bit) = position(below);
        self.words().get(index).is_some_and(|word| word & bit != 0)
    }

    fn insert(&mut self, below: u64) {
        let (index, bit) = position(below);
        let words = match self {
            Self::Narrow { word, .. } => std::slice::from_mut(word),
            Self::Wide { words, .. } => &mut words[..],
        };
        if let Some(word) = words.get_mut(index) {
            *word |= bit;
        }
    }

    /// Makes room for `by` higher counters; what leaves the width is forgotten.
    fn shift(&mut self, by: u64) {
        match self {
            Self::Narrow { width, word } => {
                let shifted = u32::try_from(by).ok().and_then(|by| word.checked_shl(by)).unwrap_or(0);
                *word = shifted & low_bits(u32::from(*width));
            }
            Self::Wide { width, words } => {
                let whole_words = usize::try_from(by / u64::from(WORD_BITS)).unwrap_or(usize::MAX);
                let bits = (by % u64::from(WORD_BITS)) as u32;
                for index in (0..WIDE_WORDS).rev() {
                    let word = |back: usize| index.checked_sub(back).map_or(0, |from| words[from]);
                    let carried = word(whole_words.saturating_add(1)).checked_shr(WORD_BITS - bits).unwrap_or(0);
                    let kept = u32::from(*width).saturating_sub(index as u32 * WORD_BITS);
                    words[index] = (word(whole_words) << bits | carried) & low_bits(kept);
                }
            }
        }
    }
}

/// The word of a bitmap that holds the counter `below` under the highest, and its bit there.
fn position(below: u64) -> (usize, u64) {
    let index = usize::try_from(below / u64::from(WORD_BITS)).unwrap_or(usize::MAX);
    (index, 1 << (below % u64::from(WORD_BITS)))
}

/// A word with its `count` lowest bits set; all of them from 64 on.
const fn low_bits(count: u32) -> u64 {
    if count >= WORD_BITS { u64::MAX } else { (1 << count) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_window_takes_24_bytes_and_no_heap() {
        assert_eq!(size_of::<Window>(), 24);
        assert_eq!(Window::new(64).heap_bytes(), 0);
        assert_eq!(Window::new(65).heap_bytes(), 128);
    }

    #[test]
    fn the_width_is_clamped() {
        assert_eq!([0, 1, 1_024, u32::MAX].map(|width| Window::new(width).width()), [1, 1, 1_024, 1_024]);
    }

    #[test]
    fn counters_end_and_never_wrap() {
        for width in [1, 64, 1_024] {
            let mut window = Window::new(width);
            assert_eq!(window.check_and_record(u64::MAX, u64::MAX), Ok(u64::MAX));
            assert_eq!(window.check_and_record(u64::MAX, u64::MAX), Err(Refusal::CounterUsed));
            for counter in [0, 1, 2, u64::MAX - 1_024] {
                assert_eq!(window.check_and_record(counter, u64::MAX), Err(Refusal::CounterBelowWindow), "{counter}");
            }
            assert_eq!(window.highest(), u64::MAX);
        }
    }

    #[test]
    fn the_jump_cap_is_measured_from_the_highest_and_from_0_at_first() {
        for (highest, cap) in [(0, 10), (1, 10), (7, 1), (1_000, 1 << 20)] {
            let mut window = Window::new(64);
            if highest > 0 {
                assert_eq!(window.check_and_record(highest, u64::MAX), Ok(highest));
            }
            let before = window.clone();
            assert_eq!(window.check_and_record(highest + cap + 1, cap), Err(Refusal::CounterBeyondJumpCap));
            assert_eq!(window, before);
            assert_eq!(window.check_and_record(highest + cap, cap), Ok(cap));
        }
    }
}
