//! What the command line asks for: the target, and clients with their rates. Pure.

use std::net::SocketAddr;
use std::time::Duration;

/// Ends by itself after this, whoever has forgotten it.
const AT_MOST: Duration = Duration::from_hours(2);

/// All that is to be done.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) target: SocketAddr,
    pub(crate) at_most: Duration,
    pub(crate) clients: Vec<Client>,
}

/// What a client asks for, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `GET /` on kept-alive connections; a share of them `GET /slow`.
    KeptAlive,
    /// `GET /`, each on a connection of its own.
    New,
    /// `GET /slow`, which takes long.
    Slow,
    /// `GET /healthz`: 503 is an answer, and is kept as what was seen.
    Health,
    /// `POST /upload`, and the checksum must be right.
    Upload,
    /// `GET /download`, and every byte must be right.
    Download,
    /// Messages over a WebSocket, each echoed.
    WebSocket,
    /// Messages on streams of gRPC, each echoed, and trailers at the end.
    Grpc,
    /// Messages over TCP, each echoed.
    Tcp,
}

/// A client: its connections share its rate.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The word that named it.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) connections: u32,
    /// Requests (or messages) a second, all connections together.
    pub(crate) rate: f64,
    /// The share of a kept-alive client's requests that take `delay`.
    pub(crate) slow: f64,
    /// How long the slow ones take.
    pub(crate) delay: Duration,
    /// Of an upload or download.
    pub(crate) bytes: u64,
    /// After so many requests, all connections together, it is done; `None`: at the end of all.
    pub(crate) count: Option<u64>,
}

/// Kinds with their defaults: connections, rate, the slow ones' share and time in ms, bytes.
type Defaults = (&'static str, Kind, u32, f64, f64, u64, u64);

/// 100 MB, as a large file is.
const LARGE: u64 = 100_000_000;
const KINDS: [Defaults; 10] = [
    ("ka", Kind::KeptAlive, 32, 2500.0, 0.005, 500, 0),
    ("lo", Kind::KeptAlive, 8, 400.0, 0.005, 500, 0),
    ("new", Kind::New, 40, 400.0, 0.0, 0, 0),
    ("slow", Kind::Slow, 4, 0.4, 1.0, 10_000, 0),
    ("health", Kind::Health, 1, 50.0, 0.0, 0, 0),
    ("upload", Kind::Upload, 1, 0.2, 0.0, 0, LARGE),
    ("download", Kind::Download, 1, 0.2, 0.0, 0, LARGE),
    ("ws", Kind::WebSocket, 8, 400.0, 0.0, 0, 0),
    ("grpc", Kind::Grpc, 8, 400.0, 0.0, 0, 0),
    ("tcp", Kind::Tcp, 8, 400.0, 0.0, 0, 0),
];

impl Plan {
    /// Reads the arguments behind the program's name. The error says which is wrong.
    pub(crate) fn read(arguments: &[String]) -> Result<Self, String> {
        let (target, mut rest) = arguments.split_first().ok_or("no target")?;
        let target = target.parse().map_err(|_| format!("`{target}` is no HOST:PORT with an address"))?;
        let mut at_most = AT_MOST;
        if let [flag, seconds, others @ ..] = rest
            && flag == "--at-most"
        {
            at_most =
                Duration::from_secs(seconds.parse().map_err(|_| format!("--at-most {seconds}: no whole number"))?);
            rest = others;
        }
        let clients: Vec<Client> = rest.iter().map(|word| Client::read(word)).collect::<Result<_, _>>()?;
        if clients.is_empty() {
            return Err("no client".to_owned());
        }
        if let Some(twice) =
            clients.iter().enumerate().find(|(at, one)| clients[..*at].iter().any(|other| other.name == one.name))
        {
            return Err(format!("client {} is there twice", twice.1.name));
        }
        Ok(Self { target, at_most, clients })
    }
}

impl Client {
    /// Reads `KIND[:KEY=VALUE,…]`.
    pub(crate) fn read(word: &str) -> Result<Self, String> {
        let (name, settings) = word.split_once(':').unwrap_or((word, ""));
        let Some((_, kind, connections, rate, slow, delay, bytes)) = KINDS.into_iter().find(|kind| kind.0 == name)
        else {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.0).collect();
            return Err(format!("`{name}` is no client; there are: {}", known.join(", ")));
        };
        let delay = Duration::from_millis(delay);
        let mut client = Self { name: name.to_owned(), kind, connections, rate, slow, delay, bytes, count: None };
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            client.set(setting).ok_or_else(|| format!("{name}: `{setting}` is no setting"))?;
        }
        Ok(client)
    }

    fn set(&mut self, setting: &str) -> Option<()> {
        let (key, value) = setting.split_once('=')?;
        let positive = |number: &f64| number.is_finite() && *number > 0.0;
        match key {
            "connections" => self.connections = value.parse().ok().filter(|count| *count > 0)?,
            "rate" => self.rate = value.parse().ok().filter(positive)?,
            "slow" => self.slow = value.parse().ok().filter(|share| (0.0..=1.0).contains(share))?,
            "ms" => self.delay = Duration::from_millis(value.parse().ok()?),
            "count" => self.count = Some(value.parse().ok()?),
            "bytes" => self.bytes = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }

    /// From one request of a connection to its next.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.connections) / self.rate)
    }

    /// How many of the requests connection `number` makes.
    pub(crate) fn share(&self, number: u32) -> u64 {
        let connections = u64::from(self.connections);
        self.count.map_or(u64::MAX, |count| count / connections + u64::from(u64::from(number) < count % connections))
    }

    /// When connection `number` begins: they take turns.
    pub(crate) fn offset(&self, number: u32) -> Duration {
        self.interval() * number / self.connections
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Plan, String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        Plan::read(&words)
    }

    #[test]
    fn a_client_has_defaults_that_settings_replace() {
        let plan = read("127.0.0.1:80 --at-most 9 ka new:rate=10,connections=2").unwrap();
        assert_eq!(plan.at_most, Duration::from_secs(9));
        let [ka, new] = &plan.clients[..] else { panic!("{plan:?}") };
        assert_eq!((ka.kind, ka.connections, ka.interval()), (Kind::KeptAlive, 32, Duration::from_micros(12_800)));
        assert_eq!((new.kind, new.interval()), (Kind::New, Duration::from_millis(200)));
        assert_eq!(new.offset(1), Duration::from_millis(100));
        assert_eq!((new.share(0), ka.count), (u64::MAX, None));
        let three = Client::read("new:connections=2,count=3").unwrap();
        assert_eq!((three.share(0), three.share(1)), (2, 1));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_its_word() {
        for (words, part) in [
            ("nowhere ka", "nowhere"),
            ("127.0.0.1:80", "no client"),
            ("127.0.0.1:80 kb", "`kb`"),
            ("127.0.0.1:80 ka:rate=0", "rate=0"),
            ("127.0.0.1:80 ka:speed=1", "speed=1"),
            ("127.0.0.1:80 ka ka:rate=1", "twice"),
            ("127.0.0.1:80 --at-most soon ka", "soon"),
        ] {
            let problem = read(words).unwrap_err();
            assert!(problem.contains(part), "{words}: {problem}");
        }
    }
}
