//! Listens beside a run.

use std::{
    mem,
    panic::resume_unwind,
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
};

use crate::{
    event::{Event, Listener, Visit},
    types::{ActorId, VirtualTime},
};

/// How much is handed over at once.
const BATCH: usize = 1_024;
/// How many batches may wait: while a load keeps both cores busy, whoever listens hardly gets one, and this is a second of it. A run
/// that is faster for longer is slowed down rather than kept in memory.
const WAITING_MAX: usize = 64;
/// After so many events, some tens of microseconds, a thread that gives way looks whether somebody else wants its core. Its low
/// priority is not enough: of a load of 3,700 visits a second it kept a core from whoever works there for more than half a
/// millisecond 22 times a second, and does so twice a second now.
const GIVES_WAY_AFTER: usize = 64;
/// The nice value of threads that everybody else comes before.
#[cfg(target_os = "linux")]
const LAST: i32 = 19;

/// Lets somebody listen on a thread of their own: the run only hands over what happens, and takes hardly longer than without
/// them.
///
/// There is one listener and one order, so that nothing depends on who is faster. Others have the cores first: of a load on two
/// cores the 99th percentile was 7.0 ms where whoever judged it had as much right to them as the servers, and is 4.0 ms.
pub(super) struct Relay<L> {
    /// Taken when it ends.
    work: Option<Work<L>>,
    batch: Vec<Fact>,
}

enum Work<L> {
    Beside(SyncSender<Message>, JoinHandle<Option<L>>),
    /// Where no thread can be had.
    Here(Box<L>),
}

enum Message {
    Batch(Vec<Fact>),
    /// Nothing else comes. A relay that is dropped without it has not seen the run's end, and nobody must claim one.
    End,
}

enum Fact {
    Event(Event),
    Visit(ActorId, Visit, VirtualTime),
}

impl<L: Listener + Send + 'static> Relay<L> {
    /// Lets `listener` listen on a thread of this name.
    pub fn start(name: &str, listener: L) -> Self {
        // A thread that cannot be had drops what it was given: the listener is handed over only once there is one.
        let (give, take) = mpsc::sync_channel::<Box<L>>(1);
        let (sender, heard) = mpsc::sync_channel(WAITING_MAX);
        let listen = move || {
            give_way();
            listen(*take.recv().ok()?, &heard, thread::yield_now)
        };
        let listener = Box::new(listener);
        let work = match thread::Builder::new().name(name.to_owned()).spawn(listen) {
            Err(_) => Work::Here(listener),
            Ok(thread) => match give.send(listener) {
                Ok(()) => Work::Beside(sender, thread),
                Err(mpsc::SendError(listener)) => Work::Here(listener),
            },
        };
        Self { work: Some(work), batch: Vec::with_capacity(BATCH) }
    }

    /// The listener, once it has heard everything. None if the relay has ended before. Nothing is heard from then on.
    pub fn finish(&mut self) -> Option<L> {
        self.hand_over();
        match self.work.take()? {
            Work::Here(listener) => Some(*listener),
            Work::Beside(sender, thread) => {
                // Whoever does not take it has panicked, which is told below.
                let _ = sender.send(Message::End);
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            }
        }
    }
}

impl<L> Relay<L> {
    /// Hands over what has happened so far, however little.
    pub fn hand_over(&mut self) {
        if let Some(Work::Beside(sender, _)) = &self.work
            && !self.batch.is_empty()
        {
            let batch = mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
            let _ = sender.send(Message::Batch(batch));
        }
    }

    /// Whether the listener has broken down. Whoever ends the relay learns how.
    pub fn is_broken(&self) -> bool {
        matches!(&self.work, Some(Work::Beside(_, thread)) if thread.is_finished())
    }

    fn keep(&mut self, fact: Fact) {
        self.batch.push(fact);
        if self.batch.len() == BATCH {
            self.hand_over();
        }
    }
}

