//! How a command ends.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use crate::{
    report::{Verdict, WriteError},
    scenario::{LookupError, ScenarioError},
    sweep::{JournalError, SelectionError},
    trace::ReadError,
};

/// The exit codes. Where several apply, the first of 70, 2, 1, 4, 3 is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Everything asked for holds.
    Holds,
    /// A safety or liveness invariant was violated.
    Violated,
    /// Usage or scenario error.
    Usage,
    /// A threshold was missed.
    Missed,
    /// Something that the scenario must reach never happened.
    Inconclusive,
    /// Internal error.
    Internal,
}

impl Exit {
    /// The number that the operating system sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Violated => 1,
            Self::Usage => 2,
            Self::Missed => 3,
            Self::Inconclusive => 4,
            Self::Internal => 70,
        }
    }
}

impl Exit {
    /// The one of two that counts where both apply: the first of 70, 2, 1, 4, 3.
    pub const fn worse(self, other: Self) -> Self {
        const fn rank(exit: Exit) -> u8 {
            match exit {
                Exit::Internal => 5,
                Exit::Usage => 4,
                Exit::Violated => 3,
                Exit::Inconclusive => 2,
                Exit::Missed => 1,
                Exit::Holds => 0,
            }
        }
        if rank(self) >= rank(other) { self } else { other }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Holds,
            Verdict::Violated => Self::Violated,
            Verdict::ThresholdMissed => Self::Missed,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command could not be done.
#[derive(Debug)]
pub enum Failure {
    /// The scenario is at fault, at a known place.
    Scenario(ScenarioError),
    /// What was asked for cannot be done.
    Usage(String),
    /// The program is at fault, or the machine.
    Internal(String),
}

impl Failure {
    /// A failure of the program or of the machine.
    pub fn internal(error: impl Display) -> Self {
        Self::Internal(error.to_string())
    }

    /// A file that cannot be written: a name that cannot be used is the user's to mend, a disk that is full the machine's.
    pub(super) fn of_file(error: ErrorKind, message: String) -> Self {
        match error {
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::AlreadyExists
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput => Self::Usage(message),
            _ => Self::Internal(message),
        }
    }

    /// The exit code.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Scenario(_) | Self::Usage(_) => Exit::Usage,
            Self::Internal(_) => Exit::Internal,
        }
    }

    /// The text for a line of a log, or a field of an answer.
    #[cfg(feature = "sockets")]
    pub fn in_one_line(&self) -> String {
        let text = self.render(None);
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let text = lines.join("; ");
        text.strip_prefix("error: ").map_or_else(|| text.clone(), str::to_owned)
    }

    /// The text for standard error; `terminal_columns` is none where that is no terminal.
    pub fn render(&self, terminal_columns: Option<usize>) -> String {
        match self {
            Self::Scenario(error) => error.render(terminal_columns),
            Self::Usage(message) => format!("error: {message}\n"),
            Self::Internal(message) => format!("internal error: {message}\n"),
        }
    }
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Self {
        Self::Scenario(error)
    }
}

impl From<LookupError> for Failure {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Scenario(error) => error.into(),
            other => Self::Usage(other.to_string()),
        }
    }
}

impl From<SelectionError> for Failure {
    fn from(error: SelectionError) -> Self {
        match error {
            SelectionError::Lookup(error) => error.into(),
            SelectionError::Scenario(error) => error.into(),
            other => Self::Usage(other.to_string()),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::File { error: ref cause, .. } => Self::of_file(cause.kind(), error.to_string()),
            _ => Self::Usage(error.to_string()),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let (WriteError::Folder { error: cause, .. } | WriteError::File { error: cause, .. }) = &error;
        Self::of_file(cause.kind(), error.to_string())
    }
}

/// Says something on standard error. Whoever closed it does not want to know.
pub(super) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes to standard output. A reader that has read enough (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<Exit, Failure> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Internal(format!("failed to write to standard output: {error}")))
        }
        _ => Ok(Exit::Holds),
    }
}
