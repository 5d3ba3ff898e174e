//! Disks that are full, processes that are killed, readers that go away: under its final name a file is whole, or as it was
//! before, and the exit code is still the verdict's.

#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use countersign::{
    plan::Plan,
    report::Verdict,
    sweep::{Bundle, BundleEnvironment},
    trace::TraceReader,
};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");

const SCENARIO: &str = r#"
description = "A thief takes tokens off the line."
profile = "literal"
crypto = "modelled"
duration = "2m"
sites = { count = 1 }
agents = [{ count = 3, start = { min = "2s", max = "8s" }, visits = { every = "7s", jitter = "1s" } }]
attackers = [{ attack = "stolen_token", start = "20s" }]
"#;

/// Each command that writes files, and into which folder or file.
const WRITERS: [(&str, &str); 6] = [
    ("run mine.toml --out out", "out"),
    ("run mine.toml --out out --trace out/trace.jsonl", "out"),
    ("sweep mine.toml --seeds 0..12 --jobs 1 --out out", "out"),
    ("merge whole --out out", "out"),
    ("export whole/trace.jsonl --as perfetto --out out/perfetto.json", "out"),
    ("shrink mine.toml --out out --max-time 2s --jobs 1", "out"),
];

fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), SCENARIO).unwrap();
    for arguments in ["run mine.toml --trace trace.jsonl", "sweep mine.toml --seeds 0..12 --jobs 1 --out whole"] {
        let output = Command::new(PROGRAM).args(arguments.split(' ')).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    fs::rename(folder.path().join("trace.jsonl"), folder.path().join("whole/trace.jsonl")).unwrap();
    folder
}

/// Runs a command that may write files of so many blocks of 512 bytes: a write beyond fails, as on a disk that is full.
fn limited(folder: &Path, blocks: u32, arguments: &str) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {PROGRAM} {arguments}");
    Command::new("sh").args(["-c", &script]).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// Whether a file is one that was written to its end.
fn is_whole(path: &Path) -> bool {
    let content = fs::read_to_string(path).unwrap();
    match path.file_name().unwrap().to_str().unwrap() {
        "plan.json" => Plan::from_json("plan.json", &content).is_ok(),
        "sweep.json" => Bundle::read(path).is_ok(),
        "trace.jsonl" => TraceReader::new("trace", content.as_bytes()).unwrap().all(|record| record.is_ok()),
        "report.html" => content.ends_with("</html>\n") || content.ends_with("</html>"),
        "space-time.svg" => content.trim_end().ends_with("</svg>"),
        "junit.xml" => content.trim_end().ends_with("</testsuites>"),
        name if name.ends_with(".json") => serde_json::from_str::<serde_json::Value>(&content).is_ok(),
        // Text has no end of its own but that of a line. A journal may lack even that.
        "journal.jsonl" => true,
        _ => content.ends_with('\n'),
    }
}

/// Asserts that every file in a folder is whole, or holds what stood there before; gives the names of those that are whole.
fn whole_files(folder: &Path, before: Option<&str>, case: &str) -> Vec<String> {
    let mut whole = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if before.is_some_and(|before| fs::read(&path).unwrap() == before.as_bytes()) {
            continue;
        }
        // A trace is written as the run goes; what there is of it has another name, and stays.
        if name == "trace.jsonl.partial" {
            continue;
        }
        assert!(!name.ends_with(".partial"), "{case}: {name} is left behind");
        assert!(is_whole(&path), "{case}: {name} is not whole");
        whole.push(name);
    }
    whole
}

#[test]
fn on_a_full_disk_every_file_is_whole_or_as_it_was_and_the_error_names_the_one_that_is_not() {
    const BEFORE: &str = "what stood here before\n";
    let place = place();
    for (arguments, out) in WRITERS {
        let out = place.path().join(out);
        let fresh = || {
            let _ = fs::remove_dir_all(&out);
            fs::create_dir(&out).unwrap();
        };
        fresh();
        let output = limited(place.path(), 1_000_000, arguments);
        let (code, names) = (output.status.code(), whole_files(&out, None, arguments));
        assert!(!names.is_empty() && code.is_some_and(|code| code < 2), "{arguments}: {output:?}");
        let (mut failures, mut blocks) = (0, 0);
        loop {
            let case = format!("{arguments} with {blocks} blocks");
            fresh();
            for name in names.iter().filter(|name| *name != "journal.jsonl") {
                fs::write(out.join(name), BEFORE).unwrap();
            }
            let output = limited(place.path(), blocks, arguments);
            let stderr = String::from_utf8(output.stderr).unwrap();
            whole_files(&out, Some(BEFORE), &case);
            if output.status.code() == code {
                break;
            }
            assert_eq!(output.status.code(), Some(70), "{case}: {stderr}");
            let error = stderr.lines().last().unwrap_or_default();
            assert!(error.starts_with("internal error: ") && error.contains("out/"), "{case}: {stderr}");
            failures += 1;
            blocks = blocks * 2 + 1;
        }
        assert!(failures > 2, "{arguments}: {failures}");
    }
}

