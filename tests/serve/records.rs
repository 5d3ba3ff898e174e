//! Log records beside the log, by `[log] severity`, `module_severity` and `filter` (rules 75 to 78): what is written, by which
//! level, and how it is turned while a server runs.

use std::fs;

use countersign::{
    event::Outcome,
    scenario::Configuration,
    serve::config::{PortalDocument, SiteDocument, SmpDocument},
};
use serde_json::Value;

use crate::{
    agent::Agent,
    process::{SMP, Served, http, status},
};

/// The records among the lines of a log, in order.
fn records(text: &str) -> Vec<Value> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["severity"].is_string()).collect()
}

fn message(record: &Value) -> &str {
    record["message"].as_str().unwrap()
}

fn is_of_module(record: &Value) -> bool {
    message(record).starts_with("IISModule: ")
}

#[test]
fn masks_decide_and_a_request_and_its_answer_have_one_number() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("log.severity = 0x3f\nlog.module_severity = 0x20\n{SMP}");
    let smp = Served::start("smp", folder.path(), &config);
    assert_eq!(status(&http(smp.address(), "GET /Altiris/Public/x HTTP/1.1\r\nHost: x\r\n", "")), 200);
    assert_eq!(Agent::new(1).visit(&smp, &smp, 2), [Outcome::ServedTwoStep, Outcome::ServedOneStep]);
    let all = records(&smp.stop());
    let module: Vec<_> = all
        .iter()
        .filter(|record| is_of_module(record))
        .map(|record| (record["number"].as_u64().unwrap(), message(record).trim_start_matches("IISModule: ")))
        .collect();
    let protected = "Request: protected path";
    assert_eq!(
        module,
        [
            (1, "Request: public path"),
            (1, "Response: 200"),
            (2, protected),
            (2, "Response: 401"),
            (3, protected),
            (3, "Response: 200"),
            (4, protected),
            (4, "Response: 200")
        ]
    );
    let has = |words: &str| all.iter().any(|record| message(record).contains(words));
    assert!(has("SiteServer: starts") && has("is authenticated, kind: Token") && has("Token registry: token "));
    // What a line says of its severity, its level says too.
    for record in &all {
        let level = match record["severity"].as_str().unwrap() {
            "Error" => "ERROR",
            "Warning" => "WARN",
            "Info" => "INFO",
            "Verbose" | "Debug" => "DEBUG",
            "Trace" => "TRACE",
            other => panic!("{other}"),
        };
        assert_eq!(record["level"], level, "{record}");
    }
    assert!(all.iter().any(|record| record["level"] == "DEBUG"), "though the level of the log is info");
}

#[test]
fn a_served_module_is_silent_by_default_and_nothing_is_written_at_all_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), &format!("log.severity = 0x3f\n{SMP}"));
    http(smp.address(), "GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: SMPToken nonsense\r\n", "");
    let all = records(&smp.stop());
    assert!(!all.is_empty() && !all.iter().any(is_of_module), "{all:?}");
    let smp = Served::start("smp", folder.path(), SMP);
    http(smp.address(), "GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: SMPToken nonsense\r\n", "");
    assert_eq!(records(&smp.stop()), [] as [Value; 0]);
}

#[test]
fn a_filter_and_a_mask_leave_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("log.severity = 0x12\nlog.filter = [\"Token registry\"]\n{SMP}");
    let smp = Served::start("smp", folder.path(), &config);
    assert_eq!(Agent::new(1).visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    let all = records(&smp.stop());
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(message(&all[0]).starts_with("Token registry: token ") && all[0]["severity"] == "Verbose", "{all:?}");
    // Warnings alone: the refusal, and nothing of what the agent does well.
    let smp = Served::start("smp", folder.path(), &format!("log.severity = 2\n{SMP}"));
    assert_eq!(Agent::new(2).visit(&smp, &smp, 1), [Outcome::ServedTwoStep]);
    http(smp.address(), "GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: SMPToken nonsense\r\n", "");
    let all = records(&smp.stop());
    assert_eq!(all.iter().map(message).collect::<Vec<_>>(), ["SiteServer: Token is refused: Syntax"]);
}

