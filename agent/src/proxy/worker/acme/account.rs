//! The account at the ACME server: made once, and kept with its key in a file that the proxy's user alone can read. Not here: orders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use evenkeel_certs::{TimeSource, WebTls};
use instant_acme::{Account, AccountCredentials, NewAccount};

use super::http::Https;
use super::order::Trouble;
use crate::config::AcmeConfig;
use crate::disk::blocking;
use crate::proxy::worker::disk::{self, Writes};

/// In the server's folder.
const FILE: &str = "account.json";

/// The way to the account.
#[derive(Debug)]
pub(super) struct Accounts {
    config: AcmeConfig,
    path: PathBuf,
    time: TimeSource,
    writes: Writes,
}

impl Accounts {
    /// Kept in this folder.
    pub(super) fn new(config: &AcmeConfig, folder: &Path, time: &TimeSource, writes: &Writes) -> Self {
        Self { config: config.clone(), path: folder.join(FILE), time: time.clone(), writes: writes.clone() }
    }

    /// The account that there is, or a new one.
    pub(super) async fn get(&self) -> Result<Account, Trouble> {
        let https = Https::new(self.tls().await?);
        let builder = Account::builder_with_http(Box::new(https));
        if let Some(credentials) = self.stored().await? {
            return Ok(builder.from_credentials(credentials).await?);
        }
        let contact: Vec<&str> = self.config.contact.iter().map(String::as_str).collect();
        let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = builder.create(&wanted, self.config.directory.clone(), None).await?;
        let (path, bytes) = (self.path.clone(), serde_json::to_vec(&credentials).expect("plain data has a JSON form"));
        self.writes.blocking(move || disk::replace(&path, &bytes)).await.map_err(Trouble::State)?;
        tracing::info!(server = self.config.directory, "an account was made at the ACME server");
        Ok(account)
    }

    /// The server does not know it any more: the next one is new.
    pub(super) async fn forget(&self) {
        let path = self.path.clone();
        if let Err(error) = self.writes.blocking(move || fs::remove_file(path)).await {
            tracing::warn!(path = %self.path.display(), %error, "the account that the ACME server does not know can't be removed");
        }
    }

    async fn stored(&self) -> Result<Option<AccountCredentials>, Trouble> {
        let path = self.path.clone();
        match blocking(move || fs::read(path)).await {
            // A damaged one is as good as none: the next one is new.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Trouble::State(error)),
        }
    }

    async fn tls(&self) -> Result<WebTls, Trouble> {
        let Some(file) = self.config.ca_file.clone() else {
            let time = self.time.clone();
            return blocking(move || WebTls::with_system_roots(&time)).await.map_err(Trouble::Roots);
        };
        let path = file.display().to_string();
        let pem = blocking(move || fs::read(file)).await.map_err(|source| Trouble::RootsFile { path, source })?;
        WebTls::with_roots(&pem, &self.time).map_err(Trouble::Roots)
    }
}
