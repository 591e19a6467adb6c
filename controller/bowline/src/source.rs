//! Placeholder.
pub mod folder {
    use std::path::Path;
    use bowline_core::desired::{DesiredState, Finding};
    #[allow(missing_docs)]
    pub fn read(_: &Path) -> Result<(DesiredState, Vec<Finding>), String> { Err(String::new()) }
}
