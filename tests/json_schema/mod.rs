//! Whether a document keeps to a schema.

/// As much of JSON Schema as ours uses, patterns and bounds aside.
pub fn keeps_to(value: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).ok_or(format!("{reference} leads nowhere"))?;
        keeps_to(value, target, root)?;
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[word].as_array()
            && !choices.iter().any(|choice| keeps_to(value, choice, root).is_ok())
        {
            return Err(format!("{value} is none of {word}"));
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        keeps_to(value, part, root)?;
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Err(format!("{value} is not in {values:?}"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Err(format!("{value} is not {}", schema["const"]));
    }
    let kind = match value {
        serde_json::Value::Object(_) => "object",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Number(_) => "integer",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Null => "null",
    };
    let allowed: Vec<&str> = match &schema["type"] {
        serde_json::Value::String(one) => vec![one],
        serde_json::Value::Array(some) => some.iter().filter_map(|kind| kind.as_str()).collect(),
        _ => vec![kind],
    };
    if !allowed.contains(&kind) {
        return Err(format!("{value} is no {allowed:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        keeps_to(item, &schema["items"], root)?;
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        // Numbers as keys are the only pattern that schemas of ours have.
        let numbered = schema["patternProperties"].get(r"^\d+$").filter(|_| key.parse::<u64>().is_ok());
        match schema["properties"].get(key).or(numbered) {
            Some(property) => keeps_to(inner, property, root).map_err(|error| format!("{key}: {error}"))?,
            None if schema["additionalProperties"] == false => return Err(format!("unknown key {key}")),
            None if schema["additionalProperties"].is_object() => {
                keeps_to(inner, &schema["additionalProperties"], root).map_err(|error| format!("{key}: {error}"))?;
            }
            None => {}
        }
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.is_object() && value.get(required.as_str().unwrap()).is_none() {
            return Err(format!("{required} is missing"));
        }
    }
    Ok(())
}