impl<L> Drop for Relay<L> {
    /// A run that broke down has no end, but whoever looks for the reason wants all that came before: it was heard when this
    /// is gone.
    fn drop(&mut self) {
        self.hand_over();
        if let Some(Work::Beside(sender, thread)) = self.work.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

impl<L: Listener> Listener for Relay<L> {
    fn hear(&mut self, event: &Event) {
        match &mut self.work {
            Some(Work::Here(listener)) => listener.hear(event),
            Some(Work::Beside(..)) => self.keep(Fact::Event(event.clone())),
            None => {}
        }
    }

    fn take(&mut self, event: Event) {
        match &mut self.work {
            Some(Work::Here(listener)) => listener.take(event),
            Some(Work::Beside(..)) => self.keep(Fact::Event(event)),
            None => {}
        }
    }

    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        match &mut self.work {
            Some(Work::Here(listener)) => listener.visit_begins(agent, visit, at),
            Some(Work::Beside(..)) => self.keep(Fact::Visit(agent, *visit, at)),
            None => {}
        }
    }
}

/// Lets every other thread have a core before this one. What the system refuses stays as it is: no verdict depends on it. Where
/// no core is ever idle batches wait until no more may, and whoever hands over the next one waits, which leaves a core.
///
/// A thread that is in no hurry would still keep a core for milliseconds once it has it: it looks up now and then
/// (`GIVES_WAY_AFTER`).
fn give_way() {
    // Linux keeps this for each thread; elsewhere it is the whole process's.
    #[cfg(target_os = "linux")]
    rustix::process::setpriority_process(None, LAST).ok();
}

/// Listens to the end, and lets others have the core now and then; none if there was no end.
fn listen<L: Listener>(mut listener: L, heard: &Receiver<Message>, mut let_others: impl FnMut()) -> Option<L> {
    loop {
        match heard.recv().ok()? {
            Message::Batch(batch) => {
                for (number, fact) in batch.into_iter().enumerate() {
                    match fact {
                        Fact::Event(event) => listener.take(event),
                        Fact::Visit(agent, visit, at) => listener.visit_begins(agent, &visit, at),
                    }
                    if number % GIVES_WAY_AFTER == GIVES_WAY_AFTER - 1 {
                        let_others();
                    }
                }
            }
            Message::End => return Some(listener),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, BufWriter, Write},
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{
        event::EventKind,
        scenario::{Overrides, find},
        trace::{TraceHeader, TraceWriter},
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

    fn begun(to: &Shared, events: usize) -> Relay<TraceWriter<BufWriter<Shared>>> {
        let plan = find("smoke/first_contact").unwrap().resolve(None, Overrides::default()).unwrap();
        let mut relay = Relay::start("trace", TraceWriter::new(BufWriter::new(to.clone()), &TraceHeader::of(&plan)));
        for number in 0..events {
            let at = VirtualTime(number as u64);
            relay.hear(&Event { at, actor: ActorId::Smp, kind: EventKind::RolledBack });
        }
        relay
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
    #[should_panic(expected = "breaks down")]
    fn whoever_listens_and_breaks_down_is_noticed_and_tells_how() {
        struct Broken;
        impl Listener for Broken {
            fn hear(&mut self, _: &Event) {
                panic!("a listener breaks down");
            }
        }
        let mut relay = Relay::start("judge", Broken);
        relay.hear(&Event { at: VirtualTime(0), actor: ActorId::Smp, kind: EventKind::RolledBack });
        relay.hand_over();
        while !relay.is_broken() {
            thread::yield_now();
        }
        relay.finish();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_listens_lets_everybody_else_have_the_cores_first() {
        use rustix::process::getpriority_process;

        struct Nice(Option<i32>);
        impl Listener for Nice {
            fn hear(&mut self, _: &Event) {
                self.0 = getpriority_process(None).ok();
            }
        }
        let before = getpriority_process(None).unwrap();
        let mut relay = Relay::start("judge", Nice(None));
        relay.hear(&Event { at: VirtualTime(0), actor: ActorId::Smp, kind: EventKind::RolledBack });
        assert_eq!(relay.finish().and_then(|listener| listener.0), Some(LAST));
        assert_eq!(getpriority_process(None).unwrap(), before, "this thread keeps its right to a core");
    }

    #[test]
    fn whoever_listens_lets_others_have_the_core_after_some_tens_of_events() {
        struct Deaf;
        impl Listener for Deaf {
            fn hear(&mut self, _: &Event) {}
        }
        let event = |number| Event { at: VirtualTime(number), actor: ActorId::Smp, kind: EventKind::RolledBack };
        let (sender, heard) = mpsc::sync_channel(3);
        for size in [BATCH as u64, 130, 10] {
            sender.send(Message::Batch((0..size).map(|number| Fact::Event(event(number))).collect())).unwrap();
        }
        drop(sender);
        let mut times = 0;
        assert!(listen(Deaf, &heard, || times += 1).is_none(), "there was no end");
        assert_eq!(times, 1_024 / 64 + 2);
    }

    #[test]
    fn a_run_that_ends_leaves_every_event_and_its_end() {
        let to = Shared::default();
        let trace = begun(&to, BATCH + 3).finish().unwrap();
        assert_eq!(trace.digest().len(), 64);
        trace.finish().unwrap();
        assert_eq!(lines(&to), 1 + BATCH + 3 + 1);
    }
}
