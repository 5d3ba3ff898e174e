//! YAML as JSON, of which it is a superset as far as we write it.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

/// The documents of a text.
pub fn documents(text: &str) -> Vec<Value> {
    Yaml::load_from_str(text).unwrap().iter().map(value).collect()
}

fn value(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(it)) => (*it).into(),
        Yaml::Value(Scalar::Integer(it)) => (*it).into(),
        Yaml::Value(Scalar::String(it)) => it.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(pairs) => {
            let key = |key: &Yaml<'_>| key.as_str().unwrap_or_else(|| panic!("{key:?} is no key of JSON")).to_owned();
            pairs.iter().map(|(name, it)| (key(name), value(it))).collect()
        }
        other => panic!("{other:?} is not in JSON"),
    }
}
