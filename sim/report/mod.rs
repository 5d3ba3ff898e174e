//! What a run leaves behind for people and for programs: the verdict, what it rests on, and every figure.
//!
//! A [`Report`] is one versioned document. All of it but [`Environment`] and the command that it names follows from
//! the plan alone, so that two runs of one plan write the same bytes there.

mod capacity;
mod environment;
mod exchanges;
mod expected_violation;
mod exposure;
mod generator;
mod hardship;
mod html;
pub(crate) mod human;
mod hunt;
mod json;
mod matrix;
mod prediction;
mod reasons;
mod rule_coverage;
mod scheme_matrix;
mod table;
mod text;
mod verdict;
mod write;

pub use capacity::{CAPACITY_VERSION, Capacity, Step};
pub use environment::{Calibration, Environment, Listening, Operations};
pub use expected_violation::ExpectedViolation;
pub use exposure::{Exposure, OpenHole};
pub use generator::Generator;
pub use hardship::Hardship;
pub use html::{Evidence, html, space_time_svg};
pub use hunt::{Found, HUNT_VERSION, Hunt, Hunted, Trail};
pub use json::schema;
pub use matrix::{MATRIX_VERSION, Matrix, MatrixCell, MatrixOutcome, MatrixRow};
pub use rule_coverage::{Rule, RuleCoverage};
pub use scheme_matrix::{
    Exposed, NotRun, SCHEME_MATRIX_VERSION, SchemeCell, SchemeMatrix, SchemeOutcome, SchemeRow, Shown,
};
pub use text::text;
pub use verdict::Verdict;
pub use write::{WriteError, behind_links, is_no_file, make_folder, write, write_file};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    metrics::{Latencies, Measurements, MissedThreshold, PaceFigures, missed_thresholds},
    oracle::{Judgement, Violation},
    plan::{Invariant, Milestone, Plan},
    types::{CryptoTier, Profile, Scheme, VirtualTime},
};

/// The version of the report's form.
///
/// It grows by one whenever a field is renamed or removed, or changes its meaning or unit. New fields leave it
/// as it is: whoever reads a report ignores fields, and refuses versions, that it does not know.
pub const REPORT_VERSION: u32 = 1;

/// The report of one run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this form: 1.
    pub countersign_report: u32,
    /// The result in one word.
    pub verdict: Verdict,
    /// The exit code that goes with the verdict.
    pub exit_code: u8,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Which face of the protocol ran.
    pub profile: Profile,
    /// Which signatures were used.
    pub crypto: CryptoTier,
    /// The digest of the run's history, in hexadecimal; none of a load on sockets without a trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many events the run had.
    pub events: u64,
    /// The command that makes this run again, and if it was one of several rounds all of them.
    pub reproduce: String,
    /// Who took part.
    pub cast: Cast,
    /// What went wrong on purpose.
    #[serde(default)]
    pub hardship: Hardship,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// The virtual time at which it was stopped as its command asks (`--until`), in nanoseconds: what comes later is not
    /// judged.
    #[serde(default)]
    pub stopped_at_ns: Option<u64>,
    /// Whether not one exchange was served, or not one session of a portal was opened, though somebody asked.
    pub served_nobody: bool,
    /// Violations that the scenario does not expect; of each invariant at least the first.
    pub violations: Vec<Violation>,
    /// How often each of those invariants was violated.
    pub violation_counts: BTreeMap<Invariant, u64>,
    /// What became of the violations that the scenario expects.
    pub expected_violations: Vec<ExpectedViolation>,
    /// Invariants that could not be judged in this run, and why.
    pub not_judged: BTreeMap<Invariant, String>,
    /// How often each milestone was passed that was passed at all.
    pub milestones: BTreeMap<Milestone, u64>,
    /// Which rules came up in the run.
    #[serde(default)]
    pub rules: RuleCoverage,
    /// Milestones that the scenario must reach and did not.
    pub milestones_missing: Vec<Milestone>,
    /// Milestones that the scenario must not reach and did, and how often.
    #[serde(default)]
    pub milestones_forbidden: BTreeMap<Milestone, u64>,
    /// What the servers of a mixed fleet left open, from the plan.
    #[serde(default)]
    pub still_exposed: Vec<Exposure>,
    /// Objectives missed.
    pub thresholds_missed: Vec<MissedThreshold>,
    /// Everything that was measured in virtual time.
    pub measurements: Measurements,
    /// How long what takes long took, whole.
    #[serde(default)]
    pub latencies: Latencies,
    /// On real sockets: whether visits came in time, and latency from when they were due. None of a simulated run. In a
    /// report that has it, everything that was measured was measured in real time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<PaceFigures>,
    /// The processes that made a load together, or the one of them whose report it is; none if one made it alone.
    /// `environment` is what they took all together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generators: Vec<Generator>,
    /// The real world: the only part that differs between two runs of one plan.
    pub environment: Environment,
}

/// Who took part in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cast {
    /// Agents.
    pub agents: u64,
    /// Site servers.
    pub sites: u64,
    /// Browsers of a portal, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browsers: Option<u64>,
    /// Whether servers were reached over TLS.
    pub secure: bool,
    /// How long the run was to last, in milliseconds of virtual time.
    pub duration_ms: u64,
}

/// What a report is made of, beside its plan.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What the oracle says.
    pub judgement: Judgement,
    /// What was measured.
    pub measurements: Measurements,
    /// Whether visits came in time, on real sockets.
    pub pace: Option<PaceFigures>,
    /// How long what takes long took, whole.
    pub latencies: Latencies,
    /// The digest of the run's history, in hexadecimal; none of a load on sockets without a trace.
    pub digest: Option<String>,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// The command that makes this run again: [`reproduce`] or [`reproduce_plan`].
    pub reproduce: String,
    /// The real world.
    pub environment: Environment,
}

