//! Where may a probe go? A host by its name before anything is resolved, then each address that it resolves to.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use super::Ceiling;
use crate::desired::kind::HealthCondition;
use crate::name::HostPattern;

/// Why no probe is sent to a host; absent when one of the patterns means it.
pub fn host_refused(host: &str, allowed: &BTreeSet<HostPattern>) -> Option<String> {
    if allowed.iter().any(|pattern| pattern.matches(host)) {
        return None;
    }
    Some(format!(
        "{host} may not be probed: add it to `ceiling.probeHosts` in bowline.yaml and restart Bowline, or take the \
         condition out of `health`"
    ))
}

/// Why conditions cannot be asked, each with its name: empty when all may be.
pub fn conditions_refused(health: &[HealthCondition], ceiling: &Ceiling) -> Vec<String> {
    let refused = |condition: &HealthCondition| {
        let why = host_refused(condition.check.host()?, &ceiling.probe_hosts)?;
        Some(format!("the health condition `{}`: {why}", condition.check))
    };
    health.iter().filter_map(refused).collect()
}

/// Why no connection is made to an address, whatever name led there; absent when it may be.
///
/// Link-local addresses hold the metadata of instances and tasks (169.254.169.254, 169.254.170.2), as `fd00:ec2::/32` does.
/// Loopback is Bowline's own machine: only an entry that names it (`localhost`, `127.0.0.1`, `::1`) allows it.
pub fn address_refused(address: IpAddr, allowed: &BTreeSet<HostPattern>) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4_refused(address, allowed),
        IpAddr::V6(address) => match embedded(address) {
            Some(inside) => v4_refused(inside, allowed),
            None => v6_refused(address, allowed),
        },
    }
}

fn v4_refused(address: Ipv4Addr, allowed: &BTreeSet<HostPattern>) -> Option<&'static str> {
    if address.octets()[0] == 0 {
        Some("is unspecified")
    } else if address.is_link_local() {
        Some("is link-local, where the metadata of instances and tasks is")
    } else if address.is_multicast() || address.is_broadcast() {
        Some("is for many receivers")
    } else {
        loopback_refused(address.is_loopback(), allowed)
    }
}

fn v6_refused(address: Ipv6Addr, allowed: &BTreeSet<HostPattern>) -> Option<&'static str> {
    if address.is_unspecified() {
        Some("is unspecified")
    } else if address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2] {
        Some("is link-local or AWS's own, where the metadata of instances is")
    } else if address.is_multicast() {
        Some("is for many receivers")
    } else {
        loopback_refused(address.is_loopback(), allowed)
    }
}

fn loopback_refused(is_loopback: bool, allowed: &BTreeSet<HostPattern>) -> Option<&'static str> {
    let named = |pattern: &HostPattern| {
        pattern.matches("localhost")
            || pattern.as_str().parse().is_ok_and(|address: IpAddr| address.is_loopback())
    };
    (is_loopback && !allowed.iter().any(named))
        .then_some("is this machine itself: name `localhost` in `ceiling.probeHosts` to allow it")
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, or by NAT64 (RFC 6052).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let last = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    let is_nat64 = segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let is_compatible = segments[..6] == [0; 6] && segments[6] != 0;
    address.to_ipv4_mapped().or_else(|| (is_nat64 || is_compatible).then(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(patterns: &[&str]) -> BTreeSet<HostPattern> {
        patterns.iter().map(|pattern| HostPattern::parse(pattern).unwrap()).collect()
    }

    #[test]
    fn without_an_entry_no_host_may_be_probed() {
        let may = |host, patterns: &[&str]| host_refused(host, &hosts(patterns)).is_none();
        assert!(!may("web.example.com", &[]));
        assert!(may("web.example.com", &["web.example.com"]));
        assert!(may("WEB.example.com.", &["web.Example.com"]));
        assert!(may("web.example.com", &["*.example.com"]));
        assert!(may("a.b.example.com", &["*.example.com"]));
        assert!(!may("example.com", &["*.example.com"]));
        assert!(!may("badexample.com", &["*.example.com"]));
        assert!(!may(".example.com", &["*.example.com"]));
        assert!(may("10.0.0.7", &["10.0.0.7"]));
        assert!(may("::1", &["0:0:0:0:0:0:0:1"]));
        assert!(!may("10.0.0.7", &["*.0.0.7.example"]));
    }

    #[test]
    fn what_leads_to_metadata_or_to_many_is_refused_whatever_is_allowed() {
        let all = hosts(&["localhost", "*.example.com", "169.254.169.254"]);
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "::169.254.169.254",
        ] {
            assert!(address_refused(address.parse().unwrap(), &all).is_some(), "{address}");
        }
    }

    #[test]
    fn loopback_needs_an_entry_that_names_it() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let refused = |patterns: &[&str]| address_refused(address.parse().unwrap(), &hosts(patterns));
            assert!(refused(&["*.example.com", "web"]).is_some(), "{address}");
            for entry in ["localhost", "127.0.0.1", "::1"] {
                assert_eq!(refused(&[entry]), None, "{address} {entry}");
            }
        }
    }

    #[test]
    fn every_other_address_may_be_reached() {
        for address in ["10.0.0.1", "192.168.1.1", "203.0.113.9", "2001:db8::1", "fd00::1", "::ffff:10.0.0.1"]
        {
            assert_eq!(address_refused(address.parse().unwrap(), &BTreeSet::new()), None, "{address}");
        }
    }
}
