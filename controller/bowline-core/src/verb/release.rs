//! Another image or revision.

use serde_json::Value;

use super::{Draft, Refusal, key, of_service, service};
use crate::desired::{DesiredState, TaskDefinitionContent, WantedTaskDefinition};
use crate::edit::{Edit, FieldEdit, Scalar};
use crate::name::{RelativePath, ResourceName, RevisionRef};

/// What is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// An image for one container of the task definition file.
    Image {
        /// The container's name.
        container: String,
        /// The image, as a container runtime takes it.
        image: String,
    },
    /// A revision of the pinned family.
    Revision(u32),
}

/// Releases an image or a revision of a service.
pub fn release(desired: &DesiredState, name: &ResourceName, what: &Release) -> Result<Draft, Refusal> {
    let service = service(desired, name)?;
    let resource = key(name);
    match (service.task_definition.as_ref(), what) {
        (None, _) => Err(Refusal::NotManaged { service: resource }),
        (Some(WantedTaskDefinition::Revision(revision)), Release::Image { .. }) => {
            Err(Refusal::Pinned { service: resource, revision: revision.clone() })
        }
        (Some(WantedTaskDefinition::Content { file, .. }), Release::Revision(_)) => {
            Err(Refusal::FromFile { service: resource, file: file.clone() })
        }
        (Some(WantedTaskDefinition::Content { file, .. }), Release::Image { container, image }) => {
            of_image(desired, name, file, container, image)
        }
        (Some(WantedTaskDefinition::Revision(known)), Release::Revision(number)) => {
            let wanted = with_number(known, *number);
            if wanted == known.as_str() {
                return Err(Refusal::AlreadySo { what: format!("{resource} on {known}") });
            }
            let edit = FieldEdit::set("spec.taskDefinition.revision", Scalar::Text(wanted.clone()));
            let mut draft = of_service("release", service, name, vec![edit])?;
            draft.subject = format!("Release {name}: {wanted}");
            draft.body.push(format!("It was {known}."));
            Ok(draft)
        }
    }
}

fn of_image(
    desired: &DesiredState,
    name: &ResourceName,
    file: &RelativePath,
    container: &str,
    image: &str,
) -> Result<Draft, Refusal> {
    if image.is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Refusal::NoImage { image: image.to_owned() });
    }
    let others = desired.services.iter().filter(|(other, service)| {
        let definition = service.task_definition.as_ref();
        *other != name
            && matches!(definition, Some(WantedTaskDefinition::Content { file: its, .. }) if its == file)
    });
    let others: Vec<String> = others.map(|(other, _)| key(other).to_string()).collect();
    if !others.is_empty() {
        return Err(Refusal::SharedFile { file: file.clone(), others });
    }
    let says_so = |content: &TaskDefinitionContent| {
        let value = content.value();
        let containers = value["containerDefinitions"].as_array();
        let is_it = |one: &Value| one["name"] == container && one["image"] == image;
        containers.is_some_and(|all| all.iter().any(is_it))
    };
    let known = desired.services.get(name).and_then(|service| service.task_definition.as_ref());
    if matches!(known, Some(WantedTaskDefinition::Content { content, .. }) if says_so(content)) {
        let what = format!("{image} for the container {container} of {}", key(name));
        return Err(Refusal::AlreadySo { what });
    }
    let edit = Edit::Image { path: file.clone(), container: container.to_owned(), image: image.to_owned() };
    let mut draft = Draft::about("release", key(name), Some(edit));
    draft.subject = format!("Release {name}: {image}");
    draft.body.push(format!("The container {container} runs {image}."));
    Ok(draft)
}

/// The revision of the same family with another number.
fn with_number(known: &RevisionRef, number: u32) -> String {
    let family = known.as_str().rsplit_once(':').map_or(known.as_str(), |(family, _)| family);
    format!("{family}:{number}")
}
