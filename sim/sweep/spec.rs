//! Which runs a sweep makes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    plan::Plan,
    scenario::{Overrides, Scenario, ScenarioError},
    types::{Profile, Shard},
};

/// A scenario under one profile.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name or path by which it was found.
    pub asked: String,
    /// The scenario.
    pub scenario: Scenario,
    /// The profile that is shown instead of the scenario's own.
    pub profile: Option<Profile>,
}

impl Case {
    /// The profile that is shown.
    pub fn profile(&self) -> Profile {
        self.profile.unwrap_or(self.scenario.document.profile)
    }

    /// The plan of one seed.
    ///
    /// # Errors
    /// If the scenario cannot be run.
    pub fn resolve(&self, seed: u64) -> Result<Plan, ScenarioError> {
        self.scenario.resolve(Some(seed), Overrides { profile: self.profile, ..Overrides::default() })
    }

    /// What stands of it in files.
    pub fn spec(&self) -> CaseSpec {
        CaseSpec {
            scenario: self.asked.clone(),
            profile: self.profile(),
            own_seed: None,
            sha256: hex::encode(Sha256::digest(self.scenario.text())),
        }
    }

    /// The same, to be run once, with the seed that the scenario names.
    pub fn spec_with_own_seed(&self) -> CaseSpec {
        CaseSpec { own_seed: Some(self.scenario.document.seed), ..self.spec() }
    }
}

/// A scenario under one profile, as files tell of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CaseSpec {
    /// The scenario's name, or the path of its file.
    pub scenario: String,
    /// The face of the protocol that ran.
    pub profile: Profile,
    /// The seed that takes the place of the sweep's, if the scenario is run with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_seed: Option<u64>,
    /// SHA-256 of the scenario's text, in hexadecimal.
    pub sha256: String,
}

/// Which runs a sweep makes, and with which program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// The version of the program.
    pub version: String,
    /// SHA-256 of the program's file, in hexadecimal.
    pub program_sha256: String,
    /// The scenarios, each under a profile.
    pub cases: Vec<CaseSpec>,
    /// The first seed.
    pub seeds_from: u64,
    /// The seed after the last.
    pub seeds_to: u64,
    /// Which part of them.
    pub shard: Shard,
}

/// One run of a sweep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Item {
    /// The seed.
    pub seed: u64,
    /// Which of the cases, counted from 0.
    pub case: usize,
}

