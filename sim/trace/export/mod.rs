//! Traces in the forms of other tools.

mod mermaid;
mod perfetto;
mod shiviz;

pub use mermaid::Mermaid;
pub use perfetto::Perfetto;
pub use shiviz::Shiviz;
