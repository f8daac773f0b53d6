//! Which path has which answer, and how many there were. Not here: how it is written, by which protocol.

use std::time::Duration;

use super::Shared;
use crate::http::{Body, Request, Response};
use crate::settings::Mode;

impl Shared {
    /// The answer to a request, counted unless only a machine asks how things are.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let response = self.answer_to(request);
        if !matches!(request.path.as_str(), "/healthz" | "/metrics") {
            self.counted.add(response.is_error());
        }
        response
    }

    fn answer_to(&self, request: &Request) -> Response {
        let pause = Duration::from_millis(request.number("ms"));
        match request.path.as_str() {
            "/" => self.version(),
            "/slow" => Response { delay: pause, ..self.version() },
            "/bytes" => Response::of(Body::Filler(request.number("n"))),
            "/download" => Response::of(Body::Payload(request.number("bytes"))),
            "/stream" => Response::of(Body::Pieces(request.number("pieces"), pause)),
            "/upload" => Response::text(request.received.text() + "\n"),
            "/metrics" => Response::text(self.counted.text()),
            "/healthz" if self.is_well() => Response::text("healthy\n".to_owned()),
            "/healthz" => Response {
                status: "503 Service Unavailable",
                ..Response::text(format!("not healthy, mode {}\n", self.settings.mode))
            },
            _ => Response { status: "404 Not Found", ..Response::text("no such path\n".to_owned()) },
        }
    }

    /// What every health check is told.
    pub(super) fn is_well(&self) -> bool {
        self.settings.is_healthy(self.started.elapsed()) && !self.is_draining()
    }

    fn version(&self) -> Response {
        let version = Response::text(format!("{}\n", self.settings.version));
        match self.settings.mode {
            Mode::Faulty => Response { status: "500 Internal Server Error", ..version },
            _ => version,
        }
    }
}
