//! Test images: the test program, alone in an image, with its environment baked in, in the registry under a digest.
//!
//! Images are made through the engine's import call: from nothing, without a registry to pull a base from. Deliberately not
//! here: the program (`integration-tests/program`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use serde_json::Value;

use super::command;
use super::engine::{self, Engine};
use super::http::{Request, encode};
use super::layer;
use super::registry::Registry;

/// The health check of an image that has one: quick, so that an engine's verdict does not make a test long.
const HEALTHCHECK: &str =
    "HEALTHCHECK --interval=1s --timeout=2s --retries=2 CMD [\"/program\", \"check\", \"8080/healthz\"]";

/// The test program, ready to become any number of images.
#[derive(Debug)]
pub struct Images {
    program: PathBuf,
    bytes: Vec<u8>,
}

/// What an image shall be.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// Its name in the registry, without the registry's address.
    pub repository: &'a str,
    /// Its tag.
    pub tag: &'a str,
    /// The environment that decides how the program behaves; see `integration-tests/program/src/settings.rs`.
    pub environment: &'a [(&'a str, &'a str)],
    /// Whether the image brings a health check of its own.
    pub healthcheck: bool,
    /// Whether it shares no layer with any other, so that a pull of it is a whole one wherever it has not been.
    pub own_layer: bool,
}

/// An image in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its name, the registry's address included.
    pub name: String,
    /// Its tag.
    pub tag: String,
    /// The digest of its manifest, `sha256:…`.
    pub digest: String,
}

impl Published {
    /// `NAME@DIGEST`: this image for ever.
    pub fn pinned(&self) -> String {
        format!("{}@{}", self.name, self.digest)
    }

    /// `NAME:TAG`: whatever has the tag.
    pub fn tagged(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

impl Images {
    /// Builds the test program, static, in a target directory of its own; cargo sees to it that this happens once.
    pub fn build() -> Result<Self> {
        let program = build_program()?;
        let bytes = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
        Ok(Self { program, bytes })
    }

    /// The program's file, for running it on a host without a container (`program check …`).
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Makes `image` with the help of `engine` and pushes it. The engine does not keep it: a later pull is a real one.
    pub fn publish(&self, engine: &Engine, registry: &Registry, image: Image<'_>) -> Result<Published> {
        let name = format!("{}/{}", registry.address(), image.repository);
        self.import(engine, &name, image).context("cannot make the image")?;
        let reference = format!("{name}:{}", image.tag);
        let digest = push(engine, &name, image.tag).with_context(|| format!("cannot push {reference}"));
        engine.remove_image(&reference)?;
        Ok(Published { digest: digest?, name, tag: image.tag.to_owned() })
    }

    /// Makes `image` in one engine only, under `NAME:TAG`, and returns its id.
    pub fn import(&self, engine: &Engine, name: &str, image: Image<'_>) -> Result<String> {
        let mut path = format!("/images/create?fromSrc=-&repo={}&tag={}", encode(name), encode(image.tag));
        let entry = "ENTRYPOINT [\"/program\"]".to_owned();
        let variables = image.environment.iter().map(|(key, value)| format!("ENV {key}={}", quoted(value)));
        let healthcheck = image.healthcheck.then(|| HEALTHCHECK.to_owned());
        for change in [entry].into_iter().chain(variables).chain(healthcheck) {
            path.push_str("&changes=");
            path.push_str(&encode(&change));
        }
        let headers = [("Content-Type", "application/x-tar")];
        let layer = layer::with_program(&self.bytes, image.own_layer.then_some(image.tag));
        let answer = engine.call(Request { method: "POST", path: &path, headers: &headers, body: &layer })?;
        let id = engine::progress(&answer)?.pop().and_then(|last| last.get("status")?.as_str().map(str::to_owned));
        id.context("the engine did not say the image's id")
    }
}

/// Pushes `name:tag` and returns the digest that the registry has given it.
fn push(engine: &Engine, name: &str, tag: &str) -> Result<String> {
    let path = format!("/images/{name}/push?tag={}", encode(tag));
    // No credentials: an empty object, which the engine wants to see nevertheless.
    let headers = [("X-Registry-Auth", "e30=")];
    let answer = engine.call(Request { headers: &headers, ..Request::new("POST", &path) })?;
    let messages = engine::progress(&answer)?;
    let digest = messages.iter().rev().find_map(|message| message.pointer("/aux/Digest").and_then(Value::as_str));
    digest.map(str::to_owned).context("the engine did not say the digest")
}

/// A value as an `ENV` line wants it.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}

/// Builds the test program and returns where it is.
fn build_program() -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in a workspace")?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), |at| workspace.join(at));
    let target = target.join("test-program");
    let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--package", "evenkeel-test-program", "--target", &triple]);
    cargo.arg("--target-dir").arg(&target).current_dir(workspace);
    // Static, so that it needs nothing in its image. The other variable would win over this one.
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command::output(&mut cargo).context("cannot build the test program")?;
    Ok(target.join(triple).join("release/evenkeel-test-program"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_value_is_quoted_for_its_line() {
        assert_eq!(quoted("v1"), "\"v1\"");
        assert_eq!(quoted("a \"b\" $c \\d"), "\"a \\\"b\\\" \\$c \\\\d\"");
    }

    #[test]
    fn a_published_image_is_named_by_digest_and_by_tag() {
        let published = Published { name: "10.99.0.1:5000/app".into(), tag: "v1".into(), digest: "sha256:00".into() };
        assert_eq!(published.pinned(), "10.99.0.1:5000/app@sha256:00");
        assert_eq!(published.tagged(), "10.99.0.1:5000/app:v1");
    }
}
