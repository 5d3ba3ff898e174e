//! The JSON Schema of scenario files.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value, json};

use super::{ClockOffset, Destination, Document, PhaseRate, PolicyInterval, Rate};
use crate::{
    plan::Group,
    types::{ActorId, TimeSpan},
};

/// The JSON Schema (draft-07, which editors' TOML plugins read) of a scenario file.
pub fn schema() -> Value {
    schema_of::<Document>()
}

/// The JSON Schema of a file of this form.
pub fn schema_of<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    schema
}

/// Removes every mention of null, by which Rust's options are described: TOML has no null to write.
fn without_null(schema: &mut Value) {
    if let Value::Array(items) = schema {
        items.retain(|item| *item != json!({ "type": "null" }) && *item != json!("null"));
        return items.iter_mut().for_each(without_null);
    }
    let Value::Object(members) = schema else { return };
    members.values_mut().for_each(without_null);
    // A default made of nulls says nothing.
    members.retain(|key, value| key != "default" || !is_only_nulls(value));
    for key in ["type", "anyOf"] {
        if let Some(Value::Array(choices)) = members.get_mut(key)
            && choices.len() == 1
            && let Some(only) = choices.pop()
        {
            match only {
                Value::Object(_) => {
                    members.shift_remove(key);
                    members.insert("allOf".to_owned(), json!([only]));
                }
                only => {
                    members.insert(key.to_owned(), only);
                }
            }
        }
    }
}

fn is_only_nulls(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().all(Value::is_null),
        _ => false,
    }
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

inline_schema!(ActorId, _generator => json_schema!({
    "type": "string",
    "pattern": "^(smp|front-end|(automation|administration|portlet)-server|(site|agent|attacker|browser)-[1-9][0-9]*)$",
    "examples": ["smp", "site-1", "agent-17"],
}));

inline_schema!(Group, _generator => json_schema!({
    "type": "string",
    "pattern": "^(smp|front-end|(automation|administration|portlet)-server|(site|agent|attacker|branch|browser)-[1-9][0-9]*|agents|sites|servers|everyone)$",
    "examples": ["smp", "site-1", "agent-17", "branch-2", "agents", "sites", "servers", "everyone"],
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
