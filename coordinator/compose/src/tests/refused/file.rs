//! What is wrong with a file as a whole: its YAML, and the keys at the top. Each line: what is written, and every problem with its line.

use super::{file, service};

#[test]
fn yaml_that_can_not_be_read_is_refused() {
    file("", &["1: the file is empty: write `services:` and at least one service"]);
    file("# nothing\n", &["1: the file is empty: write `services:` and at least one service"]);
    file("[]", &["1: expected a map of keys and values, found a list"]);
    file("web", &["1: expected a map of keys and values, found `web`"]);
    file(
        "services: [a",
        &[
            "2: this is no valid YAML (while parsing a flow sequence, expected ',' or ']'): check indentation, quotes and brackets here",
        ],
    );
    file(
        "a: b: c",
        &[
            "1: this is no valid YAML (mapping values are not allowed in this context): check indentation, quotes and brackets here",
        ],
    );
    file(
        "services: {}\n---\nservices: {}",
        &["2: a second document begins here: an app is one document, so remove `---` or the rest"],
    );
    service("user: a\nuser: b", &["6: `user` is written twice, first on line 5: keep one"]);
    service("? [a]\n: b", &["5: a list or a map can't be a key: write a plain name"]);
    service("~: b", &["5: the key is empty: write a name before the colon"]);
    service("user: !reset null", &["5: the tag `!reset` is not supported: remove it"]);
    service("labels: &a [*a]", &["5: the alias refers to what it stands in: write the value itself"]);
    service(
        "labels: *gone",
        &[
            "5: this is no valid YAML (while parsing node, found unknown anchor): check indentation, quotes and brackets here",
        ],
    );
    service("<<: text", &["5: <<: expected a map, or a list of maps: write `<<: *anchor`"]);
    service("<<: [a]", &["5: <<: expected a map, or a list of maps: write `<<: *anchor`"]);
}

#[test]
fn bad_keys_at_the_top_are_refused() {
    file(
        "services: {web: {image: a}}",
        &["1: the app has no name: write `name: …` at the top, or pass the project's name"],
    );
    file(
        "name: My App\nservices: {web: {image: a}}",
        &[
            "1: name: `My App` is not a valid app name: use 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit",
        ],
    );
    file("name: [a]\nservices: {web: {image: a}}", &["1: name: expected the app's name, found a list"]);
    file("name: app", &["1: there are no services: write `services:` and at least one service"]);
    file("name: app\nservices: {}", &["2: services: there are no services: write at least one"]);
    file("name: app\nservices: [web]", &["2: services: expected a map of keys and values, found a list"]);
    file(
        "name: app\nservices: {Web: {image: a}}",
        &[
            "2: services.Web: `Web` is not a valid service name: use 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit",
        ],
    );
    file("name: app\nservices: {web: }", &["2: services.web: expected a map of keys and values, found nothing"]);
    file("name: app\nversion: [3]\nservices: {web: {image: a}}", &["2: version: expected text, found a list"]);
    file("name: app\nnetworks: {}\nservices: {web: {image: a}}", &["2: networks: not supported yet: remove it"]);
    file(
        "name: app\nsecrets: {}\nconfigs: {}\nservices: {web: {image: a}}",
        &["2: secrets: not supported yet: remove it", "3: configs: not supported yet: remove it"],
    );
    file(
        "name: app\nservice: {web: {image: a}}",
        &[
            "1: there are no services: write `services:` and at least one service",
            "2: service: unknown key: did you mean `services`?",
        ],
    );
    file(
        "name: app\nvolumes: [data]\nservices: {web: {image: a}}",
        &["2: volumes: expected a map of keys and values, found a list"],
    );
    file(
        "name: app\nvolumes:\n  data: {driver: local}\n  more: {}\n  same:\n  last: text\n  -x:\nservices: {web: {image: a}}",
        &[
            "3: volumes.data: a volume's settings are not supported yet: write nothing after its name",
            "6: volumes.last: a volume's settings are not supported yet: write nothing after its name",
            "7: volumes.-x: a volume's name is made of letters, digits, `_`, `.` and `-`: rename it",
        ],
    );
}
