//! The page in a real browser: it renders, without a complaint and without a request, and shows the figures of the JSON.
//!
//! Where there is no Chromium, the test says so and passes.

mod page;
mod small_plan;

use std::{env, fs, path::Path, process::Command};

use countersign::{
    plan::Plan,
    report::{Environment, Evidence, Findings, Report, write},
    run::Finished,
    types::{CryptoTier, Profile},
};

/// Where a system has it under one of these names.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

#[test]
fn a_browser_shows_what_the_json_says() {
    let Some(browser) = browser() else {
        return skipped();
    };
    let crypto = Some(CryptoTier::Modelled);
    for (plan, diagrams) in [
        (small_plan::shipped_plan("attack/21_injection", None, Some(Profile::Literal), crypto), 1),
        (small_plan::shipped_plan("hardship/partition_branch", None, None, crypto), 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write_report(folder.path(), &plan);
        let (dom, log) = dump(&browser, folder.path(), &folder.path().join("report.html"));
        let json = fs::read_to_string(folder.path().join("report.json")).unwrap();
        let compared = page::compare(&dom, &json);
        assert!(compared > 40, "only {compared} figures:\n{dom}");
        assert_eq!(dom.matches("class=\"space-time\"").count(), diagrams);
        // The script has run.
        assert!(dom.contains("<button type=\"button\" id=\"copy\">Copy</button>"), "{dom}");
        assert_eq!(complaints(&log), Vec::<&str>::new());
        let drawing = folder.path().join("space-time.svg");
        assert_eq!(drawing.exists(), diagrams == 1);
        if drawing.exists() {
            let (dom, log) = dump(&browser, folder.path(), &drawing);
            assert!(
                dom.contains("<tspan class=\"who\">attacker-1</tspan>") && dom.trim_end().ends_with("</svg>"),
                "{dom}"
            );
            assert_eq!(complaints(&log), Vec::<&str>::new());
        }
        let screenshot = folder.path().join("page.png");
        let written = run(
            &browser,
            folder.path(),
            &[&format!("--screenshot={}", screenshot.display())],
            &folder.path().join("report.html"),
        );
        assert!(fs::metadata(&screenshot).is_ok_and(|file| file.len() > 20_000), "{written:?}");
    }
}

/// What the test above trusts in: a page that is wrong is noticed.
#[test]
fn a_browser_complains_about_a_page_that_is_wrong() {
    let Some(browser) = browser() else {
        return skipped();
    };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("wrong.html");
    let policy =
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'\">";
    for wrong in ["<script>missing()</script>", "<script>fetch('http://127.0.0.1:9/')</script>", "<img src='a.png'>"] {
        fs::write(&page, format!("<!doctype html>{policy}{wrong}")).unwrap();
        let (_, log) = dump(&browser, folder.path(), &page);
        assert!(!complaints(&log).is_empty(), "{wrong}: {log}");
    }
}

fn skipped() {
    println!(
        "skipped: no Chromium was found on the PATH (as {}); to look at the page in a browser, install one, such as \
         Debian's package `chromium`",
        NAMES.join(", ")
    );
}

fn browser() -> Option<String> {
    let path = env::var_os("PATH")?;
    let exists = |name: &str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
    NAMES.into_iter().find(|name| exists(name)).map(str::to_owned)
}

fn write_report(folder: &Path, plan: &Plan) {
    let Finished { judgement, measurements, digest, latencies, scene, .. } = small_plan::finished(plan);
    let reproduce = "countersign run".into();
    let environment = Environment::default();
    let whole = latencies.clone();
    let findings = Findings {
        judgement,
        measurements,
        pace: None,
        latencies: whole,
        digest,
        interrupted: false,
        reproduce,
        environment,
    };
    let evidence = Evidence { latencies: &latencies, scene: scene.as_ref(), trace: None };
    write(folder, &Report::new(plan, findings), plan, evidence).unwrap();
}

/// The document as the browser has it in the end, and what it logged.
fn dump(browser: &str, folder: &Path, page: &Path) -> (String, String) {
    run(browser, folder, &["--dump-dom", "--enable-logging=stderr", "--v=0"], page)
}

fn run(browser: &str, folder: &Path, arguments: &[&str], page: &Path) -> (String, String) {
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        // It looks at a file: nothing goes out.
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Whatever the page has to say on the console: a page that is right says nothing.
fn complaints(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("CONSOLE")).collect()
}
