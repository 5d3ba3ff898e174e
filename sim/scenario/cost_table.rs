//! What operations cost, in a scenario file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::ScenarioError;
use crate::types::{Costs, Interruption, Interruptions, MeasuredMachine, Quantiles, TimeSpan};

/// What operations cost on one core of a server, in virtual time. Each at most 10 s.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CostTable {
    /// One RSA signature. Default `240us`.
    pub sign: Option<TimeSpan>,
    /// One RSA verification. Default `16us`.
    pub verify: Option<TimeSpan>,
    /// Parsing one token. Default `1200ns`.
    pub parse: Option<TimeSpan>,
    /// Encrypting one message body. Default `100us`.
    pub seal: Option<TimeSpan>,
    /// Decrypting one message body. Default `300us`.
    pub open: Option<TimeSpan>,
    /// What a private-key operation takes more when it makes a new blinding: a key's first signature and every 32nd after it,
    /// and so with decryptions. Default `0ns`.
    pub blinding: Option<TimeSpan>,
    /// Everything else about one HTTP request, up to its answer. Default `25us`.
    pub request: Option<TimeSpan>,
    /// What is left to do for one HTTP request once its answer is out. Default `0ns`.
    pub closing: Option<TimeSpan>,
    /// What a core that is idle takes to begin, and as much to go to rest again, however short it rested. Default `0ns`.
    pub wake_min: Option<TimeSpan>,
    /// The same once it has rested for `rest`, at least `wake_min`. Default: `wake_min`.
    pub wake: Option<TimeSpan>,
    /// How long a core rests until it is as slow to begin as it gets; in proportion faster after less. Default `0ns`.
    pub rest: Option<TimeSpan>,
}

/// What was found out about a machine, as `countersign calibrate` writes it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostFile {
    costs: CostTable,
    #[serde(default)]
    interruptions: InterruptionsTable,
    #[serde(default)]
    scatter: QuantilesTable,
}

/// What else took the cores, in such a file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InterruptionsTable {
    watched: Option<TimeSpan>,
    /// When each came and how long it took the core.
    cores: Vec<Vec<(TimeSpan, TimeSpan)>>,
}

/// A distribution of times, in such a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QuantilesTable {
    p50: Option<TimeSpan>,
    p90: Option<TimeSpan>,
    p99: Option<TimeSpan>,
    p999: Option<TimeSpan>,
}

impl CostFile {
    /// What a file says of a machine. `file` names it in errors.
    ///
    /// # Errors
    /// If the text is no TOML, or not of this form. The error has file, line and column.
    pub fn from_toml(file: &str, text: &str) -> Result<MeasuredMachine, ScenarioError> {
        let read: Self = toml::from_str(text)
            .map_err(|error| ScenarioError::from_toml(file, text, "countersign calibrate", &error))?;
        let InterruptionsTable { watched, cores } = read.interruptions;
        let once = |(at, length): (TimeSpan, TimeSpan)| Interruption { at_ns: at.nanos(), length_ns: length.nanos() };
        let cores = cores.into_iter().map(|taken| taken.into_iter().map(once).collect()).collect();
        let interruptions = Interruptions { watched_ns: nanos(watched), cores };
        Ok(MeasuredMachine { costs: read.costs.resolve(), interruptions, scatter: read.scatter.resolve() })
    }
}

impl QuantilesTable {
    fn resolve(self) -> Quantiles {
        let Self { p50, p90, p99, p999 } = self;
        Quantiles { p50_ns: nanos(p50), p90_ns: nanos(p90), p99_ns: nanos(p99), p999_ns: nanos(p999) }
    }
}

fn nanos(span: Option<TimeSpan>) -> u64 {
    span.map_or(0, TimeSpan::nanos)
}

impl CostTable {
    /// The costs with the defaults filled in, as measured with AWS-LC on one core.
    pub(super) fn resolve(&self) -> Costs {
        let or = |given: Option<TimeSpan>, default_ns| given.map_or(default_ns, TimeSpan::nanos);
        Costs {
            sign_ns: or(self.sign, 240_000),
            verify_ns: or(self.verify, 16_000),
            parse_ns: or(self.parse, 1_200),
            seal_ns: or(self.seal, 100_000),
            open_ns: or(self.open, 300_000),
            blinding_ns: or(self.blinding, 0),
            request_ns: or(self.request, 25_000),
            closing_ns: or(self.closing, 0),
            wake_min_ns: or(self.wake_min, 0),
            wake_ns: or(self.wake.or(self.wake_min), 0),
            rest_ns: or(self.rest, 0),
        }
    }
}
