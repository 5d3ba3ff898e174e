//! `cluster`: a sweep on the machines of Slurm or Kubernetes, as a script or a manifest.

use std::num::NonZero;

use clap::{Args, Subcommand, ValueEnum as _};

use super::{Exit, Failure, Profiles, Seeds, environment::own_program, exit::print};
use crate::sweep::{Dealt, select};

/// The kinds of cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Print a script that submits a job array and the job that merges
    #[command(after_help = SLURM_EXAMPLES)]
    Slurm(SlurmArgs),
    /// Print the manifest of an Indexed Job, the Job that merges and their volume
    #[command(after_help = KUBERNETES_EXAMPLES)]
    Kubernetes(KubernetesArgs),
}

const SLURM_EXAMPLES: &str = "\
Example:
  countersign cluster slurm hardship --seeds 0..10000 --shards 64 > sweep.sh
  bash sweep.sh

The script is short, and says at its head how to use and to change it.";

const KUBERNETES_EXAMPLES: &str = "\
Example:
  countersign cluster kubernetes hardship --seeds 0..10000 --shards 64 \\
    --image registry.example/countersign:1 > sweep.yaml
  kubectl apply --filename sweep.yaml

The manifest says at its head how to start the merger and to see the result.";

/// What is swept on a cluster.
#[derive(Debug, Args)]
pub struct DealtArgs {
    /// Scenarios that come with the program, or files; also folders and patterns such as `hole/*`
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// The seeds, from A up to, and not including, B
    #[arg(long, value_name = "A..B", default_value = "0..1000")]
    pub seeds: Seeds,
    /// Show this face of the protocol instead of the scenario's, or both, one after the other
    #[arg(long, value_enum, value_name = "P")]
    pub profile: Option<Profiles>,
    /// Deal the runs out to so many jobs
    #[arg(long, value_name = "N", default_value = "8")]
    pub shards: NonZero<u32>,
    /// CPUs for each job, and runs that it makes at the same time
    #[arg(long, value_name = "N", default_value = "4")]
    pub cpus: NonZero<u32>,
}

/// Arguments of `cluster slurm`.
#[derive(Debug, Args)]
pub struct SlurmArgs {
    /// What is swept.
    #[command(flatten)]
    pub dealt: DealtArgs,
    /// Let the jobs write into this directory, which all nodes must see
    #[arg(long, value_name = "DIR", default_value = "sweep")]
    pub out: String,
}

/// Arguments of `cluster kubernetes`.
#[derive(Debug, Args)]
pub struct KubernetesArgs {
    /// What is swept.
    #[command(flatten)]
    pub dealt: DealtArgs,
    /// The container image that has the program
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    /// Name everything in the cluster by this
    #[arg(long, value_name = "NAME", default_value = "sweep", value_parser = name)]
    pub name: String,
}

pub(super) fn cluster(command: &ClusterCommand) -> Result<Exit, Failure> {
    let text = match command {
        ClusterCommand::Slurm(args) => {
            let program = own_program()?;
            dealt(&args.dealt)?.slurm(&program.display().to_string(), &args.out)
        }
        ClusterCommand::Kubernetes(args) => dealt(&args.dealt)?.kubernetes(&args.image, &args.name),
    };
    print(&text.map_err(Failure::internal)?)
}

/// What is to be dealt out, if there is enough of it: a mistake shows here, and not once the cluster has time for it.
fn dealt(args: &DealtArgs) -> Result<Dealt, Failure> {
    let mut cases = 0_u64;
    for asked in &args.scenarios {
        cases += select(asked)?.len() as u64;
    }
    let faces = args.profile.map_or(1, |profile| profile.overrides().len() as u64);
    let seeds = &args.seeds.0;
    let runs = (seeds.end - seeds.start).saturating_mul(cases).saturating_mul(faces);
    if runs < u64::from(args.shards.get()) {
        let (shards, seeds) = (args.shards, &args.seeds);
        return Err(Failure::Usage(format!(
            "found {shards} shards for {runs} runs, expected no more shards than runs: fewer `--shards`, or more seeds \
             than {seeds}"
        )));
    }
    let mut words = args.scenarios.clone();
    words.extend(["--seeds".to_owned(), args.seeds.to_string()]);
    if let Some(profile) = args.profile.and_then(|profile| profile.to_possible_value()) {
        words.extend(["--profile".to_owned(), profile.get_name().to_owned()]);
    }
    Ok(Dealt { runs: words, shards: args.shards, cpus: args.cpus })
}

/// A name as Kubernetes takes it, with room for what is appended.
fn name(text: &str) -> Result<String, String> {
    const LETTERS_MAX: usize = 50;
    let is_inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let is_name = text.len() <= LETTERS_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(is_inner);
    let expected =
        || format!("expected a letter, then letters, digits and hyphens, all lower-case and at most {LETTERS_MAX}");
    if is_name { Ok(text.to_owned()) } else { Err(expected()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_kubernetes_takes() {
        for right in ["a", "sweep", "night-7"] {
            assert_eq!(name(right), Ok(right.to_owned()));
        }
        for wrong in ["", "7", "-a", "a-", "Sweep", "a_b", "a.b", "ä", &"a".repeat(51)] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }
}
