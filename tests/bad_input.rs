//! Files that are cut off, foreign, newer or edited: every command that reads one says which, where and what to do, and
//! none gives another result in silence.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

use countersign::{
    plan::{PLAN_VERSION, Plan},
    sweep::{Bundle, BundleEnvironment, Journal},
    trace::{ReadError, Record, TraceHeader, TraceReader},
};
use proptest::{prelude::*, sample::Index};
use tempfile::TempDir;

const SCENARIO: &str = r#"
description = "Three agents meet a site server, and a thief takes tokens off the line."
profile = "literal"
crypto = "modelled"
duration = "1m"
sites = { count = 1 }
agents = [{ count = 3, start = { min = "0s", max = "9s" }, visits = { every = "20s", jitter = "5s" } }]
attackers = [{ attack = "stolen_token", start = "15s" }]
"#;

/// Whole files of each kind, and the scenario that they are of.
struct Good {
    folder: TempDir,
    files: Vec<(&'static str, Vec<u8>)>,
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), SCENARIO).unwrap();
    let run = countersign(folder.path(), &["run", "mine.toml", "--trace", "trace.jsonl", "--out", "run"]);
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    let sweep = countersign(folder.path(), &["sweep", "mine.toml", "--seeds", "0..3", "--jobs", "1", "--out", "sweep"]);
    assert_eq!(sweep.status.code(), Some(1), "{sweep:?}");
    let paths = ["trace.jsonl", "run/plan.json", "sweep/sweep.json", "sweep/journal.jsonl", "run/report.json"];
    let files = paths.map(|path| (path.rsplit('/').next().unwrap(), fs::read(folder.path().join(path)).unwrap()));
    Good { files: files.to_vec(), folder }
});

