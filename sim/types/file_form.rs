//! What a file is, for errors about one that should be something else.

/// What a file looks like, in words that follow "this is": each file that this program writes says at its start what it is.
pub fn form_of(content: &[u8]) -> &'static str {
    if content.iter().take(1_024).any(|byte| *byte < b'\t') {
        return "binary data";
    }
    let Ok(text) = std::str::from_utf8(content) else { return "no UTF-8 text" };
    let text = text.trim_start();
    if text.is_empty() {
        return "an empty file";
    }
    let key = text.strip_prefix('{').and_then(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    match key {
        Some("countersign_trace") => "a trace",
        Some("countersign_journal") => "the journal of a sweep",
        Some("countersign_sweep") => "the result of a sweep",
        Some("countersign_load_shard") => "the shard of a load",
        Some("countersign_report") => "a report",
        Some("version") => "a plan",
        Some(_) => "JSON of another form",
        None if text.starts_with('{') => "JSON of another form",
        None if text.starts_with('[') => "a list in JSON",
        None => "text of another form",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_start() {
        for (content, form) in [
            (&b"{\"countersign_trace\":2,"[..], "a trace"),
            (b"{\n  \"countersign_sweep\": 1", "the result of a sweep"),
            (b"{\"version\":2}", "a plan"),
            (b"{}", "JSON of another form"),
            (b"[1]", "a list in JSON"),
            (b"id,time\n", "text of another form"),
            (b" \n", "an empty file"),
            (b"\x7fELF\0\xff", "binary data"),
            (b"caf\xe9", "no UTF-8 text"),
        ] {
            assert_eq!(form_of(content), form, "{content:?}");
        }
    }
}
