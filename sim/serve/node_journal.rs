//! The nodes of an SMP on disk: one line for each registration, appended and synced before the node hears of it.
//!
//! A registration costs a line, however many nodes there are, and one sync serves all that come while the last one is
//! under way: thousands of agents may register in a second. At the next start the file is read from its beginning, the
//! last line about a node wins, and a file with more lines than need be is written anew.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::{Figures, SmpState, Sparingly, StateError, StateFolder, Waiting, narrator::tell_registration};
use crate::{
    actor::{Journal, Kept},
    protocol::{NodeKind, RegisterError, RegisterRequest, Registered},
    socket::RealClock,
    types::{Fingerprint, NodeId, UnixSeconds, locked},
};

/// Lines that are written together at most.
const BATCH_MAX: usize = 4_096;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Registered(RegisterRequest),
    /// The same with the time at which a site server signed it, by its clock.
    RegisteredAt(UnixSeconds, RegisterRequest),
    Removed(NodeId),
    /// The file was written anew: which file this is in their row, and how many lines it began with, this one counted.
    Begun(Extent),
}

/// How much a file of nodes holds: kept elsewhere, it tells whether the file has become shorter or older.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// Rises each time that the file is written anew.
    pub generation: u64,
    /// Its lines.
    pub lines: u64,
}

/// A node that was registered, and when that was signed, where it matters.
pub type KnownNode = (RegisterRequest, Option<UnixSeconds>);

/// Appends to the file of nodes. Clones append to the same.
#[derive(Clone, Debug)]
pub struct NodeJournal {
    sender: mpsc::UnboundedSender<Entry>,
    /// What the file says of each node, by a fingerprint: the same again needs no line.
    known: Arc<Mutex<BTreeMap<NodeId, Fingerprint>>>,
    /// Site servers that were turned away.
    waiting: Arc<Mutex<Waiting>>,
    /// When it was last told that there is no room.
    fullness: Arc<Sparingly>,
    /// What the file holds for certain.
    extent: Arc<Mutex<Extent>>,
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

    /// Reads the file, and appends to it from now on. It must hold what it held when `least` was written down, or more.
    /// Needs a running tokio runtime.
    ///
    /// # Errors
    /// If it cannot be read or written, or is damaged. A line that was cut off at the end is none: nobody was told that
    /// it is kept.
    pub fn open(
        folder: &StateFolder,
        least: Option<Extent>,
        figures: Arc<Figures>,
    ) -> Result<(Self, Vec<KnownNode>), StateError> {
        let least = least.unwrap_or_default();
        let path = folder.path_of(Self::FILE);
        let text = folder.read(Self::FILE)?;
        if text.is_none() && least != Extent::default() {
            return Err(StateError::Missing { path, other: folder.path_of(SmpState::FILE) });
        }
        let text = text.unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut nodes = BTreeMap::new();
        let (mut extent, mut began_with) = (Extent::default(), 0);
        for (number, line) in (1..).zip(text[..whole].lines()) {
            let damaged =
                |why: String| StateError::Damaged { path: path.clone(), why: format!("line {number}: {why}") };
            match read_line(line).map_err(damaged)? {
                Line::Registered(request) => _ = nodes.insert(request.id, (request, None)),
                Line::RegisteredAt(signed, request) => _ = nodes.insert(request.id, (request, Some(signed))),
                Line::Removed(node) => _ = nodes.remove(&node),
                Line::Begun(begun) => (extent.generation, began_with) = (begun.generation, begun.lines),
            }
            extent.lines += 1;
        }
        let least = if extent.generation > least.generation { Extent { lines: began_with, ..extent } } else { least };
        if extent < least {
            let why = format!(
                "registrations are missing: it has {} lines in row {}, and had at least {} in row {}",
                extent.lines, extent.generation, least.lines, least.generation
            );
            return Err(StateError::Damaged { path, why });
        }
        if whole < text.len() {
            warn!(file = %path.display(), bytes = text.len() - whole, "the last line was cut off and is left out");
        }
        let count = nodes.len() as u64;
        let is_new_file = whole < text.len() || extent.lines > count * 2 + 1;
        if is_new_file {
            extent = Extent { generation: extent.generation + 1, lines: count + 1 };
        }
        let mut known = BTreeMap::new();
        let mut anew = write_line(&Line::Begun(extent));
        for (node, known_node) in &nodes {
            let line = line_of(known_node.clone());
            known.insert(*node, Fingerprint::of(line.as_bytes()));
            anew.push_str(&line);
        }
        if is_new_file {
            folder.write(Self::FILE, anew.as_bytes())?;
        }
        let file = folder.append(Self::FILE)?;
        let (sender, entries) = mpsc::unbounded_channel();
        let (known, extent) = (Arc::new(Mutex::new(known)), Arc::new(Mutex::new(extent)));
        let fullness = Arc::new(Sparingly::new(RealClock::start()));
        let journal = Self { sender, known, waiting: Arc::default(), fullness, extent, figures };
        tokio::spawn(append(file, entries, journal.clone()));
        Ok((journal, nodes.into_values().collect()))
    }

