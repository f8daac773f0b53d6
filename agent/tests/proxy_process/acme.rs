//! HTTPS with certificates that are asked for, from a server that is played.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_proto::v1::ProxyCertificate;
use tempfile::TempDir;

use super::acme_server::AcmeServer;
use super::authority::Authority;
use super::https::Https;
use super::rig::{Rig, SHOP, eventually, free_port, http_route, loop_until};
use super::tls_files::{certificates, tls_route};
use super::upstream::{Upstream, get};

/// A proxy, its server, and an app behind it.
struct Scene {
    rig: Rig,
    server: AcmeServer,
    authority: Arc<Authority>,
    web: Upstream,
    /// Where clients speak TLS.
    port: SocketAddr,
    /// Where names lead to.
    asked_at: SocketAddr,
    /// The operator's certificates.
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let asked_at = free_port();
        let mut scene = Self::prepared(asked_at, asked_at).await;
        scene.rig.restart().await;
        scene
    }

    /// Not running yet. The proxy waits for questions here, and names lead there.
    async fn prepared(waits_at: SocketAddr, asked_at: SocketAddr) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Arc::new(Authority::new()));
        let server = AcmeServer::start(&authority, asked_at).await;
        let rig = Rig::prepared(&server.settings(folder.path(), waits_at));
        let web = Upstream::http("web").await;
        Self { rig, server, authority, web, port: free_port(), asked_at, folder }
    }

    /// A certificate that an earlier worker has got 80 of its 90 days ago.
    fn leave_an_old_certificate(&self, host: &str) {
        let pair = self.authority.issue_of(&[host], time::Duration::days(80), time::Duration::days(10));
        let kept = self.server.folder(&self.rig.state());
        std::fs::create_dir_all(&kept).unwrap();
        std::fs::write(kept.join(format!("{host}.pem")), format!("{}{}", pair.key, pair.chain)).unwrap();
    }

    async fn route(&self, hosts: &[&str]) {
        let mark = hosts.join(",");
        self.rig.route(SHOP, &mark, &[tls_route(self.port, hosts, &[("c1", self.web.address)])]).await;
    }

    /// What a client of this host gets; the error: why there is no connection.
    async fn get(&self, host: &str) -> Result<String, String> {
        let mut client = Https::connect(&self.authority.client(&["h2"]), self.port, host).await?;
        client.get(host, "/").await.map(|(_, body, _)| body)
    }

    async fn shown(&self, host: &str) -> Vec<u8> {
        eventually("a certificate", async || {
            Https::connect(&self.authority.client(&[]), self.port, host).await.ok().map(|client| client.shown)
        })
        .await
    }

    async fn known(&self, host: &str) -> ProxyCertificate {
        let all = certificates(&self.rig).await;
        all.into_iter().find(|known| known.names == [host]).unwrap_or_else(|| panic!("nothing is known of {host}"))
    }

    /// Waits until a try for this host has failed, and says how.
    async fn failed(&self, host: &str) -> String {
        eventually("a try has failed", async || {
            self.known(host)
                .await
                .trouble
                .filter(|trouble| trouble.contains("could not be had") && !trouble.contains("did not end"))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_get_their_certificates_and_until_then_their_clients_are_refused() {
    let scene = Scene::new().await;
    scene.server.hold();
    scene.route(&["a.test", "b.test"]).await;
    loop_until("an order", || !scene.server.ordered().is_empty()).await;
    scene.get("a.test").await.expect_err("there is no certificate yet");
    assert_eq!(scene.known("a.test").await.not_after, None);
    // While something is asked for, the port is there: for the question, and for people who come by http.
    loop_until("the question can be asked", || std::net::TcpStream::connect(scene.asked_at).is_ok()).await;
    assert_eq!(get(scene.asked_at, "/").await.unwrap().status, 308);
    assert_eq!(certificates(&scene.rig).await.len(), 2);
    scene.server.release();
    for host in ["a.test", "b.test"] {
        scene.shown(host).await;
        assert_eq!(scene.get(host).await.as_deref(), Ok("web"));
    }
    assert_eq!(
        (scene.server.ordered().as_slice(), scene.server.accounts()),
        (["a.test", "b.test"].map(String::from).as_slice(), 1)
    );
    assert_eq!(scene.server.state().contacts[0][0], "mailto:ops@shop.test");
    loop_until("the port is closed again", || std::net::TcpStream::connect(scene.asked_at).is_err()).await;
    eventually("nothing is wrong", async || scene.known("b.test").await.trouble.is_none().then_some(())).await;
    let kept = scene.rig.state().join("acme");
    // A file that is being replaced is there twice for a moment.
    loop_until("account, tries, and two certificates", || files(&kept).len() == 4).await;
    for file in files(&kept) {
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_and_account_outlive_the_proxy() {
    let mut scene = Scene::new().await;
    scene.route(&["a.test"]).await;
    let before = scene.shown("a.test").await;
    scene.rig.stop().await;
    scene.rig.restart().await;
    assert_eq!(scene.shown("a.test").await, before, "it is not asked for again");
    scene.route(&["a.test", "b.test"]).await;
    scene.shown("b.test").await;
    scene.rig.hand_over().await;
    scene.route(&["a.test", "b.test", "c.test"]).await;
    scene.shown("c.test").await;
    assert_eq!((scene.server.ordered().join(" ").as_str(), scene.server.accounts()), ("a.test b.test c.test", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_in_time_and_the_question_comes_by_an_apps_own_port_too() {
    let asked_at = free_port();
    let mut scene = Scene::prepared(asked_at, asked_at).await;
    scene.leave_an_old_certificate("a.test");
    scene.server.hold();
    scene.rig.restart().await;
    let app = http_route(scene.asked_at, &[("c2", scene.web.address)]);
    scene.rig.route("default/plain", "m", std::slice::from_ref(&app)).await;
    scene.route(&["a.test"]).await;
    let old = scene.shown("a.test").await;
    let mut kept = Https::connect(&scene.authority.client(&[]), scene.port, "a.test").await.unwrap();
    scene.server.release();
    eventually("another one is shown", async || (scene.shown("a.test").await != old).then_some(())).await;
    assert_eq!(kept.get("a.test", "/").await.unwrap().1, "web", "an open connection goes on");
    assert_eq!(get(scene.asked_at, "/").await.unwrap().body, "web", "the app has its port");
    assert_eq!(scene.server.ordered(), ["a.test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_is_told_and_put_off_and_the_old_certificate_serves_on() {
    let elsewhere = Upstream::http("elsewhere").await;
    let mut scene = Scene::prepared(free_port(), elsewhere.address).await;
    scene.leave_an_old_certificate("a.test");
    scene.rig.restart().await;
    scene.route(&["a.test"]).await;
    let trouble = scene.failed("a.test").await;
    assert!(trouble.contains("does not believe") && trouble.contains("elsewhere"), "{trouble}");
    assert!(trouble.contains("tried again in"), "{trouble}");
    assert!(scene.known("a.test").await.not_after.is_some());
    scene.rig.hand_over().await;
    assert!(scene.failed("a.test").await.contains("elsewhere"), "the next worker knows it too");
    assert_eq!(scene.get("a.test").await.as_deref(), Ok("web"));
    assert_eq!(scene.server.ordered(), ["a.test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_is_not_asked_for_again_at_once_and_is_in_nobodys_way() {
    let elsewhere = Upstream::http("elsewhere").await;
    let mut scene = Scene::prepared(free_port(), elsewhere.address).await;
    let pair = scene.authority.issue(&["file.test"]);
    std::fs::write(scene.folder.path().join("file.crt"), &pair.chain).unwrap();
    std::fs::write(scene.folder.path().join("file.key"), &pair.key).unwrap();
    scene.rig.restart().await;
    scene.route(&["a.test", "file.test"]).await;
    scene.failed("a.test").await;
    scene.rig.hand_over().await;
    scene.route(&["a.test", "file.test", "www.a.test"]).await;
    scene.failed("www.a.test").await;
    assert_eq!(scene.server.ordered(), ["a.test", "www.a.test"], "each once");
    assert_eq!(scene.get("file.test").await.as_deref(), Ok("web"));
    scene.get("a.test").await.expect_err("there is no certificate, and another's is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_or_takes_no_nonce_is_told() {
    let scene = Scene::new().await;
    scene.server.state().bad_nonces = u32::MAX;
    scene.route(&["a.test"]).await;
    let trouble = scene.failed("a.test").await;
    assert!(trouble.contains("badNonce"), "{trouble}");
    let Scene { server, rig, web, port, .. } = scene;
    drop(server);
    rig.route(SHOP, "two", &[tls_route(port, &["a.test", "b.test"], &[("c1", web.address)])]).await;
    eventually("a try has failed", async || {
        let known = certificates(&rig).await.into_iter().find(|known| known.names == ["b.test"])?;
        known.trouble.filter(|trouble| trouble.contains("can't be reached"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_nonces_is_asked_again() {
    let scene = Scene::new().await;
    scene.server.state().bad_nonces = 2;
    scene.route(&["a.test"]).await;
    scene.shown("a.test").await;
    assert_eq!((scene.server.ordered().len(), scene.server.accounts()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_gets_the_port_while_a_question_is_waited_for() {
    let scene = Scene::new().await;
    scene.server.hold();
    scene.route(&["a.test"]).await;
    loop_until("the port is open", || std::net::TcpStream::connect(scene.asked_at).is_ok()).await;
    let app = http_route(scene.asked_at, &[("c2", scene.web.address)]);
    scene.rig.route("default/plain", "m", std::slice::from_ref(&app)).await;
    assert_eq!(get(scene.asked_at, "/").await.unwrap().body, "web");
    scene.server.release();
    scene.shown("a.test").await;
    scene.rig.route("default/plain", "none", &[]).await;
}

/// All files below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
