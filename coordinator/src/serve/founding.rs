//! The fleet's beginning: at the first start its authority and its first operator are made, together and durably; at every other
//! one they are loaded. Not here: the first operator's certificate (`admin.rs`).

use evenkeel_certs::{Authority, TimeSource};
use evenkeel_model::{Epoch, FleetName};

use super::ServeError;
use super::admin::{ADMIN_LIFETIME, admin_name};
use crate::store::{Fleet, Operator, Role, Store, Write};

/// The fleet's authority.
pub(super) async fn found(store: &dyn Store, fleet: &FleetName, time: &TimeSource) -> Result<Authority, ServeError> {
    let stored = store.load().await.map_err(ServeError::Store)?.fleet;
    let Some(stored) = stored else { return make(store, fleet, time).await };
    if stored.name != *fleet {
        return Err(ServeError::OtherFleet { stored: stored.name, configured: fleet.clone() });
    }
    Authority::load(&stored.authority_certificate, &stored.authority_key).map_err(ServeError::Authority)
}

async fn make(store: &dyn Store, fleet: &FleetName, time: &TimeSource) -> Result<Authority, ServeError> {
    let now = time.now();
    let authority = Authority::create(fleet, now).map_err(ServeError::Authority)?;
    let made = Fleet {
        name: fleet.clone(),
        // The controller begins the first one.
        epoch: Epoch(0),
        authority_certificate: authority.certificate_pem().to_owned(),
        authority_key: authority.key_pem().to_owned(),
    };
    // Certificates that end before this one are refused: there are none.
    let admin = Operator {
        name: admin_name(),
        role: Role::Admin,
        certificate_expires: crate::api::end_of(now, ADMIN_LIFETIME),
    };
    store.apply(&[Write::PutFleet(made), Write::PutOperator(admin)]).await.map_err(ServeError::Store)?;
    tracing::info!(%fleet, fingerprint = %authority.fingerprint(), "the fleet was founded: its authority was made");
    Ok(authority)
}
