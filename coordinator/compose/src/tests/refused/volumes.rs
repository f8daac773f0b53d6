//! What is wrong with volumes. Each line: what is written, and every problem with its line.

use super::{file, service};

#[test]
fn bad_volumes_are_refused() {
    service(
        "volumes: data",
        &["5: services.web.volumes: expected a list of volumes such as `data:/var/lib/data`, found `data`"],
    );
    service(
        "volumes: [/data]",
        &[
            "5: services.web.volumes[0]: a volume without a name is not supported: name it, such as `data:/var/lib/data`",
        ],
    );
    service(
        r#"volumes: ["./a:/b"]"#,
        &[
            "5: services.web.volumes[0]: `./a` is no path on a host, which has no project folder and no home: write it from `/`",
        ],
    );
    service(
        r#"volumes: ["~/a:/b"]"#,
        &[
            "5: services.web.volumes[0]: `~/a` is no path on a host, which has no project folder and no home: write it from `/`",
        ],
    );
    service(
        "volumes: [\"data:/b\"]\ndeploy: {mode: global}",
        &["5: services.web.volumes[0]: the volume `data` is not declared: write it under `volumes:` at the top"],
    );
    service(
        r#"volumes: ["/a:b"]"#,
        &["5: services.web.volumes[0]: `b` is no path in the container to mount at: write it from `/`"],
    );
    service(
        r#"volumes: ["/a:/b:z"]"#,
        &["5: services.web.volumes[0]: the option `z` is not supported yet: write `ro`, `rw` or none"],
    );
    service(
        r#"volumes: ["/a:/b:ro:z"]"#,
        &["5: services.web.volumes[0]: expected `SOURCE:TARGET`, with `:ro` or `:rw` behind it, found `/a:/b:ro:z`"],
    );
    service(
        r#"volumes: ["/a:/b", "/c:/b"]"#,
        &["5: services.web.volumes[1]: `/b` already has something mounted, on line 5: keep one"],
    );
    service(
        r#"volumes: [":/b"]"#,
        &[
            "5: services.web.volumes[0]: a volume without a name is not supported: name it, such as `data:/var/lib/data`",
        ],
    );
    service(
        "volumes: [{}]",
        &[
            "5: services.web.volumes[0]: the volume has no `source`: write it",
            "5: services.web.volumes[0]: the volume has no `target`: write it",
            "5: services.web.volumes[0]: the volume has no `type`: write it",
        ],
    );
    service(
        "volumes: [{type: tmpfs, source: x, target: /b}]",
        &["5: services.web.volumes[0].type: `tmpfs` is not supported yet: write `volume` or `bind`"],
    );
    service(
        "volumes: [{type: bin, source: /a, target: /b}]",
        &["5: services.web.volumes[0].type: expected `volume` or `bind`, found `bin`"],
    );
    service(
        "volumes: [{type: bind, source: ./a, target: /b}]",
        &[
            "5: services.web.volumes[0]: `./a` is no path on a host, which has no project folder and no home: write it from `/`",
        ],
    );
    service(
        "volumes: [{type: bind, source: /a, target: /b, read_only: perhaps}]",
        &["5: services.web.volumes[0].read_only: expected `true` or `false`, found `perhaps`"],
    );
    service(
        "volumes: [{type: bind, source: /a, target: /b, bind: {}}]",
        &["5: services.web.volumes[0].bind: not supported yet: remove it"],
    );
    service(
        "volumes: [{type: bind, src: /a, target: /b}]",
        &[
            "5: services.web.volumes[0]: the volume has no `source`: write it",
            "5: services.web.volumes[0].src: unknown key: remove it, or use one of type, source, target, read_only",
        ],
    );
    file(
        "name: app\nvolumes: {data: }\nservices:\n  db:\n    image: a\n    volumes: [\"data:/b\"]",
        &[
            "4: services.db: it has the volume `data` and would run on every host, each with data of its own: write `deploy.placement.constraints`, or `deploy.mode: global` if that is meant",
        ],
    );
    file(
        "name: app\nvolumes: {data: }\nservices:\n  db:\n    image: a\n    volumes: [\"data:/b\"]\n    deploy: {placement: {}}",
        &[
            "4: services.db: it has the volume `data` and would run on every host, each with data of its own: write `deploy.placement.constraints`, or `deploy.mode: global` if that is meant",
        ],
    );
}
