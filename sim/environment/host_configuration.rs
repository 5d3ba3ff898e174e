//! The web server's configuration file, as far as registering a module edits it (rule 27).

use thiserror::Error;

use crate::types::ModuleName;

const FOLDER: &str = r"C:\Program Files\Altiris\Altiris Agent\";
const MODULES_END: &str = "</globalModules>";
const SITE_MODULES_END: &str = "</modules>";
const SITE_END: &str = "</location>";

/// The text of `applicationHost.config`: which modules there are, and on which web sites each works. Only the lines of the
/// module in question are touched; what others have written stays as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostConfiguration {
    text: String,
}

/// Why a module cannot be registered.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum HostConfigurationError {
    /// There is no list of modules.
    #[error("applicationHost.config has no `{MODULES_END}`; expected a list of modules to add to")]
    NoModules,
    /// A web site is not in it.
    #[error("applicationHost.config has no web site `{0}` with a list of modules; expected `<location path=\"{0}\">`")]
    NoSite(String),
}

impl HostConfiguration {
    /// A file of web sites, without any module.
    pub fn of_sites<'a>(sites: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = format!("<configuration>\n  <globalModules>\n  {MODULES_END}\n");
        for site in sites {
            text.push_str(&format!("{}\n    <modules>\n    {SITE_MODULES_END}\n  {SITE_END}\n", location(site)));
        }
        text.push_str("</configuration>\n");
        Self { text }
    }

    /// A file as it is.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a module to the list and to each of these web sites, where it is not there yet.
    ///
    /// # Errors
    /// If the file lacks a place for it. Then the file is left as it was.
    pub fn register<'a>(
        &mut self,
        module: ModuleName,
        sites: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), HostConfigurationError> {
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        let end = position(&lines, 0, MODULES_END, None).ok_or(HostConfigurationError::NoModules)?;
        insert_once(&mut lines, end, global_line(module));
        for site in sites {
            let no_site = || HostConfigurationError::NoSite(site.to_owned());
            let start = lines.iter().position(|line| *line == location(site)).ok_or_else(no_site)?;
            let end = position(&lines, start, SITE_MODULES_END, Some(SITE_END)).ok_or_else(no_site)?;
            insert_once(&mut lines, end, site_line(module));
        }
        self.replace(&lines);
        Ok(())
    }

    /// Removes a module from the list and from all web sites.
    pub fn unregister(&mut self, module: ModuleName) {
        let gone = [global_line(module), site_line(module)];
        let lines: Vec<String> =
            self.text.lines().filter(|line| !gone.iter().any(|it| it == line)).map(str::to_owned).collect();
        self.replace(&lines);
    }

    /// Whether a module works on a web site.
    pub fn is_registered(&self, module: ModuleName, site: &str) -> bool {
        let in_site = self.text.lines().skip_while(|line| *line != location(site));
        in_site.take_while(|line| line.trim() != SITE_END).any(|line| line == site_line(module))
            && self.text.lines().any(|line| line == global_line(module))
    }

    fn replace(&mut self, lines: &[String]) {
        self.text = lines.iter().map(|line| format!("{line}\n")).collect();
    }
}

/// Where a line is whose text is `wanted`, before any that is `until`.
fn position(lines: &[String], from: usize, wanted: &str, until: Option<&str>) -> Option<usize> {
    let within = lines.iter().enumerate().skip(from).take_while(|(_, line)| Some(line.trim()) != until);
    within.into_iter().find(|(_, line)| line.trim() == wanted).map(|(at, _)| at)
}

/// Inserts a line before the end of its list, unless the list has it.
fn insert_once(lines: &mut Vec<String>, end: usize, line: String) {
    let list = lines[..end].iter().rev().take_while(|line| line.trim().starts_with("<add "));
    if !list.into_iter().any(|known| *known == line) {
        lines.insert(end, line);
    }
}

fn location(site: &str) -> String {
    format!("  <location path=\"{site}\">")
}

fn global_line(module: ModuleName) -> String {
    format!("    <add name=\"{module}\" image=\"{FOLDER}{module}\" />")
}

fn site_line(module: ModuleName) -> String {
    format!("      <add name=\"{module}\" />")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ModuleName = ModuleName::drawn(1);
    const NEW: ModuleName = ModuleName::drawn(2);

    fn configuration() -> HostConfiguration {
        HostConfiguration::of_sites(["Default Web Site", "CEM", "Intranet"])
    }

    #[test]
    fn rule_27_registering_twice_is_registering_once_and_unregistering_leaves_no_trace() {
        let mut edited = configuration();
        edited.register(OLD, ["Default Web Site", "CEM"]).unwrap();
        let once = edited.clone();
        edited.register(OLD, ["Default Web Site", "CEM"]).unwrap();
        assert_eq!(edited, once);
        assert_eq!(edited.text().matches(&OLD.to_string()).count(), 4, "{}", edited.text());
        edited.unregister(OLD);
        assert_eq!(edited, configuration());
        edited.unregister(OLD);
        assert_eq!(edited, configuration());
    }

    #[test]
    fn rule_26_other_web_sites_are_left_alone() {
        let mut edited = configuration();
        edited.register(OLD, ["CEM"]).unwrap();
        assert!(edited.is_registered(OLD, "CEM"));
        assert!(!edited.is_registered(OLD, "Default Web Site") && !edited.is_registered(OLD, "Intranet"));
        assert!(!edited.is_registered(NEW, "CEM"));
    }

    #[test]
    fn rule_29_between_the_two_edits_of_a_swap_both_are_registered() {
        let mut edited = configuration();
        edited.register(OLD, ["CEM"]).unwrap();
        edited.register(NEW, ["CEM"]).unwrap();
        assert!(edited.is_registered(OLD, "CEM") && edited.is_registered(NEW, "CEM"));
        edited.unregister(OLD);
        assert!(!edited.is_registered(OLD, "CEM") && edited.is_registered(NEW, "CEM"));
    }

    #[test]
    fn rule_27_what_has_no_place_for_a_module_is_left_as_it_was() {
        let mut edited = configuration();
        let error = edited.register(OLD, ["CEM", "Elsewhere"]).unwrap_err();
        assert_eq!(error, HostConfigurationError::NoSite("Elsewhere".to_owned()));
        assert_eq!(edited, configuration());
        let mut empty = HostConfiguration::from_text("<configuration>\n</configuration>\n");
        assert_eq!(empty.register(OLD, []), Err(HostConfigurationError::NoModules));
        let cut = "  <globalModules>\n  </globalModules>\n  <location path=\"CEM\">\n  </location>\n";
        let mut cut = HostConfiguration::from_text(cut);
        assert_eq!(cut.register(OLD, ["CEM"]), Err(HostConfigurationError::NoSite("CEM".to_owned())));
    }
}
