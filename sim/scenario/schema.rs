//! The JSON Schema of scenario files.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

use super::{ClockOffset, Destination, Document, PhaseRate, PolicyInterval, Rate, TimeSpan};

/// The JSON Schema (draft-07, which editors' TOML plugins read) of a scenario file.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<Document>().to_value()
}

const SPAN: &str = "[0-9]+(d|h|m|s|ms|us|ns)( [0-9]+(h|m|s|ms|us|ns))*";

macro_rules! inline_schema {
    ($type:ty, $generator:ident => $schema:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

inline_schema!(TimeSpan, _generator => json_schema!({
    "type": "string",
    "pattern": format!("^{SPAN}$"),
    "examples": ["250ms", "10m", "1h 30m"],
}));

inline_schema!(ClockOffset, _generator => json_schema!({
    "type": "string",
    "pattern": format!("^-?{SPAN}$"),
    "examples": ["500ms", "-2s"],
}));

inline_schema!(Rate, _generator => json_schema!({
    "type": "string",
    "pattern": "^[0-9]+/[smhd]$",
    "examples": ["5/s", "30/m"],
}));

inline_schema!(PolicyInterval, _generator => json_schema!({
    "type": "string",
    "pattern": format!("^(never|{SPAN})$"),
    "examples": ["15m", "never"],
}));

inline_schema!(Destination, _generator => json_schema!({
    "type": "string",
    "pattern": "^(sites|smp|site-[1-9][0-9]*)$",
    "examples": ["sites", "smp", "site-1"],
}));

inline_schema!(PhaseRate, generator => {
    let rate = generator.subschema_for::<Rate>();
    json_schema!({
        "anyOf": [
            rate,
            {
                "type": "object",
                "description": "A rate that rises or falls evenly over the phase.",
                "properties": { "from": rate, "to": rate },
                "required": ["from", "to"],
                "additionalProperties": false,
            },
        ],
    })
});
