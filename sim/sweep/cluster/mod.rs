//! What a cluster is told, so that it makes a sweep in shards and merges them: a script or a manifest, to read and to
//! change.

use std::{io, num::NonZero};

use askama::Template;

use crate::report::shell_word;

/// A sweep that is dealt out to the machines of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dealt {
    /// The arguments of `sweep`: scenarios and whatever else decides which runs are made.
    pub runs: Vec<String>,
    /// How many parts there are.
    pub shards: NonZero<u32>,
    /// CPUs for each part.
    pub cpus: NonZero<u32>,
}

/// A script that submits a job array and the job that merges, and that both of them run.
#[derive(Template)]
#[template(path = "slurm.sh", escape = "none")]
struct SlurmScript {
    program: String,
    runs: String,
    out: String,
    shards: u32,
    cpus: u32,
}

/// An Indexed Job, the Job that merges, and the volume that they share.
#[derive(Template)]
#[template(path = "kubernetes.yaml", escape = "none")]
struct KubernetesManifest {
    name: String,
    image: String,
    runs: String,
    shards: u32,
    cpus: u32,
    memory_mib: u32,
}

impl Dealt {
    /// The script for Slurm. `program` is this program's file, and `out` the folder of the results, as all nodes see
    /// them.
    ///
    /// # Errors
    /// None that a sweep could cause.
    pub fn slurm(&self, program: &str, out: &str) -> io::Result<String> {
        let runs: Vec<_> = self.runs.iter().map(|word| shell_word(word)).collect();
        let script = SlurmScript {
            program: shell_word(program),
            runs: runs.join(" "),
            out: shell_word(out),
            shards: self.shards.get(),
            cpus: self.cpus.get(),
        };
        rendered(&script)
    }

    /// The manifest for Kubernetes. `image` has the program; `name` is what everything in the cluster is named by.
    ///
    /// # Errors
    /// None that a sweep could cause.
    pub fn kubernetes(&self, image: &str, name: &str) -> io::Result<String> {
        const MEMORY_PER_CPU_MIB: u32 = 1_024;
        let runs = self.runs.iter().map(|word| yaml_word(&literal(word))).collect::<Result<Vec<_>, _>>()?;
        let manifest = KubernetesManifest {
            name: name.to_owned(),
            image: yaml_word(image)?,
            runs: runs.join(", "),
            shards: self.shards.get(),
            cpus: self.cpus.get(),
            memory_mib: self.cpus.get().saturating_mul(MEMORY_PER_CPU_MIB),
        };
        rendered(&manifest)
    }
}

/// Kubernetes puts variables in for `$(NAME)`, and leaves `$$(NAME)` as `$(NAME)`.
fn literal(word: &str) -> String {
    word.replace("$(", "$$(")
}

/// A string in quotes: every string of JSON is one of YAML.
fn yaml_word(word: &str) -> io::Result<String> {
    Ok(serde_json::to_string(word)?)
}

fn rendered(template: &impl Template) -> io::Result<String> {
    // The engine leaves out a line's end at the end of a file.
    template.render().map(|text| text + "\n").map_err(io::Error::other)
}
