//! Where an ACME server's questions are answered: at every HTTP port of the proxy and, while something is asked for and no route has the
//! port at which the server asks, at a listener of our own there, which sends everything else to https. Not here: the answers' content.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_model::Millis;
use evenkeel_proxy::{ApplyError, Kind, Proxy, Route};

/// Whose route the listener is: no app's name has brackets.
pub(in crate::proxy::worker) const OWNER: &str = "(acme)";

/// The way in.
#[derive(Debug)]
pub(in crate::proxy::worker) struct Door {
    proxy: Proxy,
    listen: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: BTreeMap<String, String>,
    /// A route has the port.
    taken: bool,
    /// The listener is there.
    open: bool,
}

/// Questions are answered while it lives.
#[derive(Debug)]
pub(super) struct Opened<'a>(&'a Door);

impl Door {
    /// Closed.
    pub(in crate::proxy::worker) fn new(proxy: &Proxy, listen: SocketAddr) -> Arc<Self> {
        Arc::new(Self { proxy: proxy.clone(), listen, state: Mutex::default() })
    }

    /// Before these ports are opened for routes: one that is ours is theirs.
    pub(in crate::proxy::worker) fn give_way(&self, ports: impl Iterator<Item = SocketAddr>) {
        let mut state = self.state();
        if self.is_among(ports) {
            state.taken = true;
            self.close(&mut state);
        }
    }

    /// The routes in force are at these ports.
    pub(in crate::proxy::worker) fn settle(&self, ports: impl Iterator<Item = SocketAddr>) {
        let mut state = self.state();
        state.taken = self.is_among(ports);
        if state.taken {
            self.close(&mut state);
        } else if !state.answers.is_empty()
            && let Err(error) = self.open_in(&mut state)
        {
            tracing::warn!(error = crate::session::chain(&error), "an ACME server's question will find nobody");
        }
    }

    /// Ready to answer.
    pub(super) fn open(&self) -> Result<Opened<'_>, ApplyError> {
        let opened = Opened(self);
        self.open_in(&mut self.state())?;
        Ok(opened)
    }

    fn open_in(&self, state: &mut State) -> Result<(), ApplyError> {
        if state.taken || state.open {
            return Ok(());
        }
        let kind = Kind::Http { hosts: vec![], path: "/".into(), sticky: None, redirect_to_https: true, tls: false };
        let route = Route {
            owner: OWNER.to_owned(),
            name: "acme".to_owned(),
            listen: self.listen,
            kind,
            upstreams: vec![],
            hold: Millis(0),
            holding: false,
        };
        self.proxy.apply(OWNER, vec![route])?;
        state.open = true;
        Ok(())
    }

    fn close(&self, state: &mut State) {
        if std::mem::take(&mut state.open) {
            // Without routes nothing can be in the way.
            let _ = self.proxy.apply(OWNER, vec![]);
        }
    }

    /// Another address with the same port is as much in the way: one of the two can't be opened, or both lead to this host.
    fn is_among(&self, mut ports: impl Iterator<Item = SocketAddr>) -> bool {
        ports.any(|port| port.port() == self.listen.port())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened<'_> {
    /// Answers this one, too.
    pub(super) fn answer(&self, token: &str, key_authorization: &str) {
        let mut state = self.0.state();
        state.answers.insert(token.to_owned(), key_authorization.to_owned());
        self.0.proxy.set_challenges(state.answers.clone());
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.answers.clear();
        self.0.proxy.set_challenges(BTreeMap::new());
        self.0.close(&mut state);
    }
}
