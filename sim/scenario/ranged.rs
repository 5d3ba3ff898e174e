//! Values that a scenario fixes, or leaves to the seed within bounds.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, IntoDeserializer, value::MapAccessDeserializer},
};

/// One value, or `{ min = …, max = … }` from which the seed draws one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ranged<T> {
    /// The least value.
    pub min: T,
    /// The greatest value, the same as the least where the scenario leaves nothing to the seed.
    pub max: T,
}

impl<T: Copy> Ranged<T> {
    /// Exactly this value.
    pub const fn exactly(value: T) -> Self {
        Self { min: value, max: value }
    }

    /// The same bounds in other words.
    ///
    /// # Errors
    /// Those of `convert`.
    pub fn try_map<U, E>(self, mut convert: impl FnMut(T) -> Result<U, E>) -> Result<Ranged<U>, E> {
        Ok(Ranged { min: convert(self.min)?, max: convert(self.max)? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds<T> {
    min: T,
    max: T,
}

impl<'de, T: Deserialize<'de> + Copy> Deserialize<'de> for Ranged<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not an untagged enum: that would forget where and why the inner value was refused.
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Copy> de::Visitor<'de> for Visitor<T> {
            type Value = Ranged<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a range `{ min = …, max = … }`")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                T::deserialize(number.into_deserializer()).map(Ranged::exactly)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                T::deserialize(number.into_deserializer()).map(Ranged::exactly)
            }

            fn visit_i128<E: de::Error>(self, number: i128) -> Result<Self::Value, E> {
                T::deserialize(de::value::I128Deserializer::new(number)).map(Ranged::exactly)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
                T::deserialize(number.into_deserializer()).map(Ranged::exactly)
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Self::Value, E> {
                T::deserialize(truth.into_deserializer()).map(Ranged::exactly)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(text.into_deserializer()).map(Ranged::exactly)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let Bounds { min, max } = Bounds::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Ranged { min, max })
            }
        }

        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Ranged<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Ranged{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({
            "anyOf": [
                value,
                {
                    "type": "object",
                    "description": "A range from which the seed draws one value.",
                    "properties": { "min": value, "max": value },
                    "required": ["min", "max"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
