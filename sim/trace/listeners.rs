//! Several listeners as one.

use std::fmt;

use crate::{
    event::{Event, Listener, Visit},
    types::{ActorId, VirtualTime},
};

/// Passes each event on to several listeners, in their order. Lend a listener (`Box::new(&mut oracle)`) to have
/// it back when the run is over.
#[derive(Default)]
pub struct Listeners<'a>(pub Vec<Box<dyn Listener + 'a>>);

impl Listener for Listeners<'_> {
    fn hear(&mut self, event: &Event) {
        for listener in &mut self.0 {
            listener.hear(event);
        }
    }

    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        for listener in &mut self.0 {
            listener.visit_begins(agent, visit, at);
        }
    }
}

impl<L: Listener + ?Sized> Listener for &mut L {
    fn hear(&mut self, event: &Event) {
        (**self).hear(event);
    }

    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        (**self).visit_begins(agent, visit, at);
    }
}

/// Nobody, or somebody: for what a run keeps only on request.
impl<L: Listener> Listener for Option<L> {
    fn hear(&mut self, event: &Event) {
        if let Some(listener) = self {
            listener.hear(event);
        }
    }

    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        if let Some(listener) = self {
            listener.visit_begins(agent, visit, at);
        }
    }
}

impl fmt::Debug for Listeners<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listeners").field(&self.0.len()).finish()
    }
}
