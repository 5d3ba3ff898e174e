//! Keeps a run's trace, beside the run.

use std::{
    io::Write,
    mem,
    panic::resume_unwind,
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
};

use crate::{
    event::{Event, Listener},
    trace::{TraceError, TraceHeader, TraceWriter},
};

/// How many events are handed over at once.
const BATCH: usize = 1_024;
/// How many batches may wait. A run that is faster than its trace is slowed down rather than kept in memory.
const WAITING_MAX: usize = 8;

type Trace = TraceWriter<Box<dyn Write + Send>>;

/// Writes a trace on a thread of its own: the run only hands its events over, and takes hardly longer than without one.
///
/// There is one writer and one order, so that nothing depends on who is faster.
pub(super) struct Scribe {
    /// Taken when it ends.
    work: Option<Work>,
    batch: Vec<Event>,
}

enum Work {
    Beside(SyncSender<Message>, JoinHandle<Option<Told>>),
    /// Where no thread can be had.
    Here(Box<Trace>),
}

enum Message {
    Heard(Vec<Event>),
    /// Nothing else comes. Who is dropped without it has not seen the run's end, and a trace must not claim one.
    End,
}

/// The digest of the run, and why its trace is not whole, if it is not.
pub(super) type Told = (String, Option<TraceError>);

impl Scribe {
    /// Starts a trace.
    pub fn start(to: Box<dyn Write + Send>, header: TraceHeader) -> Self {
        // A thread that cannot be had drops what it was given: the writer is handed over only once there is one.
        let (give, take) = mpsc::sync_channel(1);
        let (sender, heard) = mpsc::sync_channel(WAITING_MAX);
        let write = move || write(take.recv().ok()?, heard);
        let trace = Box::new(TraceWriter::new(to, &header));
        let work = match thread::Builder::new().name("trace".to_owned()).spawn(write) {
            Err(_) => Work::Here(trace),
            Ok(thread) => match give.send(trace) {
                Ok(()) => Work::Beside(sender, thread),
                Err(mpsc::SendError(trace)) => Work::Here(trace),
            },
        };
        Self { work: Some(work), batch: Vec::with_capacity(BATCH) }
    }

    /// Ends the trace, once everything is written.
    pub fn finish(mut self) -> Told {
        self.hand_over();
        match self.work.take() {
            Some(Work::Here(trace)) => end(*trace),
            Some(Work::Beside(sender, thread)) => {
                // Whoever does not take it has panicked, which is told below.
                let _ = sender.send(Message::End);
                let told = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                // It had an end: it was sent one.
                told.unwrap_or_default()
            }
            // Nobody but this and the drop takes it.
            None => Told::default(),
        }
    }

    fn hand_over(&mut self) {
        if let Some(Work::Beside(sender, _)) = &self.work {
            let batch = mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
            let _ = sender.send(Message::Heard(batch));
        }
    }
}

impl Drop for Scribe {
    /// A run that broke down has no end, but whoever looks for the reason wants all that came before: it is in the file when
    /// this is gone.
    fn drop(&mut self) {
        self.hand_over();
        if let Some(Work::Beside(sender, thread)) = self.work.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

impl Listener for Scribe {
    fn hear(&mut self, event: &Event) {
        if let Some(Work::Here(trace)) = &mut self.work {
            return trace.hear(event);
        }
        self.batch.push(event.clone());
        if self.batch.len() == BATCH {
            self.hand_over();
        }
    }
}

/// Writes what it hears to the end; none if there was no end.
fn write(mut trace: Box<Trace>, heard: Receiver<Message>) -> Option<Told> {
    loop {
        match heard.recv().ok()? {
            Message::Heard(events) => events.iter().for_each(|event| trace.hear(event)),
            Message::End => return Some(end(*trace)),
        }
    }
}

fn end(trace: Trace) -> Told {
    (trace.digest(), trace.finish().err())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, BufWriter},
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{
        event::EventKind,
        scenario::{Overrides, find},
        types::{ActorId, VirtualTime},
    };

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn begun(to: &Shared, events: usize) -> Scribe {
        let plan = find("smoke/first_contact").unwrap().resolve(None, Overrides::default()).unwrap();
        let mut scribe = Scribe::start(Box::new(BufWriter::new(to.clone())), TraceHeader::of(&plan));
        for number in 0..events {
            let at = VirtualTime(number as u64);
            scribe.hear(&Event { at, actor: ActorId::Smp, kind: EventKind::RolledBack });
        }
        scribe
    }

    fn lines(to: &Shared) -> usize {
        String::from_utf8(to.0.lock().unwrap().clone()).unwrap().lines().count()
    }

    #[test]
    fn a_run_that_breaks_down_leaves_every_event_up_to_there_and_no_end() {
        let to = Shared::default();
        drop(begun(&to, BATCH + 3));
        assert_eq!(lines(&to), 1 + BATCH + 3);
    }

    #[test]
    fn a_run_that_ends_leaves_every_event_and_its_end() {
        let to = Shared::default();
        let (digest, error) = begun(&to, BATCH + 3).finish();
        assert!(digest.len() == 64 && error.is_none());
        assert_eq!(lines(&to), 1 + BATCH + 3 + 1);
    }
}