impl Spec {
    /// The runs in their order: all scenarios with one seed, then all with the next, so that a sweep that is stopped
    /// has seen something of each.
    pub fn items(&self) -> impl Iterator<Item = Item> + Send + use<> {
        let own_seeds: Vec<_> = self.cases.iter().map(|case| case.own_seed).collect();
        let shard = self.shard;
        let with = move |seed| {
            let own = own_seeds.clone().into_iter().enumerate();
            own.map(move |(case, own)| Item { seed: own.unwrap_or(seed), case })
        };
        let all = (self.seeds_from..self.seeds_to).flat_map(with);
        (0..).zip(all).filter(move |(position, _)| shard.has(*position)).map(|(_, item)| item)
    }

    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        let all = (self.seeds_to - self.seeds_from).saturating_mul(self.cases.len() as u64);
        let (index, count) = (u64::from(self.shard.index), u64::from(self.shard.count));
        all / count + u64::from(all % count >= index)
    }

    /// Where a run stands among those of the whole sweep, counted from 0; none if it is no run of this part.
    pub fn position(&self, item: Item) -> Option<u64> {
        let (cases, case) = (self.cases.len() as u64, item.case as u64);
        let seed = match self.cases.get(item.case)?.own_seed {
            // It takes the place of the one seed that there is.
            Some(own) => (own == item.seed).then_some(self.seeds_from)?,
            None => item.seed,
        };
        let is_due = (self.seeds_from..self.seeds_to).contains(&seed);
        let position = (seed.checked_sub(self.seeds_from)?).checked_mul(cases)?.checked_add(case)?;
        (is_due && self.shard.has(position)).then_some(position)
    }

    /// Whether there can be such a sweep.
    ///
    /// # Errors
    /// What there cannot be, in words.
    pub fn check(&self) -> Result<(), String> {
        let Shard { index, count } = self.shard;
        Shard::new(index, count).map_err(|error| error.to_string())?;
        if self.seeds_from > self.seeds_to {
            return Err(format!("seeds from {} to {}", self.seeds_from, self.seeds_to));
        }
        let seeds = self.seeds_to - self.seeds_from;
        if seeds > 1 && self.cases.iter().any(|case| case.own_seed.is_some()) {
            return Err(format!("scenarios with their own seed, for each of {seeds} seeds"));
        }
        Ok(())
    }

    /// The seeds in a word: `0..100`, or `own`.
    pub fn seeds(&self) -> String {
        if self.cases.iter().any(|case| case.own_seed.is_some()) {
            return "own".to_owned();
        }
        format!("{}..{}", self.seeds_from, self.seeds_to)
    }

    /// The spec of the whole of which this is a part.
    pub fn whole(&self) -> Self {
        Self { shard: Shard::WHOLE, ..self.clone() }
    }

    /// In what two specs differ, in words; none if they do not.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let differ = |what: &str, mine: &dyn std::fmt::Display, others: &dyn std::fmt::Display| {
            Some(format!("{what}: {mine} here, {others} there"))
        };
        if self.version != other.version {
            return differ("the version of the program", &self.version, &other.version);
        }
        if self.program_sha256 != other.program_sha256 {
            let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
            return differ("the program's file", &short(&self.program_sha256), &short(&other.program_sha256));
        }
        if self.seeds() != other.seeds() {
            return differ("the seeds", &self.seeds(), &other.seeds());
        }
        if self.cases.len() != other.cases.len() {
            return differ("the number of scenarios", &self.cases.len(), &other.cases.len());
        }
        for (mine, others) in self.cases.iter().zip(&other.cases) {
            let named = |case: &CaseSpec| format!("{} ({})", case.scenario, case.profile);
            if named(mine) != named(others) {
                return differ("a scenario", &named(mine), &named(others));
            }
            if mine.sha256 != others.sha256 {
                return Some(format!("the text of the scenario {}", mine.scenario));
            }
        }
        if self.shard != other.shard {
            return differ("the shard", &self.shard, &other.shard);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn spec(cases: usize, seeds: u64, shard: Shard) -> Spec {
        let case = CaseSpec { scenario: "a".into(), profile: Profile::Literal, own_seed: None, sha256: String::new() };
        Spec {
            version: "1".into(),
            program_sha256: "00".into(),
            cases: vec![case; cases],
            seeds_from: 5,
            seeds_to: 5 + seeds,
            shard,
        }
    }

    proptest! {
        #[test]
        fn the_shards_of_a_sweep_make_each_run_once(cases in 1..4usize, seeds in 1..30u64, count in 1..9u32) {
            let whole: Vec<_> = spec(cases, seeds, Shard::WHOLE).items().collect();
            prop_assert_eq!(whole.len() as u64, spec(cases, seeds, Shard::WHOLE).runs());
            let parts = (1..=count).map(|index| spec(cases, seeds, Shard { index, count }));
            let mut all = BTreeSet::new();
            for part in parts {
                let items: Vec<_> = part.items().collect();
                prop_assert_eq!(items.len() as u64, part.runs());
                for (position, item) in (0..).zip(&whole) {
                    prop_assert_eq!(part.position(*item), items.contains(item).then_some(position));
                }
                for item in items {
                    prop_assert!(all.insert(item));
                }
            }
            prop_assert_eq!(all, whole.into_iter().collect::<BTreeSet<_>>());
        }
    }

    #[test]
    fn a_difference_is_put_into_words() {
        let whole = spec(1, 3, Shard::WHOLE);
        assert_eq!(whole.difference(&whole), None);
        let said = |change: fn(&mut Spec)| {
            let mut other = whole.clone();
            change(&mut other);
            whole.difference(&other).unwrap()
        };
        assert_eq!(said(|it| it.seeds_to = 9), "the seeds: 5..8 here, 5..9 there");
        assert_eq!(said(|it| it.version = "2".into()), "the version of the program: 1 here, 2 there");
        assert_eq!(said(|it| it.program_sha256 = "11".into()), "the program's file: 00 here, 11 there");
        assert_eq!(said(|it| it.cases[0].own_seed = Some(7)), "the seeds: 5..8 here, own there");
        assert_eq!(said(|it| it.cases.clear()), "the number of scenarios: 1 here, 0 there");
        assert_eq!(said(|it| it.cases[0].sha256.push('0')), "the text of the scenario a");
        assert_eq!(said(|it| it.shard.count = 2), "the shard: 1/1 here, 1/2 there");
    }
}
