//! Keeps the house in order: dependencies point one way, nothing reads the real world where a run must be
//! repeatable, files stay small. Every finding names file and line.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each part of `sim/` and the parts that it may use. A part may use only what stands above it.
const LAYERS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("crypto", &["types"]),
    ("environment", &["types"]),
    ("event", &["types", "environment"]),
    ("logs", &["types", "event"]),
    ("plan", &["types"]),
    ("protocol", &["types", "crypto"]),
    ("bench", &["types", "crypto", "protocol"]),
    ("scenario", &["types", "crypto", "plan"]),
    ("actor", &["types", "crypto", "environment", "event", "protocol"]),
    ("socket", &["types", "event", "protocol", "actor"]),
    ("serve", &["types", "crypto", "event", "logs", "protocol", "scenario", "actor", "socket"]),
    ("attack", &["types", "crypto", "event", "plan", "protocol", "actor"]),
    ("cast", &["types", "crypto", "environment", "plan", "protocol", "actor"]),
    ("world", &["types", "crypto", "event", "plan", "protocol", "actor", "attack", "cast"]),
    ("load", &["types", "crypto", "event", "plan", "actor", "cast", "socket"]),
    // Whoever judges must not share a rule with whom it judges: no protocol here.
    ("oracle", &["types", "event", "plan"]),
    ("trace", &["types", "event", "plan"]),
    ("metrics", &["types", "event", "plan"]),
    ("report", &["types", "event", "plan", "oracle", "metrics"]),
    ("run", &["types", "crypto", "event", "plan", "world", "load", "oracle", "trace", "metrics"]),
    ("sweep", &["types", "plan", "scenario", "oracle", "metrics", "report"]),
    ("shrink", &["types", "plan", "scenario", "oracle", "report", "run", "sweep"]),
    ("compare", &["types", "metrics", "report", "sweep"]),
    (
        "cli",
        &[
            "types", "crypto", "event", "logs", "plan", "protocol", "bench", "scenario", "actor", "socket", "serve",
            "world", "load", "oracle", "trace", "metrics", "report", "run", "sweep", "shrink", "compare",
        ],
    ),
];

/// What would make two runs of one plan differ, and where it is needed all the same.
const BANNED: &[(&str, &[&str], &str)] = &[
    ("SystemTime::now", &["cli/", "socket/clock.rs"], "time comes from the environment"),
    (
        "Instant::now",
        &["cli/", "socket/clock.rs", "socket/fine_sleep.rs", "world/clock.rs"],
        "time comes from the environment",
    ),
    ("thread_rng", &[], "randomness comes from a named stream of the seed"),
    ("rand::rng", &[], "randomness comes from a named stream of the seed"),
    ("SysRng", &[], "randomness comes from a named stream of the seed"),
    ("OsRng", &[], "randomness comes from a named stream of the seed"),
    ("getrandom", &["cli/serve/entropy.rs"], "randomness comes from a named stream of the seed"),
    ("KeyPair::generate", &["cli/serve/entropy.rs"], "keys come from the pool, or from a file"),
    ("RandomState", &[], "hash order must not depend on the process"),
    ("collections::HashMap", &[], "hash order must not depend on the process"),
    ("collections::HashSet", &[], "hash order must not depend on the process"),
    (
        "tokio::spawn",
        &["load/", "socket/", "serve/", "cli/serve/"],
        "tasks are started through the environment, which knows their order",
    ),
    ("JoinSet", &["world/life.rs"], "tasks are started through the environment, which knows their order"),
    ("std::thread", &["cli/", "run/relay.rs", "shrink/shrinker.rs"], "threads interleave as they like"),
    ("std::env", &["cli/", "main.rs"], "the surroundings are the command line's business"),
    (
        "std::fs",
        &["cli/", "report/write.rs", "trace/", "scenario/", "serve/", "sweep/", "compare/"],
        "files are the command line's business",
    ),
    (
        "f64",
        &["cli/", "report/", "metrics/", "serve/", "compare/", "scenario/ranged.rs"],
        "floating point differs between machines",
    ),
    ("f32", &["cli/", "report/", "metrics/"], "floating point differs between machines"),
];

/// The protocol core takes time and randomness as arguments and does no input or output.
const BANNED_IN_PROTOCOL: &[&str] =
    &["tokio", "turmoil", "hyper", "std::net", "std::fs", "std::io", "async fn", "Instant"];

const LINES_MAX: usize = 500;

#[test]
fn dependencies_point_one_way() {
    let mut findings = Vec::new();
    for file in sources() {
        let Some(part) = file.part() else { continue };
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == part) else {
            findings.push(format!("{}: `{part}` has no place among the layers", file.path));
            continue;
        };
        for (line, used) in uses(&file.code()) {
            if used != part && !allowed.contains(&used.as_str()) {
                findings.push(format!("{}:{line}: `{part}` must not use `{used}`", file.path));
            }
        }
    }
    report(findings);
}

