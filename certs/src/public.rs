//! HTTPS for anybody: certificates of public (or private) authorities for host names, chosen by the name that a client asks for.
//! Not here: where they come from (files, ACME), and the fleet's own certificates.

mod accept;
mod certificate;
mod choice;

pub use accept::{PublicAccepted, PublicNames, PublicTls, PublicTlsError};
pub use certificate::{PublicCertificate, PublicCertificateError};

#[cfg(test)]
mod tests;
