//! On whom a fault that is drawn may strike.

/// Whom a drawn fault may strike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    /// An agent, or the agents of a branch.
    Clients,
    /// A site server.
    Sites,
    /// The issuer.
    Smp,
    /// Anybody, but for those of a portal.
    Anybody,
    /// The servers and browsers of a portal.
    Portal,
}

impl Scope {
    /// Its name, as part of that of a stream.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Sites => "sites",
            Self::Smp => "smp",
            Self::Anybody => "anybody",
            Self::Portal => "portal",
        }
    }
}
