//! The scenarios that come with the program.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use include_dir::{Dir, DirEntry, include_dir};
use thiserror::Error;

use super::{Scenario, ScenarioError, nearest::nearest};

static SCENARIOS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// A scenario that comes with the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shipped {
    /// Its name, such as `smoke/first_contact`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl Shipped {
    /// Reads it.
    ///
    /// # Errors
    /// If it is no scenario; a test sees to it that all are.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        Scenario::from_toml(&format!("{}.toml", self.name), self.text)
    }
}

/// Why no scenario was found or read.
#[derive(Debug, Error)]
pub enum LookupError {
    /// It was found and cannot be run.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// There is a file, but it cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// Its name cannot be shown: it would break lines of reports, of commands, and of what CI reads.
    #[error("the file name {asked:?} has a letter that cannot be shown, expected another name")]
    Name {
        /// What was asked for.
        asked: String,
    },
    /// It is no scenario, but JSON, as plans are.
    #[error("`{path}` is JSON and no scenario; a plan runs with `countersign replay {path}`")]
    Plan {
        /// The file.
        path: String,
    },
    /// Nothing has this name.
    #[error("no scenario and no file is named `{asked}`{}", hint(nearest))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// Names that are like it.
        nearest: Vec<&'static str>,
    },
}

fn hint(nearest: &[&str]) -> String {
    match nearest {
        [] => ": `countersign scenarios` lists those that come with the program".to_owned(),
        names => format!(": did you mean `{}`?", names.join("` or `")),
    }
}

/// All shipped scenarios, by name.
pub fn shipped() -> Vec<Shipped> {
    fn collect(dir: &'static Dir<'static>, found: &mut Vec<Shipped>) {
        for entry in dir.entries() {
            match entry {
                DirEntry::Dir(dir) => collect(dir, found),
                DirEntry::File(file) => {
                    let name = file.path().to_str().and_then(|path| path.strip_suffix(".toml"));
                    if let (Some(name), Some(text)) = (name, file.contents_utf8()) {
                        found.push(Shipped { name, text });
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    collect(&SCENARIOS, &mut found);
    found.sort_by_key(|shipped| shipped.name);
    found
}

/// The file of a scenario that comes with the program, by its name, with or without `.toml`.
///
/// # Errors
/// If none has this name.
pub fn shipped_text(asked: &str) -> Result<&'static str, LookupError> {
    Ok(named(asked)?.text)
}

/// Finds a scenario: one that comes with the program by its name, with or without `.toml`, or else a file by its path.
///
/// # Errors
/// If there is none, or if it cannot be read.
pub fn find(asked: &str) -> Result<Scenario, LookupError> {
    if asked.contains(is_hidden) {
        return Err(LookupError::Name { asked: asked.to_owned() });
    }
    let unknown = match named(asked) {
        Ok(shipped) => return Ok(shipped.scenario()?),
        Err(error) => error,
    };
    match read_text(Path::new(asked)) {
        Ok(text) if text.trim_start().starts_with('{') => Err(LookupError::Plan { path: asked.to_owned() }),
        Ok(text) => Ok(Scenario::from_toml(asked, &text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unknown),
        Err(error) => Err(LookupError::Unreadable { path: asked.to_owned(), error }),
    }
}

/// Control characters, and those that change the order in which others are shown.
fn is_hidden(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn named(asked: &str) -> Result<Shipped, LookupError> {
    let name = asked.strip_suffix(".toml").unwrap_or(asked);
    let all = shipped();
    let found = all.iter().find(|shipped| shipped.name == name).copied();
    found.ok_or_else(|| LookupError::Unknown { asked: asked.to_owned(), nearest: nearest_names(name, &all) })
}

/// Reads a file that people write; no sensible one is anywhere near the limit.
///
/// # Errors
/// If it cannot be read, is no text, or has more than 1 MiB.
pub fn read_text(path: &Path) -> io::Result<String> {
    const BYTES_MAX: u64 = 1 << 20;
    let mut text = String::new();
    let read = fs::File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "expected a file of at most 1 MiB"));
    }
    Ok(text)
}

/// At most three names that are like the whole of what was asked for, or like its last part.
fn nearest_names(asked: &str, all: &[Shipped]) -> Vec<&'static str> {
    let last = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    let mut names = nearest(asked, all.iter().map(|shipped| shipped.name));
    for part in nearest(asked.rsplit('/').next().unwrap_or(asked), all.iter().map(|shipped| last(shipped.name))) {
        let whole = all.iter().map(|shipped| shipped.name).filter(|name| last(name) == part);
        names.extend(whole.collect::<Vec<_>>());
    }
    let mut distinct: Vec<&'static str> = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct.truncate(3);
    distinct
}
