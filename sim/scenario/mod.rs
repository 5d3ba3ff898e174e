//! Scenarios: small declarative files that a seed resolves to a plan.

mod agent_group;
mod arrivals;
mod attacker_table;
mod clock_offset;
mod clock_table;
mod configuration;
mod cost_table;
mod document;
mod draws;
mod fault_table;
mod faults;
mod hardship;
mod key_supply;
mod locate;
mod machine_table;
mod nearest;
mod parameter_table;
mod population;
mod portal;
mod portal_table;
mod problem;
mod profile_table;
mod ranged;
mod rate;
mod resolve;
mod scaling;
mod scenario_error;
mod schema;
mod shipped;
mod spelled;
mod spelled_portal;

pub use agent_group::{AgentGroup, ArrivalsTable, Destination, Phase, PhaseRate, PolicyInterval, Spacing, VisitsTable};
pub use attacker_table::AttackerTable;
pub use clock_offset::ClockOffset;
pub use clock_table::{ClockTable, WanderTable};
pub use configuration::Configuration;
pub use cost_table::{CostFile, CostTable};
pub use document::{Document, ExpectTable, NetworkTable, SitesTable, SmpTable};
pub use fault_table::{
    BlackHoleTable, ChangePolicyTable, ClockStepTable, DelayTable, DuplicateTable, FaultTable, LossTable,
    MachinesTable, MoveTable, OneAgentTable, OneSiteTable, OverloadTable, PartitionTable, PortalUpdateTable,
    ReorderTable, RotateServerKeyTable, SlowLinkTable, UpgradeTable,
};
pub use hardship::{HardshipProfile, HardshipTable};
pub use machine_table::{MachineFaultTable, MachineTable};
pub use parameter_table::{CapTable, ParameterTable};
pub use portal_table::{BrowserTable, JobTable, LifetimeTable, PortalServerTable, PortalTable};
pub use profile_table::ProfileTable;
pub use ranged::Ranged;
pub use rate::Rate;
pub use resolve::Overrides;
pub use scenario_error::ScenarioError;
pub use schema::{schema, schema_of};
pub use shipped::{LookupError, Shipped, find, read_text, shipped, shipped_text};
pub use spelled::{clones_in_order, spelled};

/// A scenario file that was read and understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// Its name, such as `smoke/first_contact`; for a file, its path without the ending.
    pub name: String,
    /// What it says.
    pub document: Document,
    file: String,
    text: String,
}

impl Scenario {
    /// Reads a scenario. `file` names it in errors; without the ending `.toml` it is the scenario's name.
    ///
    /// # Errors
    /// If the text is no TOML, or not the form of a scenario. The error has file, line and column.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let document =
            toml::from_str(text).map_err(|error| ScenarioError::from_toml(file, text, "countersign schema", &error))?;
        let name = file.strip_suffix(".toml").unwrap_or(file).to_owned();
        Ok(Self { name, document, file: file.to_owned(), text: text.to_owned() })
    }

    /// Its text, as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }
}