    /// What the file holds for certain.
    pub fn extent(&self) -> Extent {
        *locked(&self.extent)
    }

    /// The site servers that were turned away.
    pub fn waiting(&self) -> MutexGuard<'_, Waiting> {
        locked(&self.waiting)
    }

    /// Keeps what a node is now.
    pub fn keep(&self, node: RegisterRequest, signed: Option<UnixSeconds>) -> Kept {
        let id = node.id;
        let text = line_of((node, signed));
        if locked(&self.known).get(&id) == Some(&Fingerprint::of(text.as_bytes())) {
            return Box::pin(std::future::ready(true));
        }
        self.send(id, text, false)
    }

    /// Keeps that a node is gone.
    pub fn forget(&self, node: NodeId) -> Kept {
        // At once: should it come back before this is written, that needs a line.
        locked(&self.known).remove(&node);
        self.send(node, write_line(&Line::Removed(node)), true)
    }

    fn send(&self, node: NodeId, text: String, is_removal: bool) -> Kept {
        let (kept, is_kept) = oneshot::channel();
        // A writer that is gone keeps nothing, and drops the other end.
        let _ = self.sender.send(Entry { node, text, is_removal, kept });
        Box::pin(async { is_kept.await.unwrap_or(false) })
    }
}

impl Journal for NodeJournal {
    fn registered(
        &self,
        request: &RegisterRequest,
        signed: Option<UnixSeconds>,
        result: &Result<Registered, RegisterError>,
    ) -> Kept {
        self.figures.registration(request.kind, result);
        let is_news = match (request.kind, result) {
            (NodeKind::Site, Ok(_)) => {
                self.waiting().is_settled(request.id);
                true
            }
            (NodeKind::Site, Err(why)) => self.waiting().note(request, why),
            (NodeKind::Agent, Err(RegisterError::Full(_))) => self.fullness.may(),
            (NodeKind::Agent, _) => true,
        };
        tell_registration(request, result, is_news);
        match result {
            Ok(Registered::New | Registered::Again) => self.keep(request.clone(), signed),
            Ok(Registered::Outdated) => Box::pin(std::future::ready(true)),
            Err(_) => Box::pin(std::future::ready(false)),
        }
    }
}

async fn append(file: File, mut entries: mpsc::UnboundedReceiver<Entry>, journal: NodeJournal) {
    // Its own sender would keep the channel open for ever.
    let NodeJournal { sender, known, extent, figures, .. } = journal;
    drop(sender);
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
        if is_kept {
            locked(&extent).lines += batch.len() as u64;
        }
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

fn line_of((request, signed): KnownNode) -> String {
    write_line(&match signed {
        Some(signed) => Line::RegisteredAt(signed, request),
        None => Line::Registered(request),
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
    use crate::{crypto::PublicKey, serve::Counted, socket::Rendezvous, types::Profile};

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
        Arc::new(Figures::new(Counted::AgentTokens, Arc::default(), Rendezvous::default()))
    }

    fn on_a_runtime(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn ten_thousand_nodes_are_kept_in_an_instant_and_known_after_a_restart() {
        on_a_runtime(async {
            let place = tempfile::tempdir().unwrap();
            let folder = StateFolder::open(&place.path().join("state")).unwrap();
            let (journal, nodes) = NodeJournal::open(&folder, None, figures()).unwrap();
            assert!(nodes.is_empty());
            let all: Vec<_> = (0..10_000).map(|number| journal.keep(node(number), None)).collect();
            let kept = async {
                for kept in all {
                    assert!(kept.await);
                }
            };
            tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
            assert!(journal.forget(NodeId::from_bits(7)).await);
            let length = || std::fs::metadata(folder.path_of(NodeJournal::FILE)).unwrap().len();
            let before = length();
            assert!(journal.keep(node(8), None).await);
            assert_eq!(length(), before, "what the file says already needs no line");
            assert!(journal.keep(node(7), None).await);
            assert!(length() > before, "what was forgotten does");
            assert!(journal.forget(NodeId::from_bits(7)).await);
            let (_, nodes) = NodeJournal::open(&folder, None, figures()).unwrap();
            assert_eq!(nodes.len(), 9_999);
            assert!(nodes.iter().all(|(node, _)| node.id.bits() != 7));
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
            let journal = NodeJournal {
                sender: sender.clone(),
                known: Arc::default(),
                waiting: Arc::default(),
                fullness: Arc::new(Sparingly::new(RealClock::start())),
                extent: Arc::default(),
                figures: figures(),
            };
            tokio::spawn(append(read_only, entries, journal));
            let (kept, is_kept) = oneshot::channel();
            let entry = Entry { node: NodeId::from_bits(1), text: "line\n".into(), is_removal: false, kept };
            sender.send(entry).unwrap();
            assert_eq!(is_kept.await, Ok(false));
        });
    }
}
