//! The query interface of a Prometheus (v1), and of what speaks like one: a question, and the one number in its answer. Warnings in an answer are
//! not looked at. Not here: whose number is asked for (module `numbers`), the connection (module `client`).

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use serde::Deserialize;
use serde_json::Value;

use evenkeel_model::HostId;

use super::client::{Cut, Form, WebClient};
use super::numbers::{Asked, HOSTS};

/// The largest answer that is read, in bytes: one number needs a hundred, and an error message some hundred more.
pub(super) const LARGEST_ANSWER: usize = 1024 * 1024;

/// The longest address with a question in it. A longer question is sent as a form, because proxies cut long addresses; short ones are not, because
/// some proxies let nothing through but GET.
const LONGEST_ADDRESS: usize = 2000;

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(rename = "errorType")]
    kind: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Value,
}

/// Asks the Prometheus at `url` for one number.
pub(super) async fn ask(client: &WebClient, url: &str, asked: Asked<'_>) -> Result<f64, String> {
    let unasked = |why: String| format!("Prometheus at {url} can't be asked: {why}");
    let request = request(url, asked).map_err(|error| unasked(error.to_string()))?;
    let answer = client.ask(request).await.map_err(|no_answer| unasked(no_answer.why()))?;
    let refusal = (!answer.status.is_success()).then(|| answer.in_words());
    let read = answer.read(LARGEST_ANSWER).await;
    match read.cut {
        None => number(refusal, &read.bytes),
        Some(Cut::TooLong) => Err("Prometheus answers more than a MiB: ask for one number".to_owned()),
        Some(Cut::Broken(no_answer)) => Err(unasked(no_answer.why())),
    }
}

/// Without a time the server takes its own clock's: ours may be ahead of it, and nothing has been measured in the future.
fn request(url: &str, asked: Asked<'_>) -> http::Result<Request<Form>> {
    let address = format!("{}/api/v1/query", url.trim_end_matches('/'));
    let time = asked.at.map(|at| format!("&time={}.{:03}", at.0 / 1000, at.0 % 1000));
    let form = format!("query={}{}", encoded(&filled(asked.query, asked.hosts)), time.unwrap_or_default());
    let request = Request::builder().header(ACCEPT, "application/json");
    if address.len() + form.len() < LONGEST_ADDRESS {
        return request.uri(format!("{address}?{form}")).body(Form::default());
    }
    let request = request.method(Method::POST).uri(address);
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.into())
}

/// The query as it is sent.
fn filled(query: &str, hosts: &[HostId]) -> String {
    query.replace(HOSTS, &alternative(hosts))
}

/// A regular expression that matches these hosts and no others. Of what a host's name may have the dot alone means something else in one. It is put in
/// brackets, because a backslash would need another in some of the three kinds of quotes that a query may have around it, and none in others.
fn alternative(hosts: &[HostId]) -> String {
    let hosts: Vec<String> = hosts.iter().map(|host| host.as_str().replace('.', "[.]")).collect();
    format!("(?:{})", hosts.join("|"))
}

