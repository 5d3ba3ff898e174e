//! A site server that may register, as the configuration names it.

use std::fmt;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::types::{NodeId, Thumbprint};

/// A site server that may register: its id, and the key with which it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(with = "ApprovedSiteForm")]
pub struct ApprovedSite {
    /// Its id.
    pub id: NodeId,
    /// The thumbprint of its key; none if any will do.
    pub kid: Option<Thumbprint>,
}

/// For the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the schema is made of it")]
enum ApprovedSiteForm {
    /// The id alone: whoever comes first by this name is it.
    Id(String),
    /// The id and the key, as the site server logs both.
    WithKey {
        /// The id.
        id: String,
        /// The thumbprint of the key.
        kid: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithKey {
    id: NodeId,
    kid: Thumbprint,
}

impl<'de> Deserialize<'de> for ApprovedSite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ApprovedSite;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a site server, or `{ id = \"...\", kid = \"...\" }`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ApprovedSite, E> {
                text.parse().map(|id| ApprovedSite { id, kid: None }).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ApprovedSite, A::Error> {
                let WithKey { id, kid } = WithKey::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ApprovedSite { id, kid: Some(kid) })
            }
        }

        deserializer.deserialize_any(Either)
    }
}
