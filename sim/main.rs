//! The `countersign` command.

use std::process::ExitCode;

/// Simulated connections come and go by the million, each with buffers of its own.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}
