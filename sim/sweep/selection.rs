//! Which scenarios somebody means: one, a folder of them, or a pattern.

use std::{io, path::Path};

use thiserror::Error;

use crate::{
    scenario::{LookupError, Scenario, ScenarioError, find, shipped},
    types::Bug,
};

/// Why no scenarios were found or read.
#[derive(Debug, Error)]
pub enum SelectionError {
    /// It was taken for one scenario.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// It was found and cannot be run.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It is no pattern.
    #[error("`{asked}` is no pattern: {error}")]
    Pattern {
        /// What was asked for.
        asked: String,
        /// What is wrong with it.
        #[source]
        error: glob::PatternError,
    },
    /// A folder cannot be read.
    #[error("cannot read what `{asked}` matches: {error}")]
    Unreadable {
        /// What was asked for.
        asked: String,
        /// Why not.
        error: io::Error,
    },
    /// Nothing goes by it.
    #[error(
        "found no scenario in `{0}`, expected files that end in .toml; `countersign scenarios` lists those that come with \
         the program"
    )]
    Nothing(String),
}

/// Finds scenarios: those that come with the program by name, folder (`hardship`) or pattern (`hole/*`), or files by path,
/// folder or pattern (`my/**/*.toml`). Each comes with the name or path by which it can be found again. What plants a bug
/// is left out of folders and patterns where this build cannot plant any.
///
/// # Errors
/// If nothing is found, or if something that is found cannot be read.
pub fn select(asked: &str) -> Result<Vec<(String, Scenario)>, SelectionError> {
    let is_pattern = asked.contains(['*', '?', '[']) && !Path::new(asked).is_file();
    if !is_pattern && shipped().iter().any(|shipped| Some(shipped.name) == asked.strip_suffix(".toml").or(Some(asked)))
    {
        return Ok(vec![(asked.to_owned(), find(asked)?)]);
    }
    let folder = format!("{}/", asked.trim_end_matches('/'));
    let wrong = |error| SelectionError::Pattern { asked: asked.to_owned(), error };
    let is_meant: Box<dyn Fn(&str) -> bool> = if is_pattern {
        let pattern = glob::Pattern::new(asked).map_err(wrong)?;
        Box::new(move |name| pattern.matches(name))
    } else {
        let folder = folder.clone();
        Box::new(move |name| name.starts_with(&folder))
    };
    let mut found = Vec::new();
    for shipped in shipped().into_iter().filter(|shipped| is_meant(shipped.name)) {
        found.push((shipped.name.to_owned(), shipped.scenario()?));
    }
    if found.is_empty() && (is_pattern || Path::new(asked).is_dir()) {
        let files = if is_pattern { asked.to_owned() } else { format!("{}**/*.toml", glob::Pattern::escape(&folder)) };
        // In the order of their names.
        for path in glob::glob(&files).map_err(wrong)? {
            let unreadable =
                |error: glob::GlobError| SelectionError::Unreadable { asked: asked.to_owned(), error: error.into() };
            let path = path.map_err(unreadable)?.to_string_lossy().into_owned();
            if path.ends_with(".toml") {
                found.push((path.clone(), find(&path)?));
            }
        }
    }
    if !is_pattern && found.is_empty() && !Path::new(asked).is_dir() {
        return Ok(vec![(asked.to_owned(), find(asked)?)]);
    }
    found.retain(|(_, scenario)| Bug::CAN_BE_PLANTED || scenario.document.plant.is_none());
    if found.is_empty() { Err(SelectionError::Nothing(asked.to_owned())) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(asked: &str) -> Vec<String> {
        select(asked).unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_name_a_folder_and_a_pattern_are_understood() {
        assert_eq!(names("smoke/first_contact"), ["smoke/first_contact"]);
        assert_eq!(names("hardship"), names("hardship/"));
        assert!(names("hardship").contains(&"hardship/swarm".to_owned()));
        assert_eq!(names("hole/0[12]*").len(), 2);
        assert_eq!(names("attack/*").len(), names("attack").len());
        for nothing in ["hole/9*", "hardsip", "no/such/file.toml"] {
            assert!(select(nothing).is_err(), "{nothing}");
        }
        assert!(matches!(select("hole/[").unwrap_err(), SelectionError::Pattern { .. }));
    }

    #[test]
    fn files_are_found_by_folder_and_by_pattern() {
        let folder = tempfile::tempdir().unwrap();
        let text = shipped()[0].text;
        fs::create_dir(folder.path().join("deep")).unwrap();
        for file in ["b.toml", "a.toml", "deep/c.toml", "notes.txt"] {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(names(&at("")), [at("a.toml"), at("b.toml"), at("deep/c.toml")]);
        assert_eq!(names(&at("*.toml")), [at("a.toml"), at("b.toml")]);
        assert_eq!(names(&at("a.toml")), [at("a.toml")]);
        fs::write(folder.path().join("a.toml"), "profile = 1").unwrap();
        assert!(matches!(select(&at("")).unwrap_err(), SelectionError::Lookup(LookupError::Scenario(_))));
    }
}
