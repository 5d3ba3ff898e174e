//! What a sweep has done so far, on disk.
//!
//! A journal is JSON Lines: the spec of the sweep, then one record for each run as it ends. Each line carries a check
//! over itself and all lines before it, so that a line that was changed, moved or taken away is noticed. A line without
//! its end was being written when the sweep was killed: it is dropped, and its run made again.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{Record, Spec};
use crate::types::form_of;

/// The version of the journal's form.
pub const JOURNAL_VERSION: u32 = 1;

/// Why a journal cannot be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The system does not let it.
    #[error(
        "failed to {what} the journal `{}`: {error}{}", path.display(),
        if *what == "write" { "; the runs in it are kept: free some space and give the same command again" } else { "" }
    )]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        error: io::Error,
    },
    /// Another process is writing to it.
    #[error("the journal `{}` is being written by another sweep; name another folder with --out", .0.display())]
    InUse(PathBuf),
    /// It is of another sweep.
    #[error(
        "the journal `{}` is of another sweep; {difference}. Name another folder with --out, or delete it", path.display()
    )]
    OtherSweep {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// A line is not as a sweep wrote it.
    #[error(
        "{}:{line}: {found}; expected {expected}. Name another folder with --out, or delete the file to begin anew",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        found: String,
        /// What belongs there.
        expected: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
struct Head {
    countersign_journal: u32,
    spec: Spec,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// The check of the latest line.
    check: String,
}

impl Journal {
    /// Opens the journal of a sweep, or begins it; gives the records that it has.
    ///
    /// # Errors
    /// If there is a file that is none of this sweep, or if it cannot be read or written.
    pub fn open(path: &Path, spec: &Spec) -> Result<(Self, Vec<Record>), JournalError> {
        let failed = |what| move |error| JournalError::File { what, path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed("open"))?;
        match file.try_lock() {
            // Some network file systems cannot lock. Their users give each job a folder of its own.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed("lock")(error)),
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(path.to_owned())),
            Ok(()) => {}
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed("read"))?;
        // What comes after the last line's end was never finished.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        // Only once it is known whose it is: somebody else's file is left as it is.
        let cut = |file: &mut File| {
            let cut = file.set_len(whole as u64).and_then(|()| file.seek(SeekFrom::Start(whole as u64)));
            cut.map(drop).map_err(failed("cut"))
        };
        let mut lines = Lines { path, check: String::new(), number: 0 };
        let mut texts = text[..whole].split_inclusive(|byte| *byte == b'\n');
        let Some(first) = texts.next() else {
            let head = Head { countersign_journal: JOURNAL_VERSION, spec: spec.clone() };
            let due = line(&head, "").map_err(failed("begin"))?.0;
            if !due.as_bytes().starts_with(&text) {
                let found = format!("this is {}", form_of(&text));
                return Err(lines.broken(1, found, "the first line of this sweep's journal, whole or cut off"));
            }
            cut(&mut file)?;
            let mut journal = Self { path: path.to_owned(), file, check: String::new() };
            journal.write(&head)?;
            return Ok((journal, Vec::new()));
        };
        lines.read_head(first, form_of(&text), spec)?;
        let records = texts.map(|text| lines.read(text, "the record of a run")).collect::<Result<Vec<Record>, _>>()?;
        if let Some(place) = records.iter().position(|record| record.case >= spec.cases.len()) {
            let found = format!("a run of case {}, of {}", records[place].case, spec.cases.len());
            return Err(lines.broken(place + 2, found, "a case of the sweep"));
        }
        cut(&mut file)?;
        Ok((Self { path: path.to_owned(), file, check: lines.check }, records))
    }

    /// Writes down what a run came to. Once this returns, the record outlives the process.
    ///
    /// # Errors
    /// If it cannot be written. The next call begins a line of its own.
    pub fn add(&mut self, record: &Record) -> Result<(), JournalError> {
        self.write(record)
    }

    fn write(&mut self, what: &impl Serialize) -> Result<(), JournalError> {
        let failed = |error| JournalError::File { what: "write", path: self.path.clone(), error };
        let (line, check) = line(what, &self.check).map_err(failed)?;
        let before = self.file.stream_position().map_err(failed)?;
        // In one piece: a process that is killed leaves it whole, or cut short at the end of the file.
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // A full disk may have taken a part of it.
            let _ = self.file.set_len(before).and_then(|()| self.file.seek(SeekFrom::Start(before)));
            return Err(failed(error));
        }
        self.check = check;
        Ok(())
    }
}

/// Reads lines, one after the other.
struct Lines<'a> {
    path: &'a Path,
    check: String,
    number: usize,
}

impl Lines<'_> {
    fn read_head(&mut self, text: &[u8], form: &str, spec: &Spec) -> Result<(), JournalError> {
        #[derive(Deserialize)]
        struct Version {
            countersign_journal: u32,
        }
        const EXPECTED: &str = "the first line of a journal";
        let version: Version = serde_json::from_slice(text).map_err(|error| {
            let found = match form {
                "the journal of a sweep" => error.to_string(),
                other => format!("this is {other}"),
            };
            self.broken(1, found, EXPECTED)
        })?;
        if version.countersign_journal != JOURNAL_VERSION {
            let found = format!("a journal of version {}", version.countersign_journal);
            return Err(self.broken(1, found, "version 1, the only one that this program reads"));
        }
        let head: Head = self.read(text, EXPECTED)?;
        match spec.difference(&head.spec) {
            None => Ok(()),
            Some(difference) => Err(JournalError::OtherSweep { path: self.path.to_owned(), difference }),
        }
    }

    fn read<T: DeserializeOwned>(&mut self, text: &[u8], expected: &'static str) -> Result<T, JournalError> {
        self.number += 1;
        let broken = |found: String| self.broken(self.number, found, expected);
        let text = std::str::from_utf8(text).map_err(|error| broken(error.to_string()))?.trim_end_matches('\n');
        let (before, after) =
            text.rsplit_once(",\"check\":\"").ok_or_else(|| broken("a line without a check".into()))?;
        let content = format!("{before}}}");
        let check = next_check(&self.check, &content);
        if after.strip_suffix("\"}") != Some(check.as_str()) {
            return Err(broken("a check that is not the line's: it, or one before it, was changed".into()));
        }
        let read = serde_json::from_str(&content).map_err(|error| broken(error.to_string()))?;
        self.check = check;
        Ok(read)
    }

    fn broken(&self, line: usize, found: String, expected: &'static str) -> JournalError {
        JournalError::Broken { path: self.path.to_owned(), line, found, expected }
    }
}

/// A line and its check, after that of the line before it.
fn line(what: &impl Serialize, before: &str) -> io::Result<(String, String)> {
    let text = serde_json::to_string(what)?;
    let check = next_check(before, &text);
    Ok((format!("{},\"check\":\"{check}\"}}\n", text.strip_suffix('}').unwrap_or(&text)), check))
}

/// The check of a line, after that of the line before it.
fn next_check(before: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(before).chain_update(text).finalize();
    hex::encode(&hash[..8])
}
