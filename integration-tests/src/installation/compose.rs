//! The Compose file that the tests deploy: one web service of the test program, with quick checks.

use std::fmt::Write as _;

/// How the service's port 8080 is had from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Not at all.
    No,
    /// The engine publishes it: old and new can't run side by side.
    Direct,
    /// The proxy carries connections to it.
    Tcp,
    /// The proxy carries requests to it.
    Http,
}

/// What differs between the tests' deploys.
#[derive(Debug, Clone)]
pub struct Compose {
    /// The image's tag in the fleet's registry.
    pub tag: String,
    /// How its port is published, as 8080 on the host.
    pub published: Published,
    /// Lines for `x-rollout`, `key: value`; they outrank the quick defaults below.
    pub rollout: Vec<(String, String)>,
    /// Further lines of the service.
    pub service: Vec<String>,
}

/// Quick enough for a test, slow enough to be seen.
const QUICK: [(&str, &str); 4] =
    [("waves", "[1, \"100%\"]"), ("bake", "2s"), ("health_deadline", "10s"), ("progress_deadline", "60s")];

impl Compose {
    /// This tag, its port published by the engine: stop-first.
    pub fn published(tag: &str) -> Self {
        Self { tag: tag.to_owned(), published: Published::Direct, rollout: Vec::new(), service: Vec::new() }
    }

    /// This tag, its port owned by the proxy, as HTTP: start-first, and nothing is lost.
    pub fn routed(tag: &str) -> Self {
        Self { published: Published::Http, ..Self::published(tag) }
    }

    /// This tag, no port published: start-first.
    pub fn unpublished(tag: &str) -> Self {
        Self { published: Published::No, ..Self::published(tag) }
    }

    /// With a setting of the rollout.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.rollout.push((key.to_owned(), value.to_owned()));
        self
    }

    /// With a line of the service.
    #[must_use]
    pub fn with_service(mut self, line: &str) -> Self {
        self.service.push(line.to_owned());
        self
    }

    /// The file's text.
    pub fn text(&self, registry: &str) -> String {
        let mut text = format!("name: shop\nservices:\n  web:\n    image: {registry}/app:{}\n", self.tag);
        let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a string does not fail");
        let more = match self.published {
            Published::No => None,
            Published::Direct => Some("mode: host"),
            Published::Tcp => Some("app_protocol: tcp"),
            Published::Http => Some("app_protocol: http"),
        };
        if let Some(more) = more {
            line(&format!("    ports: [{{ published: 8080, target: 8080, {more} }}]"));
        }
        line("    stop_grace_period: 3s");
        for more in &self.service {
            line(&format!("    {more}"));
        }
        line("    x-rollout:");
        line(
            "      health: { http: { port: 8080, path: /healthz }, interval: 300ms, timeout: 2s, successes: 2, failures: 3 }",
        );
        line("x-rollout:");
        let quick = QUICK.iter().filter(|(key, _)| !self.rollout.iter().any(|(own, _)| own == key));
        for (key, value) in quick.copied().chain(self.rollout.iter().map(|(key, value)| (key.as_str(), value.as_str())))
        {
            line(&format!("  {key}: {value}"));
        }
        text
    }
}
