//! What is wrong with ports. Each line: what is written, and every problem with its line.

use super::{file, service};

#[test]
fn bad_short_ports_are_refused() {
    service("ports: 80", &[r#"5: services.web.ports: expected a list of ports such as `"8080:80"`, found `80`"#]);
    service(
        "ports: [80]",
        &["5: services.web.ports[0]: `80` names no port of the host: write both, such as `8080:80`"],
    );
    service(
        r#"ports: ["127.0.0.1::80"]"#,
        &["5: services.web.ports[0]: `127.0.0.1::80` names no port of the host: write it before the container's"],
    );
    service(
        r#"ports: ["0:80"]"#,
        &["5: services.web.ports[0]: expected a port from 1 to 65535 or a rising range, found `0`"],
    );
    service(
        r#"ports: ["65536:80"]"#,
        &["5: services.web.ports[0]: expected a port from 1 to 65535 or a rising range, found `65536`"],
    );
    service(
        r#"ports: ["a:80"]"#,
        &["5: services.web.ports[0]: expected a port from 1 to 65535 or a rising range, found `a`"],
    );
    service(
        r#"ports: ["+1:80"]"#,
        &["5: services.web.ports[0]: expected a port from 1 to 65535 or a rising range, found `+1`"],
    );
    service(
        r#"ports: ["localhost:80:80"]"#,
        &[
            "5: services.web.ports[0]: `localhost` is not an address of the host: write for example `127.0.0.1` or `[::1]`",
        ],
    );
    service(r#"ports: ["80:80/sctp"]"#, &["5: services.web.ports[0]: expected `tcp` or `udp` after `/`, found `sctp`"]);
    service(
        r#"ports: ["8000-8002:80"]"#,
        &[
            "5: services.web.ports[0]: the two ranges in `8000-8002:80` differ in length: write as many ports on both sides",
        ],
    );
    service(
        r#"ports: ["8002-8000:80-82"]"#,
        &["5: services.web.ports[0]: expected a port from 1 to 65535 or a rising range, found `8002-8000`"],
    );
    service(
        r#"ports: ["1-1000:1-1000"]"#,
        &["5: services.web.ports[0]: a range may have 256 ports at most: write a shorter one"],
    );
    service(
        r#"ports: [["80:80"]]"#,
        &[r#"5: services.web.ports[0]: expected a port such as `"8080:80"`, or a map, found a list"#],
    );
    service(
        r#"ports: ["80:80", "80:81"]"#,
        &["5: services.web.ports[1]: port 80 is also published by web on line 5: change one of them"],
    );
    service(
        r#"ports: ["80-82:80-82", "81:90"]"#,
        &["5: services.web.ports[1]: port 81 is also published by web on line 5: change one of them"],
    );
}

#[test]
fn bad_long_ports_are_refused() {
    service(
        "ports: [{}]",
        &[
            "5: services.web.ports[0]: the port has no `published`: write it",
            "5: services.web.ports[0]: the port has no `target`: write it",
        ],
    );
    service("ports: [{target: 80}]", &["5: services.web.ports[0]: the port has no `published`: write it"]);
    service(
        r#"ports: [{target: x, published: "1-2"}]"#,
        &[
            "5: services.web.ports[0].target: expected a whole number from 1 to 65535, found `x`",
            "5: services.web.ports[0].published: expected a whole number from 1 to 65535, found `1-2`",
        ],
    );
    service(
        "ports: [{target: 80, published: 80, host_ip: here}]",
        &[
            "5: services.web.ports[0].host_ip: `here` is not an address of the host: write for example `127.0.0.1` or `[::1]`",
        ],
    );
    service(
        "ports: [{target: 80, published: 80, protocol: sctp}]",
        &["5: services.web.ports[0].protocol: expected `tcp` or `udp`, found `sctp`"],
    );
    service(
        "ports: [{target: 80, published: 80, mode: mesh}]",
        &["5: services.web.ports[0].mode: expected `host` or `ingress`, found `mesh`"],
    );
    service(
        "ports: [{target: 80, published: 80, app_protocol: htpp}]",
        &["5: services.web.ports[0].app_protocol: expected `http`, `h2c`, `grpc` or `tcp`, found `htpp`"],
    );
    service(
        "ports: [{target: 80, published: 80, name: web}]",
        &["5: services.web.ports[0].name: not supported yet: remove it"],
    );
    service(
        "ports: [{target: 80, publish: 80}]",
        &[
            "5: services.web.ports[0]: the port has no `published`: write it",
            "5: services.web.ports[0].publish: unknown key: did you mean `published`?",
        ],
    );
}

#[test]
fn ports_published_twice_are_refused() {
    file(
        "name: app\nservices:\n  one:\n    image: a\n    ports: [\"8080:80\"]\n  two:\n    image: b\n    ports: [\"8080:81\"]",
        &["8: services.two.ports[0]: port 8080 is also published by one on line 5: change one of them"],
    );
    file(
        "name: app\nservices:\n  one:\n    image: a\n    ports: [\"127.0.0.1:8080:80\"]\n  two:\n    image: b\n    ports: [\"0.0.0.0:8080:81\"]",
        &["8: services.two.ports[0]: port 8080 is also published by one on line 5: change one of them"],
    );
}

#[test]
fn ports_whose_addresses_meet_are_refused() {
    let of_both = "and `::` is all of IPv4 too where the proxy has the port";
    let of_any = "and where no address is written it may be any of the host's";
    for (ports, why) in [
        (r#"["0.0.0.0:80:80", "[::]:80:80"]"#, of_both),
        (r#"["[::]:80:80", "127.0.0.1:80:80"]"#, of_both),
        (r#"["80:80", "127.0.0.1:80:80"]"#, of_any),
        (r#"["[::1]:80:80", "80:80"]"#, of_any),
        (r#"["53:53/udp", "127.0.0.1:53:53/udp"]"#, of_any),
    ] {
        let number = if ports.contains("53") { 53 } else { 80 };
        let problem = format!(
            "5: services.web.ports[1]: port {number} is also published by web on line 5, {why}: change one of them"
        );
        service(&format!("ports: {ports}"), &[&problem]);
    }
}