impl Report {
    /// Holds what was found against what the plan asks for.
    pub fn new(plan: &Plan, findings: Findings) -> Self {
        let Findings { judgement, measurements, pace, latencies, digest, interrupted, reproduce, environment } =
            findings;
        let Judgement { violations, counts, reached: mut milestones, not_judged, events } = judgement;
        let asked = &plan.expectation;
        let is_expected = |invariant: &Invariant| asked.violations.contains(invariant);

        let expected_violations = asked.violations.iter().map(|&invariant| ExpectedViolation {
            invariant,
            count: counts.get(&invariant).copied().unwrap_or(0),
            first: violations.iter().find(|found| found.invariant == invariant).cloned(),
        });
        let expected_violations: Vec<_> = expected_violations.collect();
        milestones.retain(|_, count| *count > 0);
        let milestones_missing: Vec<_> =
            asked.reach.iter().filter(|milestone| !milestones.contains_key(milestone)).copied().collect();
        let forbidden = milestones.iter().filter(|(milestone, _)| asked.never.contains(milestone));
        let milestones_forbidden: BTreeMap<_, _> = forbidden.map(|(milestone, count)| (*milestone, *count)).collect();
        let thresholds_missed = missed_thresholds(&asked.thresholds, &measurements, pace.as_ref());
        let violations: Vec<_> = violations.into_iter().filter(|found| !is_expected(&found.invariant)).collect();
        let violation_counts: BTreeMap<_, _> =
            counts.into_iter().filter(|(invariant, count)| *count > 0 && !is_expected(invariant)).collect();

        // Invariants speak of what was accepted; a run in which nobody got anything has shown nothing.
        let no_agent = !plan.agents.is_empty() && measurements.total.authentication.served == 0;
        let is_used = plan.portal.as_ref().is_some_and(|portal| !portal.browsers.is_empty() || !portal.jobs.is_empty());
        let served_nobody = no_agent || is_used && !milestones.contains_key(&Milestone::PortalSession);
        let verdict = if !violations.is_empty() || !violation_counts.is_empty() || !milestones_forbidden.is_empty() {
            Verdict::Violated
        } else if interrupted
            || served_nobody
            || pace.as_ref().is_some_and(|pace| pace.is_late || pace.is_scattered())
            || !milestones_missing.is_empty()
            || expected_violations.iter().any(|expected| expected.count == 0)
        {
            Verdict::Inconclusive
        } else if !thresholds_missed.is_empty() {
            Verdict::ThresholdMissed
        } else {
            Verdict::Passed
        };
        Self {
            countersign_report: REPORT_VERSION,
            verdict,
            exit_code: verdict.exit_code(),
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            profile: plan.profile,
            crypto: plan.crypto,
            digest,
            events,
            reproduce,
            cast: Cast::of(plan),
            hardship: Hardship::of(plan),
            interrupted,
            stopped_at_ns: None,
            served_nobody,
            violations,
            violation_counts,
            expected_violations,
            not_judged,
            rules: RuleCoverage::of(&milestones),
            milestones,
            milestones_missing,
            milestones_forbidden,
            still_exposed: exposure::exposures(plan),
            thresholds_missed,
            measurements,
            latencies,
            load: pace,
            generators: Vec::new(),
            environment,
        }
    }

    /// Notes that an interruption left undone what belongs to it.
    pub fn cut_short(self) -> Self {
        let verdict = self.verdict.min(Verdict::Inconclusive);
        Self { interrupted: true, verdict, exit_code: verdict.exit_code(), ..self }
    }

    /// Notes which processes made the load together.
    pub fn by(self, generators: Vec<Generator>) -> Self {
        Self { generators, ..self }
    }

    /// Notes that the run was to end at `until` at the latest, and whether that is why it ended.
    pub fn until(mut self, until: Option<VirtualTime>) -> Self {
        let until = until.filter(|until| self.interrupted && *until <= self.reached());
        self.stopped_at_ns = until.map(VirtualTime::nanos);
        self
    }

    /// The virtual time that passed.
    pub fn reached(&self) -> VirtualTime {
        VirtualTime(self.measurements.duration_ns)
    }
}

impl Cast {
    fn of(plan: &Plan) -> Self {
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Self {
            agents: count(plan.agents.len()),
            browsers: plan.portal.as_ref().map(|portal| count(portal.browsers.len())),
            sites: count(plan.sites.len()),
            secure: plan.scheme == Scheme::Https,
            duration_ms: plan.duration_ms,
        }
    }
}

/// The command that makes a run of `plan` again from its scenario, by the name or path by which it was found.
pub fn reproduce(scenario: &str, plan: &Plan) -> String {
    let (scenario, seed, profile, crypto) = (shell_word(scenario), plan.seed, plan.profile, plan.crypto);
    let plant = plan.bug.map_or(String::new(), |bug| format!(" --plant {bug}"));
    format!("countersign run {scenario} --seed {seed} --profile {profile} --crypto {crypto}{plant}")
}

/// The command that puts the same load on real sockets again. What comes of it depends on the machine, too.
pub fn reproduce_load(scenario: &str, plan: &Plan) -> String {
    let (scenario, seed, profile, crypto) = (shell_word(scenario), plan.seed, plan.profile, plan.crypto);
    format!("countersign load {scenario} --seed {seed} --profile {profile} --crypto {crypto}")
}

/// The command that makes a run again from the file of its plan.
pub fn reproduce_plan(path: &str) -> String {
    format!("countersign replay {}", shell_word(path))
}

/// As a shell takes it for one word.
pub fn shell_word(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:\\".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
