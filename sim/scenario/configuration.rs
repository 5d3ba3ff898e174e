//! Configuration files of real servers: read as scenarios are, with the same errors, and with nothing left to a seed.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use super::{
    ParameterTable, ScenarioError,
    draws::Draws,
    locate::{Origins, key_of_place},
    problem::Problem,
};
use crate::{
    plan::check_parameters,
    types::{Parameters, Profile},
};

/// The text of a configuration file, by which its errors tell line and column.
#[derive(Clone, Copy, Debug)]
pub struct Configuration<'a> {
    /// The file's name.
    pub file: &'a str,
    /// What it says.
    pub text: &'a str,
    /// The command that lists the keys of this form.
    pub lister: &'a str,
}

impl Configuration<'_> {
    /// Reads the file.
    ///
    /// # Errors
    /// If it is no TOML, or not of this form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ScenarioError> {
        toml::from_str(self.text).map_err(|error| ScenarioError::from_toml(self.file, self.text, self.lister, &error))
    }

    /// The profile's defaults with what the file's table `parameters` sets.
    ///
    /// # Errors
    /// If a value is a range, or lies outside its bounds.
    pub fn parameters(&self, profile: Profile, table: &ParameterTable) -> Result<Parameters, ScenarioError> {
        let mut parameters = Parameters::defaults(profile);
        table
            .apply(&mut parameters, "parameters", &Draws::none())
            .map_err(|problem| ScenarioError::from_problem(self.file, self.text, problem))?;
        check_parameters(&parameters).map_err(|error| {
            let key = key_of_place(&error.place, &Origins::default());
            self.problem(&key, error.found, error.expected, error.help)
        })?;
        Ok(parameters)
    }

    /// Something that the file says and that cannot be.
    pub fn problem(&self, key: &str, found: impl Display, expected: impl Display, help: impl Display) -> ScenarioError {
        let problem = Problem::new(key, found, expected).help(help);
        ScenarioError::from_problem(self.file, self.text, problem)
    }
}
