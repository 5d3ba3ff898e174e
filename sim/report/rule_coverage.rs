//! Which rules of SPEC section 3 a run has exercised, as far as its milestones tell.
//!
//! A rule is exercised where what it decides came up, not where it merely would have applied. Whether it was kept is what
//! invariants and tests say.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Milestone::{self, *};

/// A rule, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rule(pub u8);

/// Which rules came up, and which did not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RuleCoverage {
    /// Rules that were exercised, and how often: of several milestones that a rule needs, the rarest counts.
    pub exercised: BTreeMap<Rule, u64>,
    /// Rules that could have been exercised and were not.
    pub not_exercised: Vec<Rule>,
    /// Rules of which no event tells whether they were exercised.
    pub not_seen_in_events: Vec<Rule>,
}

/// What is known of a rule.
struct Entry {
    number: u8,
    what: &'static str,
    shown: Shown,
}

/// What shows that a rule was exercised.
enum Shown {
    /// Each of these, and of each at least one of the milestones.
    By(&'static [&'static [Milestone]]),
    /// Nothing: why.
    Never(&'static str),
}

const fn by(number: u8, what: &'static str, milestones: &'static [&'static [Milestone]]) -> Entry {
    Entry { number, what, shown: Shown::By(milestones) }
}

const fn never(number: u8, what: &'static str, why: &'static str) -> Entry {
    Entry { number, what, shown: Shown::Never(why) }
}

/// Any use of a login token.
const LOGINS: &[Milestone] = &[AutomationLogin, AdministrationLogin, PortletLogin, RememberedLogin, ImpersonationLogin];

/// Every rule that is simulated: those of the table "Where a rule lives" in ARCHITECTURE.md.
const RULES: [Entry; 83] = [
    by(1, "no password change hurts whoever has tokens", &[&[AccAgentHurt], &[TokenPreferred, TwoStep]]),
    by(2, "two requests cold and one warm", &[&[TwoStep], &[OneStep]]),
    by(3, "no challenge where none is needed", &[&[PublicServed]]),
    by(4, "only the token's own agent can use it", &[&[BadAgentSignatureRefused]]),
    by(5, "the agent saves the token for each server", &[&[OneStep]]),
    by(6, "the agent checks server signature and uid", &[&[TokenDeclined]]),
    by(7, "a new counter and countersignature for each use", &[&[OneStep]]),
    never(8, "the order of checks", "a refusal tells the first reason, not whether there was a second"),
    by(9, "success authenticates the connection", &[&[ConnectionReused]]),
    by(10, "a stored token goes up front", &[&[OneStep]]),
    by(11, "stored tokens are in memory only", &[&[AgentRestarted]]),
    by(12, "a token is bound to its path", &[&[PathChanged]]),
    by(13, "the six-hourly sweep of stored tokens", &[&[StorageSwept]]),
    by(14, "403 drops a stored token", &[&[StoredTokenForbidden]]),
    by(15, "only the first request of a connection has a token", &[&[ConnectionReused]]),
    by(16, "which kind authenticated is told", &[&[OneStep, TwoStep]]),
    by(17, "a site server needs nothing special", &[&[AcceptedBySite]]),
    by(18, "each counter counts once", &[&[ReplayRefused]]),
    by(19, "all worker processes have one registry", &[&[SeveralWorkers]]),
    by(20, "a call of the management agent that fails opens nothing", &[&[CallFailed]]),
    by(21, "a site server calls the SMP to issue", &[&[CacheMiss]]),
    by(22, "setup puts modules in and takes them away", &[&[ModuleSwapped]]),
    by(23, "a new module comes before the old one goes", &[&[ModuleSwapped]]),
    by(24, "the registry key names the active module", &[&[ModuleRegistered]]),
    by(25, "the module is registered while a kind of token is on", &[&[ModuleRegistered], &[ModuleUnregistered]]),
    never(26, "other web sites bypass the module", "nobody visits them"),
    never(27, "registering edits the configuration once", "the text of that file is in no event"),
    by(28, "loaded at the first request, unloaded at once", &[&[ModuleUnregistered]]),
    by(29, "what a module has in hand survives a swap", &[&[ModuleDrained]]),
    by(30, "kinds of authentication are switched without a restart", &[&[ModuleUnregistered], &[PolicyChanged]]),
    by(31, "a site without a token asks the SMP", &[&[CacheMiss]]),
    by(32, "the cached token for the same agent and uid", &[&[CacheHit]]),
    never(33, "only legitimate sites get tokens", "a site that is denied looks like one that cannot reach the SMP"),
    never(34, "messages are signed and encrypted", "a message that is turned down looks like one that was lost"),
    by(35, "the first fetch at the first authentication", &[&[CacheMiss]]),
    by(36, "an expired token leaves the cache", &[&[CacheExpired]]),
    by(37, "what is asked for again is refreshed", &[&[TokenRefreshed]]),
    by(38, "the period of validation", &[&[PeriodFiveMinutes, PeriodTenMinutes, PeriodThirtyMinutes]]),
    by(39, "at most 4,096 tokens in a validation", &[&[ValidationOverflow]]),
    by(40, "at most 128 agents in a request", &[&[BatchFull]]),
    by(41, "a validation uses one connection", &[&[ValidationConnectionKept]]),
    by(42, "first fetches have 32 slots and others wait", &[&[SlotAwaited]]),
    by(43, "only keys by registration or policy are trusted", &[&[UnknownKeyRefused]]),
    by(44, "a site knows an agent's key from its cache", &[&[AgentKeyNotCached]]),
    by(45, "403 to a bad agent signature", &[&[BadAgentSignatureRefused]]),
    by(46, "401 with a new token to whatever else is wrong", &[&[OfferedAfterRefusal]]),
    by(47, "the registry tells counter and window", &[&[WindowSlide, OutOfOrderAccepted]]),
    by(48, "an expired token leaves the registry", &[&[RegistryPurged, RegistryExpiredInUse]]),
    by(49, "what could use ACC works with tokens", &[&[TokenPreferred]]),
    by(50, "peers answer a challenge with a shared key", &[&[PeerServed], &[PeerReplayRefused, PeerResponseRefused]]),
    by(
        51,
        "packages of the SMP for everybody, of sites for ACC or a token",
        &[&[PackageAnonymous], &[PackageByToken, PackageByAcc]],
    ),
    by(
        52,
        "a push-install token opens the installer only",
        &[&[InstallerFetched], &[BearerPathRefused, BearerRevokedRefused]],
    ),
    by(53, "ACC in secure storage exactly where it is on", &[&[AccKept], &[AccForgotten]]),
    by(54, "a Quick Installer with and without ACC", &[&[PackageByToken], &[PackageByAcc]]),
    by(55, "redirects between servers of different kinds", &[&[RedirectFollowed]]),
    by(56, "ACC for UNC, and where tokens fail", &[&[UncServed, FellBack]]),
    by(57, "UNC without ACC fails with a description", &[&[NoCredentials]]),
    by(58, "the agent follows the server", &[&[ServedByAccount]]),
    by(59, "tokens are preferred to Windows", &[&[TokenPreferred]]),
    by(60, "a stored token at a server that wants Windows", &[&[StoredTokenNotWanted]]),
    by(61, "no proxy gets a token", &[&[ProxyAskedForToken], &[ProxyAdmitted, ProxyDeclined]]),
    by(62, "codebases are anonymous where policy says so", &[&[PackageAnonymous]]),
    by(63, "whoever has an ASDK token is let in", &[&[AsdkAccepted]]),
    by(64, "one local account stands for all tokens", &[&[AccountRefreshed]]),
    by(65, "the account comes and goes with policy", &[&[AccountRemoved]]),
    by(66, "its password is new at every refresh", &[&[AccountRefreshed]]),
    by(67, "the length of its password", &[&[AccountRefreshed]]),
    by(68, "32 tries, then an alert", &[&[AccountAlert]]),
    never(69, "dumps of security settings and password policy", "a dump is printed, and changes nothing"),
    by(70, "the local group is always there", &[&[GroupRecreated]]),
    never(71, "the COM interface is restricted on servers", "nobody calls it but modules"),
    never(72, "a token is useless without its agent's key", "nobody but modules asks for one"),
    never(73, "a handle for valid tokens only", "no event has a handle"),
    never(74, "access to the log folder", "no milestone tells of it, S11 does"),
    never(75, "a module logs nothing by default", "logs are derived from events"),
    never(76, "masks of severities", "logs are derived from events"),
    never(77, "numbers and ids of requests", "logs are derived from events"),
    never(78, "filters of logs", "logs are derived from events"),
    by(79, "the form of a login token", &[LOGINS]),
    by(80, "'Update' ends every login token", &[&[LoginKeyUpdated], &[LoginTagRefused]]),
    by(81, "each use of login tokens has its own lifetime", &[LOGINS]),
    by(82, "clocks that disagree end short login tokens", &[&[LoginExpiredRefused]]),
    by(83, "a login token can be used until it expires", &[&[LoginReplayed]]),
];

impl Rule {
    /// The rule in short.
    pub fn what(self) -> &'static str {
        self.entry().map_or("", |entry| entry.what)
    }

    /// What shows that the rule was exercised, or why nothing does.
    pub fn evidence(self) -> String {
        match self.entry().map(|entry| &entry.shown) {
            None => String::new(),
            Some(Shown::Never(why)) => format!("Not seen in events: {why}."),
            Some(Shown::By(each)) => {
                let words = each.iter().map(|any| any.iter().map(super::human::words).collect::<Vec<_>>().join(" or "));
                format!("Shown by: {}.", words.collect::<Vec<_>>().join(" and "))
            }
        }
    }

    fn entry(self) -> Option<&'static Entry> {
        RULES.iter().find(|entry| entry.number == self.0)
    }
}

