//! Tags of services and task definitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Tags by their keys. Kept as a list: a map takes room for eleven, and those of thousands of services are held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Box<[(String, String)]>);

impl Tags {
    /// The value of a tag.
    pub fn get(&self, key: &str) -> Option<&String> {
        let at = self.0.binary_search_by(|(found, _)| found.as_str().cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Whether there is a tag of this key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In their order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

/// Of tags with the same key, the last is taken.
impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Self {
        let by_key: BTreeMap<String, String> = tags.into_iter().collect();
        Self(by_key.into_iter().collect())
    }
}

impl Extend<(String, String)> for Tags {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, tags: I) {
        *self = std::mem::take(&mut self.0).into_iter().chain(tags).collect();
    }
}

/// As an object.
impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_are_found_by_key_and_shown_in_the_order_of_keys() {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut tags: Tags = [tag("team", "core"), tag("environment", "prod")].into_iter().collect();
        tags.extend([tag("team", "payments"), tag("cost", "7")]);
        let object = json!({"cost": "7", "environment": "prod", "team": "payments"});
        assert_eq!(serde_json::to_value(&tags).unwrap(), object);
        assert_eq!(serde_json::from_value::<Tags>(object).unwrap(), tags);
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["cost", "environment", "team"]);
        assert_eq!(
            (tags.get("team").map(String::as_str), tags.get("tea"), tags.len()),
            (Some("payments"), None, 3)
        );
    }
}