#[test]
fn layers_are_listed_in_their_order() {
    for (position, (part, allowed)) in LAYERS.iter().enumerate() {
        for used in *allowed {
            let above = LAYERS[..position].iter().any(|(name, _)| name == used);
            assert!(above, "`{part}` uses `{used}`, which does not stand above it");
        }
    }
}

#[test]
fn nothing_reads_the_real_world_where_a_run_must_be_repeatable() {
    let mut findings = Vec::new();
    for file in sources() {
        for (number, line) in file.code().lines().enumerate() {
            for (word, allowed, why) in BANNED {
                if has_word(line, word) && !allowed.iter().any(|place| file.path.contains(&format!("sim/{place}"))) {
                    findings.push(format!("{}:{}: `{word}`: {why}", file.path, number + 1));
                }
            }
        }
    }
    report(findings);
}

#[test]
fn the_protocol_does_no_input_or_output() {
    let mut findings = Vec::new();
    for file in sources().into_iter().filter(|file| file.part().as_deref() == Some("protocol")) {
        for (number, line) in file.code().lines().enumerate() {
            for word in BANNED_IN_PROTOCOL.iter().filter(|word| has_word(line, word)) {
                findings.push(format!("{}:{}: `{word}` in the protocol", file.path, number + 1));
            }
        }
    }
    report(findings);
}

#[test]
fn every_select_is_biased() {
    let mut findings = Vec::new();
    for file in sources() {
        let lines: Vec<_> = file.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            // Without it the macro draws the order of its branches from the thread's entropy.
            if line.contains("select! {") && lines.get(number + 1).is_none_or(|next| next.trim() != "biased;") {
                findings.push(format!("{}:{}: `select!` without `biased;`", file.path, number + 1));
            }
        }
    }
    report(findings);
}

#[test]
fn files_stay_small() {
    let too_long = |file: &Source| {
        let lines = file.text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}:{lines}: longer than {LINES_MAX} lines", file.path))
    };
    report(sources().iter().filter_map(too_long).collect());
}

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The folder below `sim/`; `None` for files that stand there themselves.
    fn part(&self) -> Option<String> {
        let (_, below) = self.path.split_once("sim/")?;
        below.split_once('/').map(|(part, _)| part.to_owned())
    }

    /// The text without comments and without the tests at its end, line numbers kept.
    fn code(&self) -> String {
        let before_tests = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        let without_comment = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
        before_tests.lines().map(without_comment).collect::<Vec<_>>().join("\n")
    }
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    collect(&root.join("sim"), root, &mut sources);
    assert!(sources.len() > 50, "found only {} files below sim/", sources.len());
    sources
}

fn collect(folder: &Path, root: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, root, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source { path: path.strip_prefix(root).unwrap().display().to_string(), text });
        }
    }
}

/// The parts that a file names with `crate::part` or `use crate::{part::…, part::…}`, with their lines.
fn uses(code: &str) -> Vec<(usize, String)> {
    let mut uses = Vec::new();
    for (offset, _) in code.match_indices("crate::") {
        let before = code[..offset].chars().next_back();
        if before.is_some_and(|character| character.is_alphanumeric() || character == '_' || character == ':') {
            continue;
        }
        let rest = &code[offset + "crate::".len()..];
        let mut push = |at: usize| {
            let name: String = code[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !name.is_empty() {
                uses.push((code[..at].matches('\n').count() + 1, name));
            }
        };
        if !rest.starts_with('{') {
            push(offset + "crate::".len());
            continue;
        }
        let (mut depth, mut is_start) = (0, false);
        for (inner, character) in rest.char_indices() {
            match character {
                '{' => (depth, is_start) = (depth + 1, depth == 0),
                '}' => depth -= 1,
                ',' => is_start = depth == 1,
                _ if is_start && character.is_alphabetic() => {
                    push(offset + "crate::".len() + inner);
                    is_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    uses
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_part_of_word = |character: char| character.is_alphanumeric() || character == '_';
        let before = line[..at].chars().next_back().is_some_and(is_part_of_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_part_of_word);
        !before && !after
    })
}

fn report(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn the_scanner_finds_what_it_looks_for() {
    let code = "use crate::{\n    event::{A, B},\n    types::C,\n};\nlet x = crate::plan::Plan;\n";
    let found: Vec<_> = uses(code).into_iter().collect();
    assert_eq!(found, [(2, "event".into()), (3, "types".into()), (5, "plan".into())]);
    assert!(has_word("let a: f64 = 1;", "f64") && !has_word("xf64", "f64"));
}