/// As forms and addresses have it: what is neither a letter nor a digit nor harmless is written as `%XX`.
fn encoded(text: &str) -> String {
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_harmless(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The one number in an answer. A refusal is the status of an answer that is none; Prometheus says more about it in the body, what stands before it
/// often does not.
fn number(refusal: Option<String>, body: &[u8]) -> Result<f64, String> {
    match (serde_json::from_slice(body), refusal) {
        (Ok(Answer { error: Some(error), kind: Some(kind), .. }), _) => Err(format!("Prometheus says {kind}: {error}")),
        (_, Some(refusal)) => Err(format!("Prometheus answers {refusal}")),
        (Ok(Answer { data: Some(data), .. }), None) => one(&data),
        (Ok(_), None) => Err("Prometheus answers without any data".to_owned()),
        (Err(error), None) => Err(format!("what Prometheus answers can't be read: {error}")),
    }
}

fn one(data: &Data) -> Result<f64, String> {
    let sample = match (data.kind.as_str(), &data.result) {
        ("scalar", point) => point,
        ("vector", Value::Array(series)) => match series.as_slice() {
            [] => return Err("no data".to_owned()),
            [one] => &one["value"],
            many => {
                let many = many.len();
                return Err(format!("Prometheus answers {many} numbers: make one of them, for example by `sum(…)`"));
            }
        },
        (kind, _) => return Err(format!("Prometheus answers a {kind}: ask for one number at one moment")),
    };
    // A moment, and the number as text.
    let number = sample[1].as_str().and_then(|number| number.parse().ok());
    number.ok_or_else(|| "Prometheus answers something else than a number, perhaps a histogram".to_owned())
}

#[cfg(test)]
mod tests {
    use evenkeel_model::UnixMillis;

    use super::*;

    fn hosts(names: &[&str]) -> Vec<HostId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn hosts_stand_in_the_query_as_an_alternative_that_needs_no_escapes() {
        for (names, expected) in [
            (&["h1"][..], r#"up{host=~"(?:h1)"}"#),
            (&["web-1.example", "db_2", "a--b"], r#"up{host=~"(?:web-1[.]example|db_2|a--b)"}"#),
        ] {
            assert_eq!(filled(r#"up{host=~"$hosts"}"#, &hosts(names)), expected);
        }
        // All that a name may have, so that whoever allows more of it finds this.
        assert_eq!(alternative(&hosts(&["a.b-c_d9"])), "(?:a[.]b-c_d9)");
        assert!("a+b".parse::<HostId>().is_err());
        assert_eq!(filled("$hosts $hosts", &hosts(&["h1"])), "(?:h1) (?:h1)");
        assert_eq!(filled("up", &hosts(&["h1"])), "up");
    }

    #[test]
    fn a_short_question_is_asked_by_its_address_and_a_long_one_by_a_form() {
        let asked = |hosts| Asked { query: "up{a=\"$hosts\"} + 1", hosts, at: Some(UnixMillis(1_700_000_000_042)) };
        let few = hosts(&["h1"]);
        let request = super::request("http://prometheus:9090/", asked(&few)).unwrap();
        let form = "query=up%7Ba%3D%22%28%3F%3Ah1%29%22%7D%20%2B%201&time=1700000000.042";
        assert_eq!(request.method(), Method::GET);
        assert_eq!(request.uri().to_string(), format!("http://prometheus:9090/api/v1/query?{form}"));

        let names: Vec<String> = (0..500).map(|number| format!("host-{number}")).collect();
        let many = hosts(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let request = super::request("https://metrics.example/prometheus", asked(&many)).unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "https://metrics.example/prometheus/api/v1/query");
        assert_eq!(request.headers()[CONTENT_TYPE], "application/x-www-form-urlencoded");
    }

    #[test]
    fn one_number_is_read_from_an_answer() {
        let vector =
            |samples: &str| format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{samples}]}}}}"#);
        let sample = |number: &str| format!(r#"{{"metric":{{"host":"h1"}},"value":[1435781451.781,"{number}"]}}"#);
        for (text, expected) in
            [("0.25", 0.25), ("1e+06", 1e6), ("-3", -3.0), ("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY)]
        {
            assert_eq!(number(None, vector(&sample(text)).as_bytes()), Ok(expected), "{text}");
        }
        assert!(number(None, vector(&sample("NaN")).as_bytes()).unwrap().is_nan());
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1435781451,"7"]},"warnings":["x"],"infos":["y"]}"#;
        assert_eq!(number(None, scalar.as_bytes()), Ok(7.0));

        let refused = |body: &str| number(None, body.as_bytes()).unwrap_err();
        assert_eq!(refused(&vector("")), "no data");
        let three = [sample("1"), sample("2"), sample("3")].join(",");
        assert!(refused(&vector(&three)).contains("3 numbers"));
        let histogram = r#"{"metric":{},"histogram":[1435781451.781,{"count":"2"}]}"#;
        assert!(refused(&vector(histogram)).contains("histogram"));
        assert!(refused(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#).contains("a matrix"));
        assert!(
            refused(r#"{"status":"success","data":{"resultType":"string","result":[1,"7"]}}"#).contains("a string")
        );
        assert!(refused(&vector(&sample("many"))).contains("something else"));
        assert!(refused(&vector("7")).contains("something else"));
        assert!(refused(r#"{"status":"success"}"#).contains("without any data"));
        assert!(refused("<html>").contains("can't be read"));
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_whoever_refused() {
        let refused = |body: &str| number(Some("400 Bad Request".to_owned()), body.as_bytes()).unwrap_err();
        let said = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unclosed left parenthesis"}"#;
        assert_eq!(refused(said), "Prometheus says bad_data: 1:5: parse error: unclosed left parenthesis");
        for other in [
            "",
            "<html>",
            r#"{"message":"who are you?"}"#,
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}"#,
        ] {
            assert_eq!(refused(other), "Prometheus answers 400 Bad Request", "{other}");
        }
    }
}
