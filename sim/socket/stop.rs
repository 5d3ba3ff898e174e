//! When to stop.

use tokio::sync::watch;

/// Tells actors to stop: they take on nothing new, and finish what they have begun. Clones stop together.
#[derive(Clone, Debug)]
pub struct Stop {
    sender: watch::Sender<bool>,
}

impl Stop {
    /// Stops.
    pub fn stop(&self) {
        self.sender.send_replace(true);
    }

    /// Whether somebody has said so.
    pub fn is_stopped(&self) -> bool {
        *self.sender.borrow()
    }

    /// Comes back once somebody has said so.
    pub async fn stopped(&self) {
        // It cannot fail: this holds a sender itself.
        let _ = self.sender.subscribe().wait_for(|is_over| *is_over).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self { sender: watch::Sender::new(false) }
    }
}
