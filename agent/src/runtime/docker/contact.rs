//! The connection to the engine: made late, made again, and counted, so that a restarted engine is not taken for crashed containers.
//! Not here: what is asked over it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;

use super::CALL;
use super::errors::EngineError;

/// The client's own limit is out of the way: each call has one of ours, some of them (a stop's grace) longer than any fixed one.
const CLIENT_LIMIT: Duration = Duration::from_hours(24);
/// For finding out which version of its API the engine speaks.
const NEGOTIATION: Duration = Duration::from_secs(10);

pub(super) struct Contact {
    address: Option<String>,
    state: Mutex<State>,
}

struct State {
    /// None: contact has to be made (again), for the engine may have become another version meanwhile.
    docker: Option<Docker>,
    session: u64,
}

impl Contact {
    pub(super) fn new(address: Option<String>) -> Self {
        Self { address, state: Mutex::new(State { docker: None, session: 1 }) }
    }

    /// Counts the times that contact was made.
    pub(super) fn session(&self) -> u64 {
        self.state().session
    }

    /// Contact was lost; whether that is news. The next contact is another session from now on.
    pub(super) fn lost(&self) -> bool {
        let mut state = self.state();
        let news = state.docker.take().is_some();
        if news {
            state.session += 1;
        }
        news
    }

    /// The engine, after it has answered once in this session.
    pub(super) async fn engine(&self) -> Result<Docker, EngineError> {
        let known = self.state().docker.clone();
        if let Some(docker) = known {
            return Ok(docker);
        }
        let docker = self.connect()?.with_timeout(CLIENT_LIMIT);
        let docker = tokio::time::timeout(NEGOTIATION, docker.negotiate_version())
            .await
            .map_err(|_| EngineError::Silent { limit: NEGOTIATION })??;
        self.state().docker = Some(docker.clone());
        Ok(docker)
    }

    /// One call within `limit`. One that gets no answer may mean that contact is lost.
    pub(super) async fn call<T, F>(&self, limit: Duration, call: impl FnOnce(Docker) -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let docker = self.engine().await?;
        let answer = match tokio::time::timeout(limit, call(docker)).await {
            Ok(answer) => answer.map_err(EngineError::from),
            Err(_) => Err(EngineError::Silent { limit }),
        };
        if answer.as_ref().err().is_some_and(means_lost) {
            self.lost();
        }
        answer
    }

    fn connect(&self) -> Result<Docker, Error> {
        match &self.address {
            Some(address) => Docker::connect_with_host(address),
            None => Docker::connect_with_defaults(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Never held across anything that could panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether contact is lost. Not by work that does not end, such as the stop of a process that can't be killed: all other containers would be
/// forgotten with it, and it would be tried for ever. An engine that hangs as a whole fails the next look, too.
fn means_lost(error: &EngineError) -> bool {
    match error {
        EngineError::Unreachable(_) => true,
        EngineError::Silent { limit } => *limit <= CALL,
        EngineError::Refused(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    /// An engine that tells its version and hangs at everything else.
    async fn hang(listener: UnixListener) {
        let mut hanging = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            if String::from_utf8_lossy(&request[..length]).contains("/version ") {
                let body = r#"{"ApiVersion":"1.41"}"#;
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            hanging.push(stream);
        }
    }

    #[tokio::test]
    async fn an_engine_that_hangs_is_down_and_the_next_contact_another_session() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("engine.sock");
        let engine = tokio::spawn(hang(UnixListener::bind(&socket).unwrap()));
        let contact = Contact::new(Some(format!("unix://{}", socket.display())));
        let limit = Duration::from_millis(50);
        for session in 1..3 {
            assert!(contact.engine().await.is_ok());
            assert_eq!(contact.session(), session);
            let answer = contact.call(limit, async |docker| docker.info().await).await;
            assert!(matches!(answer, Err(EngineError::Silent { limit: told }) if told == limit), "{answer:?}");
        }
        engine.abort();
    }

    #[test]
    fn work_that_does_not_end_is_not_taken_for_an_engine_that_is_lost() {
        assert!(means_lost(&EngineError::Silent { limit: CALL }));
        assert!(means_lost(&EngineError::Unreachable("connection refused".to_owned())));
        // As a stop's: the grace that was promised, and more.
        assert!(!means_lost(&EngineError::Silent { limit: Duration::from_secs(10) + super::super::WORK }));
    }
}
