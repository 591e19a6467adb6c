//! A hold that a person put on a service when breaking the glass: a tag on the service, so that it needs neither git nor the
//! store.

use jiff::Timestamp;

use super::action::TagKey;
use crate::live::LiveService;

/// The longest value of a tag, in characters (ECS developer guide, "Tagging your resources").
const LONGEST_VALUE: usize = 256;

/// Until when nothing is done to a service, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// When it ends by itself.
    pub until: Timestamp,
    /// Why, in a person's words.
    pub reason: String,
}

impl Hold {
    /// The tag's value: the end, a space and the reason, with `_` for what AWS does not take in a tag.
    pub fn value(&self) -> String {
        let text = format!("{} {}", self.until.strftime("%Y-%m-%dT%H:%M:%SZ"), self.reason);
        let taken = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
        let text: String = text.chars().map(|c| if taken(c) { c } else { '_' }).take(LONGEST_VALUE).collect();
        text.trim_end().to_owned()
    }

    /// The hold on a service; none where the tag does not begin with a time.
    pub(crate) fn read(service: &LiveService) -> Option<Self> {
        let value = service.tags.get(TagKey::Hold.as_str())?;
        let (until, reason) = value.split_once(' ').unwrap_or((value, ""));
        Some(Self { until: until.parse().ok()?, reason: reason.to_owned() })
    }
}
