//! The nodes of an SMP on disk: one line for each registration, appended and synced before the node hears of it.
//!
//! A registration costs a line, however many nodes there are, and one sync serves all that come while the last one is
//! under way: thousands of agents may register in a second. At the next start the file is read from its beginning, the
//! last line about a node wins, and a file with more lines than need be is written anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::{Figures, Sparingly, StateError, StateFolder, narrator::tell_registration};
use crate::{
    actor::{Journal, Kept, locked},
    protocol::{RegisterError, RegisterRequest, Registered},
    socket::RealClock,
    types::{Fingerprint, NodeId},
};

/// Nodes that are remembered as turned away.
const TURNED_AWAY_MAX: usize = 1_000;
/// Lines that are written together at most.
const BATCH_MAX: usize = 4_096;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Registered(RegisterRequest),
    Removed(NodeId),
}

/// Appends to the file of nodes. Clones append to the same.
#[derive(Clone, Debug)]
pub struct NodeJournal {
    sender: mpsc::UnboundedSender<Entry>,
    /// What the file says of each node, by a fingerprint: the same again needs no line.
    known: Arc<Mutex<BTreeMap<NodeId, Fingerprint>>>,
    /// Who was turned away, as far as that is remembered.
    turned_away: Arc<Mutex<BTreeSet<NodeId>>>,
    /// When it was last told that there is no room.
    fullness: Arc<Sparingly>,
    figures: Arc<Figures>,
}

#[derive(Debug)]
struct Entry {
    node: NodeId,
    text: String,
    is_removal: bool,
    kept: oneshot::Sender<bool>,
}

impl NodeJournal {
    /// The name of the file.
    pub const FILE: &str = "nodes.jsonl";

    /// Reads the file, and appends to it from now on. Needs a running tokio runtime.
    ///
    /// # Errors
    /// If it cannot be read or written, or is damaged. A line that was cut off at the end is none: nobody was told that
    /// it is kept.
    pub fn open(folder: &StateFolder, figures: Arc<Figures>) -> Result<(Self, Vec<RegisterRequest>), StateError> {
        let text = folder.read(Self::FILE)?.unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let path = folder.path_of(Self::FILE);
        let mut nodes = BTreeMap::new();
        let mut lines = 0_usize;
        for (number, line) in (1..).zip(text[..whole].lines()) {
            let damaged =
                |why: String| StateError::Damaged { path: path.clone(), why: format!("line {number}: {why}") };
            match read_line(line).map_err(damaged)? {
                Line::Registered(request) => _ = nodes.insert(request.id, request),
                Line::Removed(node) => _ = nodes.remove(&node),
            }
            lines += 1;
        }
        if whole < text.len() {
            warn!(file = %path.display(), bytes = text.len() - whole, "the last line was cut off and is left out");
        }
        let mut known = BTreeMap::new();
        let mut anew = String::new();
        for (node, request) in &nodes {
            let line = write_line(&Line::Registered(request.clone()));
            known.insert(*node, Fingerprint::of(line.as_bytes()));
            anew.push_str(&line);
        }
        if whole < text.len() || lines > nodes.len() * 2 {
            folder.write(Self::FILE, anew.as_bytes())?;
        }
        let file = folder.append(Self::FILE)?;
        let (sender, entries) = mpsc::unbounded_channel();
        let (known, fullness) = (Arc::new(Mutex::new(known)), Arc::new(Sparingly::new(RealClock::start())));
        let journal = Self { sender, known, turned_away: Arc::default(), fullness, figures };
        tokio::spawn(append(file, entries, Arc::clone(&journal.known), Arc::clone(&journal.figures)));
        Ok((journal, nodes.into_values().collect()))
    }

    /// Keeps what a node is now.
    pub fn keep(&self, node: RegisterRequest) -> Kept {
        let text = write_line(&Line::Registered(node.clone()));
        if locked(&self.known).get(&node.id) == Some(&Fingerprint::of(text.as_bytes())) {
            return Box::pin(std::future::ready(true));
        }
        self.send(node.id, text, false)
    }

    /// Keeps that a node is gone.
    pub fn forget(&self, node: NodeId) -> Kept {
        // At once: should it come back before this is written, that needs a line.
        locked(&self.known).remove(&node);
        self.send(node, write_line(&Line::Removed(node)), true)
    }

    /// Whether this is the first time, and not one of very many.
    fn is_turned_away_anew(&self, node: NodeId) -> bool {
        let mut turned_away = locked(&self.turned_away);
        turned_away.len() < TURNED_AWAY_MAX && turned_away.insert(node)
    }

    fn send(&self, node: NodeId, text: String, is_removal: bool) -> Kept {
        let (kept, is_kept) = oneshot::channel();
        // A writer that is gone keeps nothing, and drops the other end.
        let _ = self.sender.send(Entry { node, text, is_removal, kept });
        Box::pin(async { is_kept.await.unwrap_or(false) })
    }
}

