//! The module's life on disk and in the web server's configuration (rules 22 to 25, 27, 29).

use std::collections::BTreeSet;

use super::{change::Change, host_configuration::HostConfiguration};
use crate::types::{Authentication, ModuleName};

/// What setup and the management agent have done with the module. It is the same module on every server (rule 22): what
/// differs is on which web sites it works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setup {
    configuration: HostConfiguration,
    /// The web sites on which the module is to work.
    sites: Vec<String>,
    /// The module's files in the management agent's folder.
    files: BTreeSet<ModuleName>,
    /// What the module's registry key names (rule 24).
    active: Option<ModuleName>,
    registered: Option<ModuleName>,
}

impl Setup {
    /// A machine with these web sites, on the first `guarded` of which the module works; it is not installed.
    pub fn new(sites: &[&str], guarded: usize) -> Self {
        Self {
            configuration: HostConfiguration::of_sites(sites.iter().copied()),
            sites: sites.iter().take(guarded).map(|site| (*site).to_owned()).collect(),
            files: BTreeSet::new(),
            active: None,
            registered: None,
        }
    }

    /// The configuration of the web server.
    pub const fn configuration(&self) -> &HostConfiguration {
        &self.configuration
    }

    /// What the module's registry key names: the module that is, or would be, registered.
    pub const fn active(&self) -> Option<ModuleName> {
        self.active
    }

    /// The module that the web server loads.
    pub const fn registered(&self) -> Option<ModuleName> {
        self.registered
    }

    /// The module's files.
    pub fn files(&self) -> impl Iterator<Item = ModuleName> {
        self.files.iter().copied()
    }

    /// Whether the module is to be registered (rule 25).
    pub const fn is_wanted(on: Authentication) -> bool {
        on.token || on.asdk
    }

    /// Setup copies a module in. It is the active one from now on.
    pub fn copy(&mut self, module: ModuleName) -> Change {
        self.files.insert(module);
        self.active = Some(module);
        Change::ModuleCopied { module }
    }

    /// Registers the active module, if it is not. One that was registered before stays until it is unregistered.
    pub fn register(&mut self) -> Option<Change> {
        let module = self.active.filter(|module| self.registered != Some(*module))?;
        self.configuration.register(module, self.sites.iter().map(String::as_str)).ok()?;
        self.registered = Some(module);
        Some(Change::ModuleRegistered { module, sites: self.sites.clone() })
    }

    /// Unregisters a module, if it is.
    pub fn unregister(&mut self, module: ModuleName) -> Option<Change> {
        let before = self.configuration.clone();
        self.configuration.unregister(module);
        if self.registered == Some(module) {
            self.registered = None;
        }
        (before != self.configuration).then_some(Change::ModuleUnregistered { module })
    }

    /// Deletes the file of a module that is neither registered nor loaded.
    pub fn delete(&mut self, module: ModuleName) -> Option<Change> {
        if self.registered == Some(module) || !self.files.remove(&module) {
            return None;
        }
        if self.active == Some(module) {
            self.active = None;
        }
        Some(Change::ModuleDeleted { module })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ModuleName = ModuleName::drawn(1);
    const NEW: ModuleName = ModuleName::drawn(2);

    fn setup() -> Setup {
        Setup::new(&["Default Web Site", "Intranet"], 1)
    }

    #[test]
    fn rule_25_registered_if_tokens_or_asdk_tokens_are_on() {
        for (token, asdk) in [(false, false), (false, true), (true, false), (true, true)] {
            for rest in [false, true] {
                let on = Authentication { token, asdk, windows: rest, acc: rest };
                assert_eq!(Setup::is_wanted(on), token || asdk, "{on:?}");
            }
        }
    }

    // Rule 24, too: the one that is active is known by name.
    #[test]
    fn rule_22_installed_updated_and_removed() {
        let mut setup = setup();
        assert_eq!((setup.register(), setup.unregister(OLD), setup.delete(OLD)), (None, None, None));
        setup.copy(OLD);
        assert_eq!((setup.active(), setup.registered()), (Some(OLD), None), "rule 24: copied is not registered");
        assert!(setup.register().is_some());
        assert_eq!(setup.register(), None);
        assert_eq!(setup.delete(OLD), None, "it is registered");
        assert!(setup.unregister(OLD).is_some());
        assert!(setup.delete(OLD).is_some());
        assert_eq!((setup.active(), setup.files().count()), (None, 0));
        assert_eq!(setup.configuration(), super::tests::setup().configuration());
    }

    #[test]
    fn rule_23_the_new_one_is_registered_before_the_old_one_goes() {
        let mut setup = setup();
        setup.copy(OLD);
        setup.register();
        setup.copy(NEW);
        assert_eq!((setup.active(), setup.registered()), (Some(NEW), Some(OLD)));
        setup.register();
        let is_registered = |setup: &Setup, module| setup.configuration().is_registered(module, "Default Web Site");
        assert!(is_registered(&setup, OLD) && is_registered(&setup, NEW));
        setup.unregister(OLD);
        assert!(!is_registered(&setup, OLD) && is_registered(&setup, NEW));
        assert_eq!((setup.active(), setup.registered()), (Some(NEW), Some(NEW)), "rule 24");
        assert!(setup.delete(OLD).is_some());
        assert_eq!(setup.files().collect::<Vec<_>>(), [NEW]);
    }
}
