//! What tests ask an engine: its HTTP API, with names for the few calls that every test needs.
//!
//! The harness speaks to the engine by itself and not through the product's adapter: a test must not see the world through
//! the code that it tests. Deliberately not here: the rest of the API ([`Engine::api`] reaches it).

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Engine;
use crate::hosts::http::{Answer, Connection, Request, encode};

/// A push or a stop may take long and says nothing meanwhile.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);

impl Engine {
    /// Any call. `path` carries its query, encoded; a status other than 2xx is an error with the engine's own message.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = [("Content-Type", "application/json")];
        self.call(Request { method, path, headers: &headers, body: body.as_bytes() })
    }

    pub(in crate::hosts) fn call(&self, request: Request<'_>) -> Result<Answer> {
        let Request { method, path, .. } = request;
        let stream = self.connect(CALL_TIMEOUT)?;
        let answer =
            Connection::over(stream, "engine".to_owned()).send(request).with_context(|| format!("{method} {path}"))?;
        if answer.status / 100 != 2 && answer.status != 304 {
            bail!("{method} {path} was answered {}: {}", answer.status, answer.text());
        }
        Ok(answer)
    }

    /// Pulls an image; `reference` as in `docker pull`, best with a digest.
    pub fn pull(&self, reference: &str) -> Result<()> {
        let path = format!("/images/create?fromImage={}", encode(reference));
        progress(&self.call(Request::new("POST", &path))?).map(drop).with_context(|| format!("cannot pull {reference}"))
    }

    /// Whether the engine has an image by this reference or id.
    pub fn has_image(&self, reference: &str) -> bool {
        self.api("GET", &format!("/images/{reference}/json"), None).is_ok()
    }

    /// Removes an image, or one name of it.
    pub fn remove_image(&self, reference: &str) -> Result<()> {
        self.api("DELETE", &format!("/images/{reference}?force=true"), None).map(drop)
    }

    /// Creates and starts a container of `image`, which the engine must have. `published` are pairs of host and container
    /// port. Its restart policy is `no`.
    pub fn run_container(&self, name: &str, image: &str, published: &[(u16, u16)]) -> Result<()> {
        let (mut exposed, mut bindings) = (json!({}), json!({}));
        for (on_host, in_container) in published {
            let key = format!("{in_container}/tcp");
            exposed[&key] = json!({});
            bindings[&key] = json!([{ "HostPort": on_host.to_string() }]);
        }
        let specification =
            json!({ "Image": image, "ExposedPorts": exposed, "HostConfig": { "PortBindings": bindings } });
        self.api("POST", &format!("/containers/create?name={}", encode(name)), Some(&specification))?;
        self.api("POST", &format!("/containers/{name}/start"), None).map(drop)
    }

    /// Stops a container: SIGTERM, then SIGKILL after `grace` (whole seconds).
    pub fn stop_container(&self, name: &str, grace: Duration) -> Result<()> {
        self.api("POST", &format!("/containers/{name}/stop?t={}", grace.as_secs()), None).map(drop)
    }

    /// Removes a container, running or not, and its anonymous volumes.
    pub fn remove_container(&self, name: &str) -> Result<()> {
        self.api("DELETE", &format!("/containers/{name}?force=true&v=true"), None).map(drop)
    }

    /// All that the engine says of a container.
    pub fn inspect(&self, name: &str) -> Result<Value> {
        self.api("GET", &format!("/containers/{name}/json"), None)?.json()
    }

    /// A container's state in the engine's word: `created`, `running`, `exited`…
    pub fn container_state(&self, name: &str) -> Result<String> {
        let container = self.inspect(name)?;
        let state = container.pointer("/State/Status").and_then(Value::as_str);
        state.map(str::to_owned).with_context(|| format!("no state in {container}"))
    }

    /// The engine's list of containers, stopped ones included.
    pub fn containers(&self) -> Result<Vec<Value>> {
        match self.api("GET", "/containers/json?all=true", None)?.json()? {
            Value::Array(containers) => Ok(containers),
            other => bail!("not a list of containers: {other}"),
        }
    }
}

/// The messages of a call that reports progress: one JSON value after the other. Its status is sent before its work is
/// done, so that a failure is only found among them.
pub(in crate::hosts) fn progress(answer: &Answer) -> Result<Vec<Value>> {
    let mut messages = Vec::new();
    for message in serde_json::Deserializer::from_slice(&answer.body).into_iter::<Value>() {
        let message = message.context("the engine's progress is cut short")?;
        if let Some(error) = message.get("error").and_then(Value::as_str) {
            bail!("{error}");
        }
        messages.push(message);
    }
    Ok(messages)
}
