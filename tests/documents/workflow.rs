//! The commands that README.md shows are ones that the program understands, in its workflow for GitHub and elsewhere.

use clap::Parser as _;
use countersign::cli::Cli;
use serde_json::Value;

use crate::yaml::documents;

/// What an SMP's file `pin` holds.
const PIN: &str = "nwb5HJ1LnXL3v260ER37B0yNuyo58j2pNp9oTvAInL4";

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// The arguments of every line that calls the program, by whichever path.
fn commands(script: &str) -> Vec<Vec<String>> {
    let words = |line: &str| {
        // As a shell does: a comment ends the line, quotes keep a pattern whole, and what is redirected is no argument.
        let line = line.split(" #").next().unwrap_or_default().replace('\'', "");
        let line = line.replace("\"$(cat countersign-smp/pin)\"", PIN);
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let end = words.iter().position(|word| word.starts_with(['>', '|', '&'])).unwrap_or(words.len());
        words[..end].to_vec()
    };
    let script = script.replace("\\\n", " ");
    let calls = script.lines().map(words).filter(|words| words.first().is_some_and(|it| it.ends_with("countersign")));
    calls.collect()
}

fn understood(command: &[String]) {
    if let Err(error) = Cli::try_parse_from(command) {
        panic!("README.md: {}\n{error}", command.join(" "));
    }
}

/// Every step of every job.
fn steps(workflow: &Value) -> Vec<&Value> {
    workflow["jobs"].as_object().unwrap().values().flat_map(|job| job["steps"].as_array().unwrap()).collect()
}

#[test]
fn every_command_of_the_workflow_is_understood() {
    let readme = readme();
    let [workflow] = &blocks(&readme, "yaml")[..] else { panic!("one workflow") };
    let workflow = documents(workflow).remove(0);
    let run: Vec<_> = steps(&workflow).into_iter().filter_map(|step| step["run"].as_str()).collect();
    let commands: Vec<_> =
        run.iter().flat_map(|script| commands(&script.replace("${{ matrix.shard }}", "4"))).collect();
    for command in &commands {
        understood(command);
    }
    let verbs: Vec<_> = commands.iter().map(|command| command[1].as_str()).collect();
    assert_eq!(verbs, ["sweep", "merge"]);
    // As many shards are made as are merged.
    let shards = workflow["jobs"]["sweep"]["strategy"]["matrix"]["shard"].as_array().unwrap().len();
    assert!(commands[0].contains(&format!("{shards}/{shards}")), "{:?}", commands[0]);
    assert_eq!(commands[1].iter().filter(|word| word.starts_with("shard-")).count(), shards);
}

#[test]
fn every_job_of_the_workflow_waits_for_one_that_is_there() {
    let readme = readme();
    let workflow = documents(&blocks(&readme, "yaml")[0]).remove(0);
    let jobs = workflow["jobs"].as_object().unwrap();
    for (name, job) in jobs {
        assert!(job["runs-on"].is_string(), "{name}");
        assert!(job["needs"].as_str().is_none_or(|needed| jobs.contains_key(needed)), "{name}");
        for step in job["steps"].as_array().unwrap() {
            assert!(step["run"].is_string() != step["uses"].is_string(), "{name}: {step}");
        }
    }
}

#[test]
fn every_command_of_the_other_blocks_is_understood() {
    let commands: Vec<_> = blocks(&readme(), "sh").iter().flat_map(|block| commands(block)).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    commands.iter().for_each(|command| understood(command));
}
