//! HTTPS with certificates in files.

use std::net::SocketAddr;
use std::path::Path;

use evenkeel_proto::v1::{
    ProxyCertificate, ProxyHttp, ProxyRoute, ProxyStatusRequest, proxy_route, set_routes_response::Problem,
};

use super::authority::{Authority, Pair};
use super::https::{Https, TlsFlood};
use super::rig::{Rig, SHOP, eventually, free_port, http_route};
use super::upstream::{Upstream, get};

/// A route whose clients speak TLS.
pub(crate) fn tls_route(listen: SocketAddr, hosts: &[&str], upstreams: &[(&str, SocketAddr)]) -> ProxyRoute {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let http = ProxyHttp { hosts, path: "/".to_owned(), tls: true, ..ProxyHttp::default() };
    let service = format!("web-{}", upstreams.first().map_or("none", |(id, _)| id));
    ProxyRoute { service, kind: Some(proxy_route::Kind::Http(http)), ..http_route(listen, upstreams) }
}

/// What the proxy says of its certificates.
pub(crate) async fn certificates(rig: &Rig) -> Vec<ProxyCertificate> {
    let mut client = rig.client();
    let request = || ProxyStatusRequest { owner: None };
    let status = eventually("the proxy says how it is", async || client.status(request()).await.ok()).await;
    status.into_inner().certificates
}

/// A route that can't be is refused; but first the files are looked at.
async fn look(rig: &Rig) {
    let route = tls_route(free_port(), &["nobody.test"], &[]);
    assert!(matches!(rig.set("default/other", "m", &[route]).await.problem, Some(Problem::Refused(_))));
}

fn put(directory: &Path, name: &str, pair: &Pair) {
    std::fs::write(directory.join(format!("{name}.crt")), &pair.chain).unwrap();
    std::fs::write(directory.join(format!("{name}.key")), &pair.key).unwrap();
}

