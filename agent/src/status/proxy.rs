//! The proxy's part of the status, for people. Not here: asking (`crate::proxy`).

use std::fmt::Write as _;

use evenkeel_model::UnixMillis;

use crate::day::day;
use crate::proxy::{CertificateView, ContainerView, OwnerView, ProxyView, RouteView};

/// Characters of a container's id that people read, as the engine's own lists have them.
const SHORT: usize = 12;

/// One line for the proxy, one for each app's ports, one for each container, one for each certificate.
pub(super) fn render(proxy: &ProxyView) -> String {
    if let Some(trouble) = &proxy.trouble {
        return format!("proxy: {trouble}\n");
    }
    let mut text = format!("proxy {}: {} client connections\n", proxy.version, proxy.connections);
    let mut push = |line: String| writeln!(text, "{line}").expect("writing to a string does not fail");
    for app in &proxy.apps {
        let complete = if app.complete { "" } else { " (not all that the agent asked for)" };
        push(format!("{}: {}{complete}", app.app, counted(app.routes.len(), "route")));
        app.routes.iter().for_each(|route| push(format!("  {}", of_route(route, app))));
        for container in app.containers.iter().filter(|container| container.draining && !held(app, container)) {
            push(format!("  draining {}: {} under way", short(&container.container), container.in_flight));
        }
    }
    proxy.certificates.iter().for_each(|certificate| push(of_certificate(certificate)));
    text
}

fn of_certificate(certificate: &CertificateView) -> String {
    let names = certificate.names.join(", ");
    let names = if names.is_empty() { "(none)" } else { &names };
    let until =
        certificate.not_after_ms.map_or("not there yet".to_owned(), |end| format!("until {}", day(UnixMillis(end))));
    let trouble = certificate.trouble.as_ref().map_or(String::new(), |trouble| format!(": {trouble}"));
    format!("certificate {names} ({}) {until}{trouble}", certificate.source)
}

fn of_route(route: &RouteView, app: &OwnerView) -> String {
    let hosts = if route.hosts.is_empty() { String::new() } else { format!(" {}", route.hosts.join(", ")) };
    let path = route.path.as_deref().filter(|path| *path != "/").map_or(String::new(), |path| format!(" {path}"));
    let mut text = format!("{} on {}{hosts}{path} -> {}", route.service, route.listen, served_by(route, app));
    if route.holding {
        text.push_str(", holding requests");
    }
    if route.waiting > 0 {
        write!(text, ", {} waiting", route.waiting).expect("writing to a string does not fail");
    }
    if route.failing {
        text.push_str(", not ready for load balancers");
    }
    text
}

fn served_by(route: &RouteView, app: &OwnerView) -> String {
    let total: u64 = route.weights.iter().copied().map(u64::from).sum();
    let one = |(at, id): (usize, &String)| {
        let under_way = app.containers.iter().find(|of| of.container == *id).map_or(0, |of| of.in_flight);
        let weight = route.weights.get(at).filter(|weight| u64::from(**weight) < total);
        let share = weight.map_or(String::new(), |weight| format!("{}%, ", u64::from(*weight) * 100 / total));
        format!("{} ({share}{under_way} under way)", short(id))
    };
    if route.containers.is_empty() {
        "nothing yet".to_owned()
    } else {
        route.containers.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// Whether it is shown with its route, which is holding.
fn held(app: &OwnerView, container: &ContainerView) -> bool {
    app.routes.iter().any(|route| route.containers.contains(&container.container))
}

fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(container: &str, in_flight: u64, draining: bool) -> ContainerView {
        ContainerView { container: container.to_owned(), in_flight, draining, ..ContainerView::default() }
    }

    #[test]
    fn people_see_where_each_port_leads_and_what_is_under_way() {
        let web = RouteView {
            service: "web".to_owned(),
            listen: "[::]:80".to_owned(),
            hosts: vec!["shop.example".to_owned()],
            path: Some("/".to_owned()),
            containers: vec!["0123456789abcdef".to_owned()],
            weights: vec![1],
            holding: true,
            failing: true,
            waiting: 7,
        };
        let mail = RouteView { service: "mail".to_owned(), listen: "[::]:25".to_owned(), ..RouteView::default() };
        let api = RouteView {
            service: "api".to_owned(),
            listen: "[::]:81".to_owned(),
            containers: vec!["old".to_owned(), "new".to_owned()],
            weights: vec![95, 5],
            ..RouteView::default()
        };
        let containers = vec![container("0123456789abcdef", 3, true), container("fedcba9876543210", 2, true)];
        let app =
            OwnerView { app: "default/shop".to_owned(), complete: false, routes: vec![web, mail, api], containers };
        let good = CertificateView {
            names: vec!["shop.example".to_owned(), "www.shop.example".to_owned()],
            source: "/etc/evenkeel/tls/shop.crt".to_owned(),
            not_after_ms: Some(4_070_908_800_000),
            trouble: None,
        };
        let trouble = Some("could not be had".to_owned());
        let none = CertificateView {
            names: vec!["a.example".to_owned()],
            source: "ACME".to_owned(),
            not_after_ms: None,
            trouble,
        };
        let certificates = vec![good, none];
        let view =
            ProxyView { version: "1.2.3".to_owned(), connections: 9, apps: vec![app], certificates, trouble: None };
        let expected = "proxy 1.2.3: 9 client connections\n\
                        default/shop: 3 routes (not all that the agent asked for)\n\
                        \x20 web on [::]:80 shop.example -> 0123456789ab (3 under way), holding requests, 7 waiting, not ready for load balancers\n\
                        \x20 mail on [::]:25 -> nothing yet\n\
                        \x20 api on [::]:81 -> old (95%, 0 under way), new (5%, 0 under way)\n\
                        \x20 draining fedcba987654: 2 under way\n\
                        certificate shop.example, www.shop.example (/etc/evenkeel/tls/shop.crt) until 2099-01-01\n\
                        certificate a.example (ACME) not there yet: could not be had\n";
        assert_eq!(render(&view), expected);
        let down = ProxyView { trouble: Some("it is down".to_owned()), ..ProxyView::default() };
        assert_eq!(render(&down), "proxy: it is down\n");
    }
}
