//! The last lines of a container, for the evidence, and lines that somebody looks for. Both bounded in what is read and in what is kept of it.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;

use evenkeel_model::{LogAnswer, LogQuestion, Millis};

use super::DockerRuntime;
use super::containers::Listed;
use super::errors::EngineError;
use crate::runtime::search::{Search, Stream};

/// The limit for reading them: evidence is worth a wait, but not the swap.
const READ: Duration = Duration::from_secs(5);
/// The limit for all that is read for one question: who asks waits a little longer.
const SEARCH: Duration = Duration::from_secs(8);
/// So many lines are kept.
const LINES: usize = 50;
/// So many characters of each line are kept.
const LINE: usize = 1000;

impl DockerRuntime {
    /// Whatever can be had of it: a failure to read the log must not hide the failure it is the proof of.
    pub(super) async fn last_lines(&self, id: &str) -> Vec<String> {
        let mut tail = Tail::default();
        let reading = async {
            let Ok(docker) = self.contact.engine().await else { return };
            let options = LogsOptions { stdout: true, stderr: true, tail: LINES.to_string(), ..LogsOptions::default() };
            let mut frames = std::pin::pin!(docker.logs(id, Some(options)));
            while let Some(Ok(frame)) = frames.next().await {
                let (stream, message) = piece(&frame);
                tail.add(stream as usize, message);
            }
        };
        // What was read until then is what there is.
        let _ = tokio::time::timeout(READ, reading).await;
        tail.finish()
    }

    /// Reads the logs that the question is about, one after the other.
    pub(super) async fn search(&self, question: &LogQuestion) -> LogAnswer {
        let down = |error: EngineError| format!("the engine does not answer: {error}");
        let all = self.list(&self.scope.app_labels(&question.key)).await.map_err(down)?;
        let is_meant = |listed: &Listed| {
            listed.identity.release == question.release && question.is_about(&listed.identity.place.service)
        };
        let mut meant: Vec<Listed> = all.into_iter().filter(is_meant).collect();
        meant.sort_by(|one, other| one.identity.place.cmp(&other.identity.place));
        let matcher = question.pattern.matcher();
        let mut search = Search::new(&matcher);
        let reading = async {
            for listed in &meant {
                search.begin(&listed.identity.place.service);
                if !self.search_one(&listed.id, &mut search).await? {
                    break;
                }
            }
            Ok::<_, EngineError>(())
        };
        let read = tokio::time::timeout(SEARCH, reading).await;
        match read {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(format!("the engine does not give the logs: {error}")),
            Err(_) => search.cut(format!("the logs could not be read within {}", Millis::from(SEARCH))),
        }
        Ok(search.finish())
    }

    /// Whether more may be read. A container that is gone has no log any more.
    async fn search_one(&self, id: &str, search: &mut Search<'_>) -> Result<bool, EngineError> {
        let docker = self.contact.engine().await?;
        let options = LogsOptions { stdout: true, stderr: true, ..LogsOptions::default() };
        let mut frames = std::pin::pin!(docker.logs(id, Some(options)));
        while let Some(frame) = frames.next().await {
            match frame.map_err(EngineError::from) {
                Ok(frame) => {
                    let (stream, message) = piece(&frame);
                    if !search.take(stream, message) {
                        return Ok(false);
                    }
                }
                Err(error) if error.is_absent() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn piece(frame: &LogOutput) -> (Stream, &[u8]) {
    match frame {
        LogOutput::StdErr { message } => (Stream::Err, message),
        LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
            (Stream::Out, message)
        }
    }
}

/// Puts lines together from pieces of two interleaved streams.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    /// The unfinished line of stdout and of stderr.
    open: [Vec<u8>; 2],
}

impl Tail {
    fn add(&mut self, stream: usize, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(stream, &bytes[..end]);
            self.close(stream);
            bytes = &bytes[end + 1..];
        }
        self.extend(stream, bytes);
    }

    fn extend(&mut self, stream: usize, bytes: &[u8]) {
        // A character has four bytes at most, so this never cuts what is kept.
        let room = (LINE * 4).saturating_sub(self.open[stream].len());
        self.open[stream].extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn close(&mut self, stream: usize) {
        let line = std::mem::take(&mut self.open[stream]);
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        let text = String::from_utf8_lossy(&line);
        self.lines.push_back(text.trim_end_matches('\r').chars().take(LINE).collect());
    }

    fn finish(mut self) -> Vec<String> {
        for stream in 0..self.open.len() {
            if !self.open[stream].is_empty() {
                self.close(stream);
            }
        }
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_per_stream_and_kept_in_order() {
        let mut tail = Tail::default();
        tail.add(0, b"one\r\ntw");
        tail.add(1, b"error\n");
        tail.add(0, b"o\nlast");
        assert_eq!(tail.finish(), ["one", "error", "two", "last"]);
    }

    #[test]
    fn only_the_end_of_a_long_log_and_the_beginning_of_long_lines_is_kept() {
        let mut tail = Tail::default();
        for number in 0..60 {
            tail.add(0, format!("{number}\n").as_bytes());
        }
        tail.add(0, "ä".repeat(5000).as_bytes());
        let lines = tail.finish();
        assert_eq!((lines.len(), lines[0].as_str()), (LINES, "11"));
        assert_eq!(lines[49], "ä".repeat(LINE));
    }
}