#[test]
fn sighup_turns_level_masks_and_filters_of_a_server_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), SMP);
    let ask = || http(smp.address(), "GET /Altiris/x HTTP/1.1\r\nHost: x\r\n", "");
    let turn = |config: &str, taken_over: &str| {
        fs::write(folder.path().join("smp.toml"), config).unwrap();
        smp.signal("HUP");
        let line = smp.until("that it was read", |line| line["taken_over"] == taken_over);
        assert_eq!((&line["message"], line.get("needs_restart")), (&"configuration read again".into(), None), "{line}");
    };
    ask();
    let on = "log.level = \"debug\"\nlog.severity = 0x3f\nlog.module_severity = 0x20\nlog.filter = [\"Response:\"]\n";
    turn(&format!("{on}{SMP}"), "log.level, log.severity, log.module_severity, log.filter");
    ask();
    smp.until("a record", |line| line["message"] == "IISModule: Response: 401");
    smp.until("a line of the new level", |line| line["message"] == "challenged");
    turn(&format!("{}{SMP}", on.replace("Response:", "Request:")), "log.filter");
    ask();
    smp.until("another record", |line| line["message"] == "IISModule: Request: protected path");
    turn(&format!("log.level = \"debug\"\n{SMP}"), "log.severity, log.module_severity, log.filter");
    ask();
    let text = smp.stop();
    let modules: Vec<_> = records(&text).iter().map(|record| message(record).to_owned()).collect();
    assert_eq!(modules, ["IISModule: Response: 401", "IISModule: Request: protected path"]);
    assert_eq!(text.matches("\"challenged\"").count(), 3, "{text}");
}

#[test]
fn masks_and_filters_that_can_select_nothing_are_refused_with_their_place() {
    let pin = "smp = { origin = \"http://smp\", pin = \"nwb5HJ1LnXL3v260ER37B0yNuyo58j2pNp9oTvAInL4\" }\n";
    let read = |kind: &str, text: &str| {
        let text = if kind == "site" { format!("{text}\n{pin}") } else { text.to_owned() };
        let source = Configuration { file: "it.toml", text: &text, lister: "" };
        let resolved = match kind {
            "smp" => source.read::<SmpDocument>().and_then(|it| it.resolve(&source).map(|_| ())),
            "site" => source.read::<SiteDocument>().and_then(|it| it.resolve(&source).map(|_| ())),
            _ => source.read::<PortalDocument>().and_then(|it| it.resolve(&source).map(|_| ())),
        };
        resolved.map_err(|error| error.render(None))
    };
    for (kind, text, said) in [
        ("smp", "log.severity = 0x20\nlog.module_severity = 0x10", "0x20 in both"),
        ("smp", "log.severity = 0x1f\nlog.module_severity = 0x3f", "0x20 in both"),
        ("smp", "log.module_severity = 0x20", "0x20 in both"),
        ("smp", "log.filter = [\"Token\"]", "a `log.severity`"),
        ("smp", "log.severity = 0x3f\nlog.filter = [\"Token\", \"Token storage\"]", "it.toml:2:24"),
        ("smp", "log.severity = 0x3f\nlog.filter = [\"NetworkOperation\"]", "that a served server says"),
        ("smp", "log.severity = 0x3f\nlog.filter = [\"_SMP_IUSR\"]", "that a served server says"),
        ("smp", "log.severity = 0x3f\nlog.filter = [\"Token cache\"]", "only site servers say that"),
        (
            "smp",
            "log.severity = 0x3f\nlog.filter = [\"Response:\"]",
            "0x20 in `log.severity` and in `log.module_severity`",
        ),
        ("smp", "log.severity = 4\nlog.filter = [\"Token registry\"]", "some of 0x18 in `log.severity`"),
        ("portal", "log.severity = 4", "a portal writes no records"),
        ("portal", "log.filter = [\"Token\"]", "a portal writes no records"),
        ("smp", "[parameters]\nauthentication = [\"token\", \"acc\", \"token\"]", "`token` once more"),
        ("smp", "[parameters]\nauthentication = [\"token\", \"acc\", \"token\"]", "it.toml:2:35"),
    ] {
        let error = read(kind, text).expect_err(text);
        assert!(error.contains(said), "{text}\n{error}");
    }
    for (kind, text) in [
        ("smp", "log.severity = 0x3f\nlog.module_severity = 0x3f\nlog.filter = [\"IISModule\", \"Token\"]"),
        ("smp", "log.severity = 0x21\nlog.module_severity = 0x30"),
        ("site", "log.severity = 0x14\nlog.filter = [\"Token cache\", \"Server keys:\"]"),
    ] {
        assert_eq!(read(kind, text), Ok(()), "{text}");
    }
}
