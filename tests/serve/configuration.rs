//! Configuration files: what is wrong is told with its place.

use std::fs;

use countersign::{
    scenario::Configuration,
    serve::config::{SITE_EXAMPLE, SMP_EXAMPLE, SiteDocument, SmpDocument},
};

fn error_of(kind: &str, text: &str) -> String {
    let source = Configuration { file: &format!("{kind}.toml"), text, lister: &format!("countersign schema {kind}") };
    let error = match kind {
        "smp" => source.read::<SmpDocument>().and_then(|document| document.resolve(&source).map(|_| ())),
        _ => source.read::<SiteDocument>().and_then(|document| document.resolve(&source).map(|_| ())),
    };
    error.expect_err(text).render(None)
}

#[test]
fn errors_say_where_what_was_found_and_what_was_expected() {
    let smp = "[smp]\norigin = \"http://smp\"\npin = \"nwb5HJ1LnXL3v260ER37B0yNuyo58j2pNp9oTvAInL4\"\n";
    let mut all = String::new();
    for (kind, text) in [
        ("smp", "listne = \"127.0.0.1:1\""),
        ("smp", "listen = \"localhost\""),
        ("smp", "listen = 8080"),
        ("smp", "listen = \"0.0.0.0:8080\""),
        ("smp", "origin = \"smp.example\""),
        ("smp", "origin = \"https://smp.example\""),
        ("smp", "[tls]\ncertificate = \"a.pem\""),
        ("smp", "origin = \"http://smp\"\n[tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\""),
        ("smp", "profile = \"hard\""),
        ("smp", "crypto = \"modelled\""),
        ("smp", "approved_sites = [\"site-1\"]"),
        ("smp", "admin.listen = \"192.0.2.1:8070\""),
        ("smp", "log.level = \"loud\""),
        ("smp", "[parameters]\ntoken_lifetime = { min = \"10m\", max = \"20m\" }"),
        ("smp", "[parameters]\ntoken_lifetime = \"1ms\""),
        ("smp", "[parameters]\nregistry_window = 0"),
        ("smp", "[parameters]\ncaps.token_bytes = 1"),
        ("smp", "[parameters]\nlifetime = \"1h\""),
        ("smp", "[parameters"),
        ("site", ""),
        ("site", "[smp]\norigin = \"http://smp\""),
        ("site", "[smp]\norigin = \"http://smp\"\npin = \"short\""),
        ("site", &smp.replace("http:", "https:")),
        ("site", &format!("admin.listen = \"127.0.0.1:1\"\n{smp}")),
    ] {
        all.push_str(&format!("{kind} | {}\n{}\n", text.replace('\n', " ⏎ "), error_of(kind, text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_examples_are_the_defaults() {
    let source = |text| Configuration { file: "example.toml", text, lister: "" };
    let (example, defaults) = (source(SMP_EXAMPLE), source(""));
    let resolved = |source: &Configuration<'_>| source.read::<SmpDocument>().unwrap().resolve(source).unwrap();
    assert_eq!(format!("{:?}", resolved(&example)), format!("{:?}", resolved(&defaults)));

    let smp = "[smp]\norigin = \"http://smp\"\npin = \"nwb5HJ1LnXL3v260ER37B0yNuyo58j2pNp9oTvAInL4\"\n";
    let with_smp: String = SITE_EXAMPLE
        .lines()
        .map(|line| match line.starts_with("[smp]") {
            true => smp.to_owned(),
            false => format!("{line}\n"),
        })
        .collect();
    let (example, defaults) = (source(&with_smp), source(smp));
    let resolved = |source: &Configuration<'_>| source.read::<SiteDocument>().unwrap().resolve(source).unwrap();
    assert_eq!(format!("{:?}", resolved(&example)), format!("{:?}", resolved(&defaults)));
}

#[test]
fn what_is_commented_out_of_the_examples_can_be_used() {
    for (kind, example) in [("smp", SMP_EXAMPLE), ("site", SITE_EXAMPLE)] {
        let uncommented: String = example
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(key) if key.starts_with('[') || key.contains(" = \"") => format!("{key}\n"),
                _ => format!("{line}\n"),
            })
            .collect::<String>()
            .replace("\"…\"", "\"nwb5HJ1LnXL3v260ER37B0yNuyo58j2pNp9oTvAInL4\"");
        let source = Configuration { file: "example.toml", text: &uncommented, lister: "" };
        match kind {
            "smp" => assert!(source.read::<SmpDocument>().unwrap().tls.is_some()),
            _ => assert!(source.read::<SiteDocument>().unwrap().resolve(&source).is_ok()),
        }
    }
}

#[test]
fn the_command_prints_examples_and_schemas_and_refuses_a_broken_file() {
    let countersign = |arguments: &[&str]| {
        assert_cmd::Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments).output().unwrap()
    };
    assert_eq!(countersign(&["serve", "config", "smp"]).stdout, SMP_EXAMPLE.as_bytes());
    assert_eq!(countersign(&["serve", "config", "site"]).stdout, SITE_EXAMPLE.as_bytes());
    let schema: serde_json::Value = serde_json::from_slice(&countersign(&["schema", "smp"]).stdout).unwrap();
    assert!(schema["properties"]["approved_sites"]["description"].is_string());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smp.toml");
    let output = countersign(&["serve", "smp", "--config", file.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("`countersign serve config smp`"), "{error}");
    fs::write(&file, "profile = \"hard\"\n").unwrap();
    let output = countersign(&["serve", "smp", "--config", file.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("smp.toml:1:11: found `hard`"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn the_help_reads_well_at_80_columns() {
    let mut all = String::new();
    for arguments in [
        &["serve", "--help"][..],
        &["serve", "smp", "--help"],
        &["serve", "site", "--help"],
        &["serve", "portal", "--help"],
    ] {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments).output().unwrap();
        all.push_str(&format!(
            "$ countersign {}\n{}\n",
            arguments.join(" "),
            String::from_utf8(output.stdout).unwrap()
        ));
    }
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    insta::assert_snapshot!(all);
}
