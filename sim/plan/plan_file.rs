//! Plans as files: printed, kept and read again.

use serde::Deserialize;
use serde_json::error::Category;
use thiserror::Error;

use super::{PLAN_VERSION, Plan, PlanError};
use crate::types::form_of;

/// Why a file holds no plan that this build can run.
#[derive(Debug, Error)]
pub enum PlanFileError {
    /// It is not the JSON of a plan.
    #[error("{file}:{line}:{column}: {message}")]
    Form {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What was found and what was expected.
        message: String,
    },
    /// It is something else.
    #[error("{file}: this is {found}; expected a plan, as `countersign run SCENARIO --plan-only` prints it")]
    Foreign {
        /// The file.
        file: String,
        /// What it looks like.
        found: &'static str,
    },
    /// Another build wrote it.
    #[error(
        "{file}: this plan has form {found}, this build reads form {PLAN_VERSION}: \
         resolve its scenario again with `countersign run SCENARIO --seed N --plan-only`"
    )]
    Version {
        /// The file.
        file: String,
        /// The version found.
        found: u64,
    },
    /// It cannot be run.
    #[error("{file}: {error}{}", if error.help.is_empty() { String::new() } else { format!(" ({})", error.help) })]
    Impossible {
        /// The file.
        file: String,
        /// What cannot be.
        error: PlanError,
    },
}

impl Plan {
    /// Reads a plan from JSON and checks that it can be run. `file` is its name for errors.
    ///
    /// # Errors
    /// If it is no plan, or a plan that this build cannot run.
    pub fn from_json(file: &str, text: &str) -> Result<Self, PlanFileError> {
        // First the version alone: the rest of another version's form need not be known here.
        #[derive(Deserialize)]
        struct Version {
            version: u64,
        }

        let form = |error: serde_json::Error| PlanFileError::Form {
            file: file.to_owned(),
            line: error.line(),
            column: error.column(),
            message: message(&error),
        };
        let found = form_of(text.as_bytes());
        if !["a plan", "JSON of another form"].contains(&found) {
            return Err(PlanFileError::Foreign { file: file.to_owned(), found });
        }
        let Version { version } = serde_json::from_str(text).map_err(|error| match error.classify() {
            // Its keys may stand in any order.
            Category::Data if found != "a plan" => PlanFileError::Foreign { file: file.to_owned(), found },
            _ => form(error),
        })?;
        if version != u64::from(PLAN_VERSION) {
            return Err(PlanFileError::Version { file: file.to_owned(), found: version });
        }
        let plan: Self = serde_json::from_str(text).map_err(form)?;
        plan.check().map_err(|error| PlanFileError::Impossible { file: file.to_owned(), error })?;
        Ok(plan)
    }

    /// The plan as JSON, as [`Plan::from_json`] reads it.
    ///
    /// # Errors
    /// None that can be foreseen: a plan has no value that JSON lacks.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

/// What is wrong, without the place that serde_json appends, which stands before it already.
fn message(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the plan is cut off here; print it again with `countersign run SCENARIO --plan-only`".to_owned();
    }
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).map_or(message.clone(), str::to_owned)
}
