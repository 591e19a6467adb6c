//! What is live is often what was remembered, and is then held once.

use std::collections::BTreeMap;

use super::Memory;
use crate::desired::TaskDefinitionContent;
use crate::live::{Live, Observed};

impl Memory {
    /// Has live task definitions hold the remembered content where it is the same: of thousands it is most of what is held. No
    /// value changes.
    pub fn share_contents(&self, live: &mut Live) {
        let good = self.services.values().filter_map(|service| service.last_good.as_ref());
        let remembered: BTreeMap<&str, &TaskDefinitionContent> =
            good.filter_map(|good| Some((good.task_definition.as_str(), good.content.as_ref()?))).collect();
        for observed in live.task_definitions.values_mut() {
            let Observed::Known { value, .. } = observed else { continue };
            if let Some(content) = remembered.get(value.arn.as_str()).filter(|one| ***one == value.content) {
                value.content = (*content).clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::desired::TaskDefinitionContent;
    use crate::live::Observed;
    use crate::plan::fixture::*;

    #[test]
    fn the_same_content_is_held_once_and_another_one_stays() {
        let file = content("web", "web:6");
        let mut world = Fixture::new()
            .with_service("web", "web:6")
            .with_revision("web:6", file.clone())
            .with_revision("web:5", content("web", "web:5"));
        world.learn();
        let memory = world.memory.services.get_mut(&name("web")).map(Arc::make_mut).unwrap();
        let good = memory.last_good.as_mut().unwrap();
        assert_eq!(good.task_definition, arn("web:6"));
        let remembered = TaskDefinitionContent::new(file.value());
        good.content = Some(remembered.clone());
        let before = world.live.clone();
        world.memory.share_contents(&mut world.live);
        assert_eq!(world.live, before);
        let shared = world.live.task_definitions.values().filter_map(Observed::known);
        let shared: Vec<_> = shared.filter(|found| found.content.is_shared_with(&remembered)).collect();
        assert_eq!(shared.len(), 1);
        assert_eq!(shared[0].arn, arn("web:6"));
    }
}