impl Journal for NodeJournal {
    fn registered(&self, request: &RegisterRequest, result: &Result<Registered, RegisterError>) -> Kept {
        self.figures.registration(request.kind, result);
        let is_news = match result {
            Ok(_) => true,
            Err(RegisterError::Full(_)) => self.fullness.may(),
            Err(_) => self.is_turned_away_anew(request.id),
        };
        tell_registration(request, result, is_news);
        match result {
            Ok(_) => self.keep(request.clone()),
            Err(_) => Box::pin(std::future::ready(false)),
        }
    }
}

async fn append(
    file: File,
    mut entries: mpsc::UnboundedReceiver<Entry>,
    known: Arc<Mutex<BTreeMap<NodeId, Fingerprint>>>,
    figures: Arc<Figures>,
) {
    let file = Arc::new(file);
    let mut batch = Vec::new();
    while entries.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let text: String = batch.iter().map(|entry| entry.text.as_str()).collect();
        let lines = Arc::clone(&file);
        let written = tokio::task::spawn_blocking(move || write_and_sync(&lines, text.as_bytes())).await;
        let is_kept = match written {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                error!(%error, nodes = batch.len(), "failed to keep registrations: the nodes are told to try again");
                figures.state_write_failures.inc();
                false
            }
            Err(_) => false,
        };
        for entry in batch.drain(..) {
            if is_kept && !entry.is_removal {
                locked(&known).insert(entry.node, Fingerprint::of(entry.text.as_bytes()));
            }
            // Whoever asked may be gone.
            let _ = entry.kept.send(is_kept);
        }
    }
}

/// Appends, or leaves the file as it was.
fn write_and_sync(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    let length = file.metadata()?.len();
    file.write_all(bytes).and_then(|()| file.sync_data()).inspect_err(|_| {
        // Half a line in the middle would be damage at the next start.
        let _ = file.set_len(length);
    })
}

/// A check before each line: a line that was flipped or edited must not be believed.
fn write_line(line: &Line) -> String {
    // These types have text keys and no serializer that fails.
    let json = serde_json::to_string(line).unwrap_or_default();
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

fn read_line(text: &str) -> Result<Line, String> {
    let (check, json) = text.split_once(' ').ok_or("it has no check")?;
    if check != format!("{:08x}", crc32fast::hash(json.as_bytes())) {
        return Err("its check does not fit".to_owned());
    }
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{crypto::PublicKey, protocol::NodeKind, socket::Rendezvous, types::Profile};

    fn node(number: u32) -> RegisterRequest {
        let mut modulus = [0xff; 256];
        modulus[4..8].copy_from_slice(&number.to_be_bytes());
        RegisterRequest {
            id: NodeId::from_bits(number.into()),
            kind: NodeKind::Agent,
            public_key: PublicKey::from_modulus(&modulus).unwrap(),
            origin: None,
            profile: Profile::default(),
        }
    }

    fn figures() -> Arc<Figures> {
        Arc::new(Figures::new(Arc::default(), Rendezvous::default()))
    }

    fn on_a_runtime(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn ten_thousand_nodes_are_kept_in_an_instant_and_known_after_a_restart() {
        on_a_runtime(async {
            let place = tempfile::tempdir().unwrap();
            let folder = StateFolder::open(&place.path().join("state")).unwrap();
            let (journal, nodes) = NodeJournal::open(&folder, figures()).unwrap();
            assert!(nodes.is_empty());
            let all: Vec<_> = (0..10_000).map(|number| journal.keep(node(number))).collect();
            let kept = async {
                for kept in all {
                    assert!(kept.await);
                }
            };
            tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
            assert!(journal.forget(NodeId::from_bits(7)).await);
            let length = || std::fs::metadata(folder.path_of(NodeJournal::FILE)).unwrap().len();
            let before = length();
            assert!(journal.keep(node(8)).await);
            assert_eq!(length(), before, "what the file says already needs no line");
            assert!(journal.keep(node(7)).await);
            assert!(length() > before, "what was forgotten does");
            assert!(journal.forget(NodeId::from_bits(7)).await);
            let (_, nodes) = NodeJournal::open(&folder, figures()).unwrap();
            assert_eq!(nodes.len(), 9_999);
            assert!(nodes.iter().all(|node| node.id.bits() != 7));
        });
    }

    #[test]
    fn what_cannot_be_written_is_not_said_to_be_kept() {
        on_a_runtime(async {
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("nodes.jsonl");
            std::fs::write(&path, "").unwrap();
            let read_only = File::open(&path).unwrap();
            let (sender, entries) = mpsc::unbounded_channel();
            tokio::spawn(append(read_only, entries, Arc::default(), figures()));
            let (kept, is_kept) = oneshot::channel();
            let entry = Entry { node: NodeId::from_bits(1), text: "line\n".into(), is_removal: false, kept };
            sender.send(entry).unwrap();
            assert_eq!(is_kept.await, Ok(false));
        });
    }
}
