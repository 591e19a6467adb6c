//! The process-wide metrics recorder.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the buckets of durations, in seconds: from a warm pass over a few services to a wave that waits for limits.
const SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Installs the recorder on the first call; later calls give the same one. `None` if somebody else installed another.
pub fn recorder() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE.get_or_init(install).clone()
}

fn install() -> Option<PrometheusHandle> {
    let buckets = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(buckets, &SECONDS).ok()?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    metrics::describe_gauge!("bowline_resources", "Resources by sync state, after the last pass");
    metrics::describe_gauge!(
        "bowline_git_standing",
        "1 for whether git may be acted from, as of the last pass"
    );
    metrics::describe_histogram!("bowline_pass_duration_seconds", "How long a pass takes");
    metrics::describe_counter!("bowline_passes_total", "Passes that ended");
    metrics::describe_counter!("bowline_actions_total", "Actions that were attempted");
    metrics::describe_counter!("bowline_git_reads_total", "Reads of the repository, by outcome");
    metrics::gauge!("bowline_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    Some(handle)
}