impl Good {
    fn bytes(&self, name: &str) -> &[u8] {
        &self.files.iter().find(|(file, _)| *file == name).unwrap().1
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn countersign(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Each kind of file, its name, and the commands that read it.
const READERS: [(&str, &[&str]); 5] = [
    ("trace.jsonl", &["explain FILE --agent agent-1", "export FILE --as perfetto"]),
    ("plan.json", &["replay FILE", "shrink FILE"]),
    ("sweep.json", &["merge FILE", "compare FILE sweep"]),
    ("report.json", &["compare run FILE"]),
    ("journal.jsonl", &["sweep mine.toml --seeds 0..3 --jobs 1 --out out"]),
];

/// What a file of this name may hold instead.
fn bad(name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let good = GOOD.bytes(name);
    let text = String::from_utf8(good.to_vec()).unwrap();
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{name} has no {from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let version = |number| format!("\"version\": {number}");
    let mut all = vec![
        ("empty", Vec::new()),
        ("binary", (0..=255).collect()),
        ("csv", b"id,time\n1,2\n".to_vec()),
        ("json", b"{\"a\": 1}\n".to_vec()),
        ("list", b"[1, 2]\n".to_vec()),
        // Before anything that differs between machines, so that the place is always the same.
        ("cut off", good[..700].to_vec()),
    ];
    all.extend(GOOD.files.iter().filter(|(other, _)| *other != name).cloned());
    all.extend(match name {
        "trace.jsonl" => vec![
            ("newer", edited("\"countersign_trace\":2", "\"countersign_trace\":3")),
            ("edited actor", edited("\"actor\":\"agent-1\"", "\"actor\":\"agent-2\"")),
            ("edited header", edited("\"seed\":1", "\"seed\":2")),
        ],
        "plan.json" => vec![
            ("newer", edited(&version(PLAN_VERSION), &version(PLAN_VERSION + 1))),
            ("misspelt key", edited("\"cores\"", "\"core\"")),
            ("impossible value", edited("\"tick_ms\": 1", "\"tick_ms\": 0")),
            ("other type", edited("\"seed\": 1", "\"seed\": \"one\"")),
        ],
        "sweep.json" => vec![
            ("newer", edited("\"countersign_sweep\": 1", "\"countersign_sweep\": 2")),
            ("no shard", edited("\"index\": 1", "\"index\": 0")),
            ("of no shards", edited("\"count\": 1", "\"count\": 0")),
            ("endless", edited("\"seeds_to\": 3", "\"seeds_to\": 18446744073709551615")),
            ("backwards", edited("\"seeds_from\": 0", "\"seeds_from\": 4")),
            ("another run", edited("\"seed\": 1,\n      \"case\"", "\"seed\": 2,\n      \"case\"")),
            ("edited outcome", edited("\"served\": ", "\"served\": 1")),
            ("no check", edited("\"check\"", "\"checked\"")),
        ],
        "report.json" => vec![
            ("newer", edited("\"countersign_report\": 1", "\"countersign_report\": 9")),
            ("other type", edited("\"seed\": 1", "\"seed\": true")),
        ],
        _ => vec![
            ("newer", edited("\"countersign_journal\":1", "\"countersign_journal\":2")),
            ("edited run", edited("\"verdict\":\"violated\"", "\"verdict\":\"passed\"")),
            ("other seeds", edited("\"seeds_to\":3", "\"seeds_to\":4")),
        ],
    });
    // A killed sweep leaves these, and goes on.
    all.retain(|(what, _)| name != "journal.jsonl" || !["empty", "cut off"].contains(what));
    // Plans alone are meant to be compared with nothing: a sweep is as good as a report.
    all.retain(|(what, _)| {
        !(name == "sweep.json" && *what == "report.json" || name == "report.json" && *what == "sweep.json")
    });
    all
}

#[test]
fn a_bad_file_is_refused_by_every_command_that_reads_it_with_its_name_the_place_and_what_to_do() {
    let mut told = String::new();
    for (name, commands) in READERS {
        for (what, content) in bad(name) {
            for command in commands {
                let folder = tempfile::tempdir().unwrap();
                let place = folder.path();
                fs::write(place.join("mine.toml"), SCENARIO).unwrap();
                fs::create_dir(place.join("out")).unwrap();
                for (kept, file) in [("sweep", "sweep.json"), ("run", "report.json")] {
                    fs::create_dir(place.join(kept)).unwrap();
                    fs::write(place.join(kept).join(file), GOOD.bytes(file)).unwrap();
                }
                let file = if name == "journal.jsonl" { "out/journal.jsonl".to_owned() } else { format!("bad-{name}") };
                fs::write(place.join(&file), &content).unwrap();
                let arguments: Vec<_> = command.split(' ').map(|it| if it == "FILE" { &*file } else { it }).collect();
                let output = countersign(place, &arguments);
                let stderr = String::from_utf8(output.stderr).unwrap();
                let case = format!("{} of {what}", arguments.join(" "));
                assert_eq!(output.status.code(), Some(2), "{case}: {stderr}");
                assert!(stderr.starts_with("error: ") && stderr.contains(&file), "{case}: {stderr}");
                assert!(output.stdout.is_empty(), "{case}");
                // Whatever it is, it is not ours to change.
                assert!(fs::read(place.join(&file)).unwrap() == content, "{case}");
                let line = format!("{what:16} {}", masked(stderr.trim_end()));
                if !told.ends_with(&format!("{line}\n")) {
                    told.push_str(&format!("{}{line}\n", heading(&told, command)));
                }
            }
        }
    }
    insta::assert_snapshot!(told);
}

/// The command, where it is another one than before.
fn heading(told: &str, command: &str) -> String {
    let heading = format!("$ countersign {command}\n");
    let latest = told.rfind("$ countersign ").map(|at| &told[at..]);
    if latest.is_some_and(|latest| latest.starts_with(&heading)) { String::new() } else { heading }
}

/// Without what a change of the protocol changes: digests and checks.
fn masked(text: &str) -> String {
    let is_hash = |word: &str| word.len() >= 8 && word.chars().all(|it| it.is_ascii_hexdigit());
    text.split_inclusive('`').map(|word| if is_hash(word.trim_end_matches('`')) { "HASH`" } else { word }).collect()
}

#[test]
fn what_cannot_be_read_at_all_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::write(place.join("mine.toml"), SCENARIO).unwrap();
    fs::create_dir_all(place.join("out/journal.jsonl")).unwrap();
    fs::create_dir_all(place.join("folder.json")).unwrap();
    fs::write(place.join("secret.json"), "{}").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(place.join("secret.json"), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let mut files = vec!["nowhere.json", "folder.json"];
    match fs::File::open(place.join("secret.json")) {
        Err(_) => files.push("secret.json"),
        Ok(_) => eprintln!("skipped: this user may read every file"),
    }
    for (name, commands) in READERS {
        for command in commands {
            for file in &files {
                let file = if name == "journal.jsonl" { "out/journal.jsonl" } else { file };
                let arguments: Vec<_> = command.split(' ').map(|it| if it == "FILE" { file } else { it }).collect();
                let arguments: Vec<_> =
                    arguments.iter().map(|it| if *it == "run" { "nowhere.json" } else { it }).collect();
                let output = countersign(place, &arguments);
                let stderr = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
                assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
                assert!(stderr.contains(file) || stderr.contains("nowhere.json"), "{arguments:?}: {stderr}");
            }
        }
    }
}

/// Damage of some kind at some place.
#[derive(Clone, Debug)]
enum Damage {
    Cut(Index),
    Change(Index, u8),
    Remove(Index),
    Repeat(Index),
    Swap(Index, Index),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let at = any::<Index>;
        prop_oneof![
            at().prop_map(Self::Cut),
            (at(), 1u8..).prop_map(|(at, by)| Self::Change(at, by)),
            // A digit for a digit: what is the hardest to see.
            (at(), Just(1)).prop_map(|(at, by)| Self::Change(at, by)),
            at().prop_map(Self::Remove),
            at().prop_map(Self::Repeat),
            (at(), at()).prop_map(|(one, other)| Self::Swap(one, other)),
        ]
    }

    fn of(&self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        let mut lines: Vec<_> = good.split_inclusive(|byte| *byte == b'\n').collect();
        match self {
            Self::Cut(at) => bytes.truncate(at.index(good.len())),
            Self::Change(at, by) => {
                let at = at.index(good.len());
                bytes[at] = bytes[at].wrapping_add(*by);
            }
            Self::Remove(at) => {
                lines.remove(at.index(lines.len()));
                return lines.concat();
            }
            Self::Repeat(at) => {
                let at = at.index(lines.len());
                lines.insert(at, lines[at]);
                return lines.concat();
            }
            Self::Swap(one, other) => {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
                return lines.concat();
            }
        }
        bytes
    }
}

fn trace(bytes: &[u8]) -> Result<(TraceHeader, Vec<Record>), ReadError> {
    let reader = TraceReader::new("trace.jsonl", bytes)?;
    Ok((reader.header().clone(), reader.collect::<Result<_, _>>()?))
}

static TRACE: LazyLock<(TraceHeader, Vec<Record>)> = LazyLock::new(|| trace(GOOD.bytes("trace.jsonl")).unwrap());

fn result(path: &Path) -> Result<Bundle, String> {
    let read = Bundle::read(path).map_err(|error| error.to_string())?;
    // Times and machines are no result.
    Ok(Bundle { environment: BundleEnvironment::default(), ..read })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damage_to_a_trace_is_noticed(damage in Damage::any()) {
        match trace(&damage.of(GOOD.bytes("trace.jsonl"))) {
            Ok(read) => prop_assert!(read == *TRACE),
            Err(error) => prop_assert!(error.to_string().contains("trace.jsonl`, line "), "{}", error),
        }
    }

    #[test]
    fn damage_to_the_result_of_a_sweep_is_noticed(damage in Damage::any()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.json");
        fs::write(&path, damage.of(GOOD.bytes("sweep.json"))).unwrap();
        match result(&path) {
            Ok(read) => prop_assert!(read == result(&GOOD.path("sweep")).unwrap()),
            Err(error) => prop_assert!(error.contains("sweep.json:"), "{}", error),
        }
    }

    /// What is lost at the end is made again; everything else is noticed, and left as it is.
    #[test]
    fn damage_to_a_journal_is_noticed(damage in Damage::any()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let spec = Bundle::read(&GOOD.path("sweep")).unwrap().spec;
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            Journal::open(&path, &spec).map(|(_, records)| records)
        };
        let whole = read(GOOD.bytes("journal.jsonl")).unwrap();
        let damaged = damage.of(GOOD.bytes("journal.jsonl"));
        match read(&damaged) {
            Ok(records) => prop_assert!(whole.starts_with(&records)),
            Err(error) => {
                prop_assert!(error.to_string().contains("journal.jsonl"), "{}", error);
                prop_assert!(fs::read(&path).unwrap() == damaged);
            }
        }
    }

    /// Plans are meant to be edited: whatever can be run is.
    #[test]
    fn damage_to_a_plan_is_named_or_makes_another_plan(damage in Damage::any()) {
        let Ok(text) = String::from_utf8(damage.of(GOOD.bytes("plan.json"))) else { return Ok(()) };
        match Plan::from_json("plan.json", &text) {
            Ok(plan) => prop_assert!(plan.check().is_ok()),
            Err(error) => prop_assert!(error.to_string().starts_with("plan.json:"), "{}", error),
        }
    }
}
