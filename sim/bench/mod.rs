//! The hot paths, made ready to be measured: for `countersign bench` and for everything under `benches/`.
//!
//! Nothing here reads a clock. Whoever measures repeats a [`Prepared`] operation and counts time, or instructions.

mod login_guess;
mod nothing;
mod operation;
mod stage;

pub use login_guess::{LOGIN_KEYS, login_guess};
pub use nothing::Nothing;
pub use operation::{Operation, Prepared};
pub use stage::{BenchError, Presentation, Stage};
