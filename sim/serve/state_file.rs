//! The form of a state file: a line that says what follows and its hash, then JSON. A file that was cut, flipped or
//! edited is noticed before anything in it is believed.

use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::StateError;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    countersign_state: u32,
    kind: String,
    sha256: String,
}

/// The text of a state file.
pub fn encode<T: Serialize>(kind: &str, state: &T) -> Result<Vec<u8>, serde_json::Error> {
    let body = serde_json::to_vec_pretty(state)?;
    let head = Head { countersign_state: VERSION, kind: kind.to_owned(), sha256: hash(&body) };
    let mut text = serde_json::to_vec(&head)?;
    text.push(b'\n');
    text.extend(body);
    text.push(b'\n');
    Ok(text)
}

/// Reads a state file.
pub fn decode<T: DeserializeOwned>(kind: &str, path: &Path, text: &str) -> Result<T, StateError> {
    let damaged = |why: String| StateError::Damaged { path: path.to_owned(), why };
    let (head, body) = text.split_once('\n').ok_or_else(|| damaged("it has no second line".to_owned()))?;
    let head: Head = serde_json::from_str(head).map_err(|error| damaged(format!("its first line: {error}")))?;
    if head.countersign_state != VERSION {
        let found = head.countersign_state;
        return Err(damaged(format!("it has the form {found}, expected {VERSION}: another version wrote it")));
    }
    if head.kind != kind {
        return Err(damaged(format!("it is the state of `{}`, expected that of `{kind}`", head.kind)));
    }
    let body = body.strip_suffix('\n').ok_or_else(|| damaged("its end is missing".to_owned()))?;
    if hash(body.as_bytes()) != head.sha256 {
        return Err(damaged("its content does not have the hash that its first line names".to_owned()));
    }
    serde_json::from_str(body).map_err(|error| damaged(error.to_string()))
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_as_it_was_written_is_refused() {
        let path = Path::new("smp.json");
        let text = String::from_utf8(encode("smp", &["one", "two"]).unwrap()).unwrap();
        assert_eq!(decode::<Vec<String>>("smp", path, &text).unwrap(), ["one", "two"]);
        for (bad, why) in [
            (text.replace("one", "ten"), "hash"),
            (text[..text.len() - 1].to_owned(), "end is missing"),
            (text[..text.len() - 9].to_owned() + "\n", "hash"),
            (text.replace("\"smp\"", "\"site\""), "state of `site`"),
            (text.replace("state\":1", "state\":2"), "form 2"),
            (String::new(), "second line"),
            ("{}\n".to_owned(), "missing field"),
        ] {
            let error = decode::<Vec<String>>("smp", path, &bad).unwrap_err().to_string();
            assert!(error.starts_with("smp.json is damaged") && error.contains(why), "{error}");
        }
    }
}