impl RuleCoverage {
    /// What those milestones show.
    pub fn of(milestones: &BTreeMap<Milestone, u64>) -> Self {
        let reached = |milestone: &Milestone| milestones.get(milestone).copied().unwrap_or(0);
        let any = |milestones: &&[Milestone]| milestones.iter().map(reached).fold(0, u64::saturating_add);
        let mut coverage = Self::default();
        for Entry { number, shown, .. } in &RULES {
            let rule = Rule(*number);
            match shown {
                Shown::Never(_) => coverage.not_seen_in_events.push(rule),
                Shown::By(each) => match each.iter().map(any).min().unwrap_or(0) {
                    0 => coverage.not_exercised.push(rule),
                    count => drop(coverage.exercised.insert(rule, count)),
                },
            }
        }
        coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_needs_one_milestone_of_each_of_its_parts_and_the_rarest_counts() {
        let of = |milestones: &[(Milestone, u64)]| RuleCoverage::of(&milestones.iter().copied().collect()).exercised;
        assert_eq!(of(&[(TwoStep, 7)]).get(&Rule(2)), None);
        assert_eq!(of(&[(TwoStep, 7), (OneStep, 3)]).get(&Rule(2)), Some(&3));
        assert_eq!(of(&[(RegistryExpiredInUse, 5)]).get(&Rule(48)), Some(&5));
        assert_eq!(of(&[(RegistryPurged, 1), (RegistryExpiredInUse, 5)]).get(&Rule(48)), Some(&6));
    }

    #[test]
    fn nothing_that_happened_shows_nothing() {
        let coverage = RuleCoverage::of(&BTreeMap::new());
        assert_eq!(coverage.exercised, BTreeMap::new());
        let silent = [8, 26, 27, 33, 34, 69, 71, 72, 73, 74, 75, 76, 77, 78];
        assert_eq!(coverage.not_seen_in_events, silent.map(Rule));
        assert_eq!(coverage.not_exercised.len(), RULES.len() - silent.len());
    }

    #[test]
    fn every_rule_stands_once_in_order_and_says_what_it_is_and_what_shows_it() {
        assert!(RULES.is_sorted_by(|one, next| one.number < next.number));
        let rules = RULES.iter().map(|entry| Rule(entry.number));
        assert!(rules.into_iter().all(|rule| !rule.what().is_empty() && rule.evidence().ends_with('.')));
        assert_eq!(Rule(2).evidence(), "Shown by: two step and one step.");
    }
}
