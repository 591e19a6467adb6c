//! The Target: where, and nothing that Bowline may do there.

use super::{Standing, Writer, document, key, path};
use crate::desired::ResourceKind;
use crate::import::Site;

/// Writes it, unless the folder declares it: what a person has allowed since is theirs.
pub(super) fn write(writer: &mut Writer<'_>, site: &Site) {
    let key = key(ResourceKind::Target, &site.name);
    if let Some(resource) = writer.folder.state.targets.get(&site.name).filter(|_| site.declared) {
        let at = writer.folder.inside(&resource.origin.path).to_owned();
        writer.result.elsewhere.insert(key, at);
        return;
    }
    let comment = "Written by `bowline import`, like all that is beside it, from what was live. From here on it is yours.";
    let text = document(&key, Some(comment), |spec| {
        spec.comment("Compared with the caller's account (STS) before anything is read.");
        spec.text("accountId", site.target.account_id.as_str());
        spec.text("region", site.target.region.as_str());
        spec.text("cluster", site.target.cluster.as_str());
        spec.comment(
            "observe: look and report, write nothing. When the plan has been empty for a while: `enforce`, with the \
             `capabilities` that Bowline is to have here.",
        );
        spec.text("mode", "observe");
    });
    let path = path(site, &key);
    writer.unit(key, Standing::New, vec![(path, text)]);
}