#[test]
fn a_sweep_goes_on_once_there_is_room_again_and_comes_to_the_same() {
    let place = place();
    let result = |out: &str| Bundle {
        environment: BundleEnvironment::default(),
        ..Bundle::read(&place.path().join(out)).unwrap()
    };
    let arguments = "sweep mine.toml --seeds 0..12 --jobs 1 --out out";
    for blocks in [0, 1, 2, 4, 8, 16] {
        let output = limited(place.path(), blocks, arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(70), "{stderr}");
        assert!(stderr.contains("out/journal.jsonl") && stderr.contains("free some space"), "{stderr}");
    }
    let kept = fs::read_to_string(place.path().join("out/journal.jsonl")).unwrap().lines().count();
    assert!(kept > 2, "{kept}");
    let output = limited(place.path(), 1_000_000, arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(result("out"), result("whole"));
    assert_eq!(result("out").verdict, Verdict::Violated);
}

#[test]
fn a_device_is_written_to_and_not_replaced_and_a_link_stays_a_link() {
    let place = place();
    let export = |out: &str| {
        let arguments = ["export", "whole/trace.jsonl", "--as", "mermaid", "--out", out];
        Command::new(PROGRAM).args(arguments).current_dir(place.path()).output().unwrap()
    };
    std::os::unix::fs::symlink("/dev/full", place.path().join("full")).unwrap();
    let output = export("full");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70), "{stderr}");
    assert!(stderr.contains("`full`") && stderr.contains("space"), "{stderr}");
    assert!(!fs::metadata("/dev/full").unwrap().is_file());
    std::os::unix::fs::symlink("target.mmd", place.path().join("link.mmd")).unwrap();
    fs::write(place.path().join("target.mmd"), "before").unwrap();
    assert_eq!(export("link.mmd").status.code(), Some(0));
    assert!(fs::symlink_metadata(place.path().join("link.mmd")).unwrap().is_symlink());
    assert!(fs::read_to_string(place.path().join("target.mmd")).unwrap().starts_with("sequenceDiagram"));
    assert!(export("/dev/stdout").stdout.starts_with(b"sequenceDiagram"));
}

#[test]
fn a_disk_that_is_really_full_is_told_likewise() {
    let place = place();
    // A disk of its own, which is gone with the process that made it.
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs disk || exit 99; {PROGRAM} run mine.toml --out disk/out; code=$?; \
         cp -r disk/out kept; exit $code"
    );
    fs::create_dir(place.path().join("disk")).unwrap();
    let output = Command::new("unshare").args(["-rm", "sh", "-c", &script]).current_dir(place.path()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    if !place.path().join("kept").is_dir() {
        eprintln!("skipped: no file system may be mounted here: {stderr}");
        return;
    }
    assert_eq!(output.status.code(), Some(70), "{stderr}");
    assert!(stderr.contains("failed to write `disk/out/") && stderr.contains("free some space"), "{stderr}");
    whole_files(&place.path().join("kept"), None, "a full disk");
}

#[test]
fn a_run_that_is_killed_leaves_whole_files_or_none() {
    const KILLS: u32 = 40;
    let place = place();
    let start = || {
        let mut command = Command::new(PROGRAM);
        command.args(["run", "mine.toml", "--out", "out", "--trace", "out/trace.jsonl"]).current_dir(place.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let began = Instant::now();
    start().wait().unwrap();
    let took = began.elapsed();
    let mut seen = BTreeMap::<usize, u32>::new();
    for kill in 1..=KILLS {
        let _ = fs::remove_dir_all(place.path().join("out"));
        let mut child = start();
        // Most of them towards the end, where files are written.
        thread::sleep(took.mul_f64(0.3) + (took / KILLS * kill).min(Duration::from_secs(2)));
        child.kill().unwrap();
        child.wait().unwrap();
        let Ok(files) = fs::read_dir(place.path().join("out")) else { continue };
        let files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        let files = files.iter().filter(|path| path.extension().is_none_or(|ending| ending != "partial"));
        let whole = files.inspect(|path| assert!(is_whole(path), "{} is not whole", path.display())).count();
        *seen.entry(whole).or_default() += 1;
    }
    // Else every kill came too early or too late to prove anything.
    eprintln!("files found, and how often: {seen:?}");
    assert!(!seen.is_empty());
}

#[test]
fn a_reader_that_goes_away_changes_no_verdict_and_is_no_error() {
    let place = place();
    for arguments in [
        "run mine.toml",
        "run mine.toml --format json",
        "run mine.toml --trace -",
        "run mine.toml --log accepted",
        "sweep mine.toml --seeds 0..3 --jobs 1",
        "merge whole",
        "explain whole/trace.jsonl --agent agent-1",
    ] {
        let start = || {
            let mut command = Command::new(PROGRAM);
            command.args(arguments.split(' ')).current_dir(place.path()).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let verdict = start().wait_with_output().unwrap().status.code();
        assert_eq!(verdict, Some(i32::from(!arguments.starts_with("explain"))), "{arguments}");
        let mut child = start();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), verdict, "{arguments}: {stderr}");
        assert!(!stderr.contains("error") && !stderr.contains("panic"), "{arguments}: {stderr}");
        // Nobody listens at all.
        let mut child = start();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), verdict, "{arguments}");
    }
}
