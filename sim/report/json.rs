//! The report as JSON.

use schemars::Schema;

use super::Report;

impl Report {
    /// The report as one JSON document, ending with a newline.
    ///
    /// # Errors
    /// Never in practice: a report has no map that JSON cannot hold.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

/// The JSON Schema of the report.
pub fn schema() -> Schema {
    schemars::schema_for!(Report)
}
