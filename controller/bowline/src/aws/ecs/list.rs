//! What is there? The clusters of an account and region, and the services of a cluster, by name.

use std::collections::BTreeSet;

use bowline_core::name::{ClusterName, NameError, ServiceName};

use super::{MAX_PAGES, endless, last_part};
use crate::aws::api::Api;
use crate::aws::client::Session;
use crate::aws::error::AwsError;
use crate::aws::limiter::Priority;

/// How many names one page has: the most that AWS gives. ListServices alone gives 10.
const PAGE: i32 = 100;

impl Session {
    /// The names of all services of the Target's cluster that are not deleted.
    pub(crate) async fn list_services(&self) -> Result<BTreeSet<ServiceName>, AwsError> {
        let api = Api::ListServices;
        let on = format!("cluster {}", self.cluster());
        let (mut found, mut token) = (BTreeSet::new(), None);
        for _ in 0..MAX_PAGES {
            let send = || {
                let call = self.clients().ecs.list_services().cluster(self.cluster().as_str());
                call.max_results(PAGE).set_next_token(token.clone()).send()
            };
            let page = self.call(api, &on, Priority::Scan, send).await;
            let page = page.map_err(|error| self.cluster_hint(error))?;
            add(&mut found, page.service_arns(), ServiceName::parse)
                .map_err(|what| AwsError::bad_answer(api, &on, &what))?;
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(endless(api, &on))
    }

    /// The names of all clusters of the Target's account and region.
    pub(crate) async fn list_clusters(&self) -> Result<BTreeSet<ClusterName>, AwsError> {
        let api = Api::ListClusters;
        let on = format!("{} in {}", self.account(), self.region());
        let (mut found, mut token) = (BTreeSet::new(), None);
        for _ in 0..MAX_PAGES {
            let send =
                || self.clients().ecs.list_clusters().max_results(PAGE).set_next_token(token.clone()).send();
            let page = self.call(api, &on, Priority::Scan, send).await?;
            add(&mut found, page.cluster_arns(), ClusterName::parse)
                .map_err(|what| AwsError::bad_answer(api, &on, &what))?;
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(endless(api, &on))
    }
}

/// The names at the ends of these ARNs.
fn add<T: Ord>(
    found: &mut BTreeSet<T>,
    arns: &[String],
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<(), String> {
    for arn in arns {
        let name = last_part(arn).unwrap_or_default();
        found.insert(parse(&name).map_err(|error| error.to_string())?);
    }
    Ok(())
}