fn settings(directory: &Path) -> String {
    format!("[proxy.tls]\ndirectory = '{}'", directory.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_with_several_hosts_share_a_port_with_tls_and_both_protocols_are_kept_alive() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    put(folder.path(), "a", &authority.issue(&["a.test"]));
    put(folder.path(), "b", &authority.issue(&["b.test", "*.b.test"]));
    let rig = Rig::start(&settings(folder.path())).await;
    let (one, two) = (Upstream::http("one").await, Upstream::http("two").await);
    let (port, plain) = (free_port(), free_port());
    rig.route(SHOP, "m", &[tls_route(port, &["a.test"], &[("c1", one.address)])]).await;
    let mut redirect = http_route(plain, &[]);
    let to_https = ProxyHttp { path: "/".to_owned(), redirect_to_https: true, ..ProxyHttp::default() };
    redirect.kind = Some(proxy_route::Kind::Http(to_https));
    let blog = tls_route(port, &["b.test", "www.b.test"], &[("c2", two.address)]);
    rig.route("default/blog", "m", &[blog, redirect]).await;
    for protocol in ["h2", "http/1.1"] {
        let tls = authority.client(&[protocol]);
        for (host, body) in [("a.test", "one"), ("b.test", "two"), ("www.b.test", "two")] {
            let mut client = Https::connect(&tls, port, host).await.unwrap();
            assert_eq!(client.is_http2(), protocol == "h2");
            for _ in 0..5 {
                assert_eq!(client.get(host, "/").await, Ok((200, body.to_owned(), false)));
            }
        }
        let mut of_b = Https::connect(&tls, port, "b.test").await.unwrap();
        assert_eq!(of_b.get("www.b.test", "/").await.unwrap().1, "two", "the certificate is for it too");
        assert_eq!(of_b.get("a.test", "/").await.unwrap().0, 421);
        assert_eq!(of_b.get("b.test", "/").await.unwrap().1, "two", "the connection is as good as before");
    }
    assert_eq!(get(plain, "/").await.unwrap().status, 308);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_while_certificates_are_replaced_and_the_proxy_is_reloaded() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    put(folder.path(), "shop", &authority.issue(&["shop.test"]));
    let mut rig = Rig::start(&settings(folder.path())).await;
    let (web, port) = (Upstream::http("web").await, free_port());
    rig.route(SHOP, "m", &[tls_route(port, &["shop.test"], &[("c1", web.address)])]).await;
    // A new one each time: one that resumes its session is not shown the certificate again.
    let connect = async || Https::connect(&authority.client(&[]), port, "shop.test").await.unwrap();
    let mut kept = connect().await;
    let mut flood = TlsFlood::start(&authority, port, "shop.test");
    for turn in 0..4 {
        flood.goes_on(100).await;
        let before = connect().await.shown;
        put(folder.path(), "shop", &authority.issue(&["shop.test"]));
        if turn == 3 {
            rig.hand_over().await;
        } else {
            look(&rig).await;
        }
        // The process that hands over may still accept what has come to it.
        let what = format!("the new certificate is shown in turn {turn}");
        eventually(&what, async || (connect().await.shown != before).then_some(())).await;
        assert_eq!(kept.get("shop.test", "/").await.unwrap().0, 200, "an open connection goes on");
    }
    flood.goes_on(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_pair_leaves_the_one_before_in_use_and_is_told() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    put(folder.path(), "shop", &authority.issue(&["shop.test"]));
    let rig = Rig::start(&settings(folder.path())).await;
    let (web, port) = (Upstream::http("web").await, free_port());
    rig.route(SHOP, "m", &[tls_route(port, &["shop.test"], &[("c1", web.address)])]).await;
    assert_eq!(certificates(&rig).await[0].trouble, None);
    std::fs::write(folder.path().join("shop.key"), authority.issue(&["shop.test"]).key).unwrap();
    look(&rig).await;
    let told = certificates(&rig).await.remove(0);
    assert!(told.trouble.as_ref().unwrap().contains("does not belong"), "{told:?}");
    assert!(told.not_after.is_some());
    let mut client = Https::connect(&authority.client(&[]), port, "shop.test").await.unwrap();
    assert_eq!(client.get("shop.test", "/").await.unwrap().1, "web");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_certificate_is_refused_before_anything_changes_and_taken_once_it_has_one() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let rig = Rig::start(&settings(folder.path())).await;
    let (web, port) = (Upstream::http("web").await, free_port());
    let route = tls_route(port, &["shop.test"], &[("c1", web.address)]);
    let Some(Problem::Refused(text)) = rig.set(SHOP, "m", std::slice::from_ref(&route)).await.problem else {
        panic!("it was taken")
    };
    for part in ["shop.test", "no certificate", "shop.test.crt", "[proxy.acme]"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(rig.owner(SHOP).await, None);
    get(port, "/").await.expect_err("the port is not open");
    put(folder.path(), "shop.test", &authority.issue(&["shop.test"]));
    rig.route(SHOP, "m", std::slice::from_ref(&route)).await;
    // What serves is not stopped because its certificate went missing.
    std::fs::remove_file(folder.path().join("shop.test.crt")).unwrap();
    std::fs::remove_file(folder.path().join("shop.test.key")).unwrap();
    let other = Upstream::http("other").await;
    rig.route(SHOP, "m2", &[tls_route(port, &["shop.test"], &[("c2", other.address)])]).await;
    let mut client = Https::connect(&authority.client(&["h2"]), port, "shop.test").await.unwrap();
    assert_eq!(client.get("shop.test", "/").await.unwrap().1, "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_going_back_to_a_host_whose_certificate_went_missing_is_not_refused_not_even_after_a_restart() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let mut rig = Rig::start(&settings(folder.path())).await;
    let (old, new, port) = (Upstream::http("old").await, Upstream::http("new").await, free_port());
    let before = [tls_route(port, &["old.test"], &[("c1", old.address)])];
    let after = [tls_route(port, &["new.test"], &[("c2", new.address)])];
    for name in ["old.test", "new.test"] {
        put(folder.path(), name, &authority.issue(&[name]));
    }
    rig.route(SHOP, "m1", &before).await;
    rig.route(SHOP, "m2", &after).await;
    rig.route(SHOP, "m3", &after).await;
    rig.stop().await;
    std::fs::remove_file(folder.path().join("old.test.crt")).unwrap();
    std::fs::remove_file(folder.path().join("old.test.key")).unwrap();
    rig.restart().await;
    let other = rig.set("default/other", "m", &[tls_route(port, &["old.test"], &[])]).await;
    assert!(matches!(other.problem, Some(Problem::Refused(_))), "it is another app's");
    rig.route(SHOP, "m4", &before).await;
}
