//! One provider of cryptography: ring. A second one doubles the attack surface and the build, and two that rustls knows make it
//! refuse to choose; most come in through a feature of a dependency of a dependency, so the lock file is what is read.

use super::Findings;
use crate::tree::Tree;

/// `rsa` besides has an open advisory about its timing. `openssl-probe` only finds certificates and is no provider.
const BANNED: &[&str] = &[
    "aws-lc-fips-sys",
    "aws-lc-rs",
    "aws-lc-sys",
    "boring",
    "boring-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
    "rsa",
];

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for lock in tree.files.iter().filter(|file| file.path.ends_with("Cargo.lock")) {
        for (number, line) in (1..).zip(lock.text.lines()) {
            let package = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'));
            if let Some(package) = package.filter(|package| BANNED.contains(package)) {
                let remedy = format!(
                    "`cargo tree -i {package} -e features` names who brings it; switch that feature off"
                );
                findings.fail(
                    lock,
                    number,
                    format!("`{package}` is a second provider of cryptography"),
                    remedy,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    #[test]
    fn a_second_provider_fails_and_ring_passes() {
        let lock = "[[package]]\nname = \"ring\"\n\n[[package]]\nname = \"openssl-probe\"\n\n[[package]]\nname = \"aws-lc-rs\"\n";
        assert_eq!(
            said(check, &[("Cargo.lock", lock)]),
            ["Cargo.lock:8: `aws-lc-rs` is a second provider of cryptography"]
        );
        for package in BANNED {
            assert_eq!(said(check, &[("Cargo.lock", &format!("name = \"{package}\"\n"))]).len(), 1);
        }
    }
}
