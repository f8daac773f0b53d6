//! The whole proxy ends and starts again: without the agent, and with a service manager that keeps its sockets.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::net::TcpStream;

use super::rig::{DEADLINE, Rig, SHOP, eventually, free_port, http_route, loop_until};
use super::upstream::{Client, Upstream, get};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_all_of_it_and_leaves_nothing() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    rig.hand_over().await;
    rig.hand_over().await;
    let mut client = Client::connect(port).await.unwrap();
    client.send("/slow").await.unwrap();
    super::orders::loop_until_in_flight(&rig, "c1", 1).await;
    rig.signal(Signal::SIGTERM);
    loop_until("the control socket is gone", || !rig.socket().exists()).await;
    web.gate.add_permits(1);
    assert_eq!(client.receive().await.unwrap().body, "web", "what was under way is finished");
    drop(client);
    rig.ended().await;
    assert!(!rig.any_worker_runs());
    TcpStream::connect(port).await.expect_err("nobody listens");
    let mut left: Vec<_> = std::fs::read_dir(rig.state()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["lock", "routes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_survive_a_restart_without_the_agent() {
    let (mut rig, web) = (Rig::start("").await, Upstream::http("web").await);
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    rig.route("default/blog", "n", &[http_route(free_port(), &[])]).await;
    rig.stop().await;
    rig.restart().await;
    assert_eq!(get(port, "/").await.unwrap().body, "web");
    assert_eq!(rig.owner(SHOP).await.unwrap().mark.as_deref(), Some("m"));
    assert_eq!(rig.owner("default/blog").await.unwrap().mark.as_deref(), Some("n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reboot_requests_wait_for_their_containers() {
    let mut rig = Rig::start("").await;
    let (port, container) = (free_port(), free_port());
    rig.route(SHOP, "m", &[http_route(port, &[("c1", container)])]).await;
    rig.stop().await;
    rig.restart().await;
    let mut client = Client::connect(port).await.unwrap();
    client.send("/").await.unwrap();
    eventually("it waits", async || (rig.owner(SHOP).await.unwrap().routes[0].waiting == 1).then_some(())).await;
    let listener = tokio::net::TcpListener::bind(container).await.unwrap();
    let serve = async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nback").await.unwrap();
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        biased;
        answer = client.receive() => answer.unwrap(),
        () = serve => unreachable!("it never ends"),
    };
    assert_eq!((answer.status, answer.body.as_str()), (200, "back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_proxy_with_the_same_file_is_refused() {
    let rig = Rig::start("").await;
    let second = rig.command().stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.contains("another proxy runs with"), "{said}");
    rig.answers().await;
}

/// Plays systemd: what it is told, and the sockets it keeps.
struct Manager {
    socket: UnixDatagram,
    path: std::path::PathBuf,
}

impl Manager {
    fn start(rig: &Rig) -> Self {
        let path = rig.socket().with_file_name("notify.sock");
        Self { socket: UnixDatagram::bind(&path).unwrap(), path }
    }

    /// The next word, and what came with it.
    fn hears(&self) -> Option<(String, Option<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut text = [0; 4096];
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let got = recvmsg(&self.socket, &mut [IoSliceMut::new(&mut text)], &mut control, flags).ok()?;
        let file = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        Some((String::from_utf8_lossy(&text[..got.bytes]).into_owned(), file))
    }

    async fn hears_of(&self, what: &str) -> (String, Option<OwnedFd>) {
        eventually(what, || std::future::ready(self.hears().filter(|(text, _)| text.contains(what)))).await
    }
}

/// Starts the proxy with a kept socket, as systemd does: from the third file on, with its process's own number.
fn with_kept(rig: &Rig, manager: &Manager, name: &str, socket: OwnedFd) -> Command {
    let plain = rig.command();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg("exec 3<&0 </dev/null; LISTEN_PID=$$ exec \"$@\"").arg("sh");
    command.arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::from(socket));
    command.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", name).env("NOTIFY_SOCKET", &manager.path);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_a_service_manager_that_keeps_the_sockets_refuses_nobody() {
    let (mut rig, web) = (Rig::prepared(""), Upstream::http("web").await);
    let manager = Manager::start(&rig);
    let mut command = rig.command();
    command.env("NOTIFY_SOCKET", &manager.path);
    rig.restart_as(command).await;
    manager.hears_of("READY=1").await;
    let port = free_port();
    rig.route(SHOP, "m", &[http_route(port, &[("c1", web.address)])]).await;
    let (text, kept) = manager.hears_of("FDSTORE=1").await;
    let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap().to_owned();
    rig.stop().await;
    manager.hears_of("STOPPING=1").await;

    // Between the two nobody answers, and nobody is refused.
    let mut waiting = Client::connect(port).await.expect("the queue is open");
    waiting.send("/").await.unwrap();
    let command = with_kept(&rig, &manager, &name, kept.expect("a socket came with it"));
    rig.restart_as(command).await;
    let answer = tokio::time::timeout(DEADLINE, waiting.receive()).await.unwrap().unwrap();
    assert_eq!(answer.body, "web");

    // What is closed is forgotten, and free.
    rig.route(SHOP, "none", &[]).await;
    let (text, _) = manager.hears_of("FDSTOREREMOVE=1").await;
    assert!(text.contains(&name), "{text}");
    loop_until("the port is free", || std::net::TcpListener::bind(port).is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_socket_that_no_route_needs_is_closed() {
    let mut rig = Rig::prepared("");
    let manager = Manager::start(&rig);
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap();
    let name = format!("listen-{}", port.to_string().replace(':', "_"));
    let command = with_kept(&rig, &manager, &name, socket.into());
    rig.restart_as(command).await;
    manager.hears_of("FDSTOREREMOVE=1").await;
    loop_until("the port is free", || std::net::TcpListener::bind(port).is_ok()).await;
}
