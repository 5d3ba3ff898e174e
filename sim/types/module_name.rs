//! The file name of a web server module.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::{NodeId, serde_text::text_or_bits};

const START: &str = "AeXIISExt.{";
const END: &str = "}.dll";

/// The name under which setup copies the module into the management agent's folder: `AeXIISExt.{GUID}.dll`, with a GUID of
/// its own for each copy, so that a new one never meets the file of one that is still loaded (rule 23).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(u128);

text_or_bits!(ModuleName);

/// Why a text is not a [`ModuleName`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "expected a name such as AeXIISExt.{{0A9E0000-0000-4000-8000-000000000011}}.dll, found {found_chars} characters that are none"
)]
pub struct ModuleNameError {
    /// How many characters were found.
    pub found_chars: usize,
}

impl ModuleName {
    /// The name with a random GUID (RFC 9562 section 5.4) of these 128 bits that the caller drew.
    pub const fn drawn(bits: u128) -> Self {
        let version = 0xf_u128 << 76;
        let variant = 0b11_u128 << 62;
        Self(bits & !version & !variant | 0x4 << 76 | 0b10 << 62)
    }

    /// The name with a GUID of exactly these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits of its GUID.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guid = NodeId::from_bits(self.0).to_string().to_ascii_uppercase();
        write!(f, "{START}{guid}{END}")
    }
}

impl fmt::Debug for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleName({self})")
    }
}

impl FromStr for ModuleName {
    type Err = ModuleNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ModuleNameError { found_chars: text.chars().count() };
        let guid = text.strip_prefix(START).and_then(|rest| rest.strip_suffix(END)).ok_or_else(error)?;
        // One spelling: capital letters, as the registry shows a GUID.
        if guid.contains(|character: char| character.is_ascii_lowercase()) {
            return Err(error());
        }
        let node: NodeId = guid.to_ascii_lowercase().parse().map_err(|_| error())?;
        Ok(Self(node.bits()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_23_a_name_has_a_random_guid_and_one_spelling() {
        let name = ModuleName::drawn(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(name.to_string(), "AeXIISExt.{01234567-89AB-4DEF-8123-456789ABCDEF}.dll");
        assert_eq!(name.to_string().parse(), Ok(name));
        assert_ne!(ModuleName::drawn(1), ModuleName::drawn(2));
        for other in ["AeXIISExt.dll", "AeXIISExt.{01234567-89ab-4def-8123-456789abcdef}.dll", ""] {
            assert!(other.parse::<ModuleName>().is_err(), "{other}");
        }
    }
}
