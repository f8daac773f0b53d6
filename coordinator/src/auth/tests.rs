//! The table against the contract: the comments of the protocol's files say who may call what.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// What a host's own processes say to each other, on no network: the coordinator serves none of it.
const ON_THE_HOST: &str = "/evenkeel.v1.ProxyService/";

/// Every rpc of the protocol's files with the first sentence that says who may call it.
fn contract() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/proto/evenkeel/v1");
    let mut rpcs = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let (mut service, mut comment) = (String::new(), String::new());
        for line in text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("//") {
                comment.push_str(words);
                continue;
            }
            if let Some(rest) = line.strip_prefix("service ") {
                service = rest.trim_end_matches(" {").to_owned();
            }
            if let Some(rest) = line.strip_prefix("rpc ") {
                let name = rest.split('(').next().unwrap();
                let allowed = comment.split("May be called by: ").nth(1).unwrap_or("nobody says");
                let word = allowed.split([' ', '.', ',']).find(|word| *word != "a").unwrap();
                rpcs.insert(format!("/evenkeel.v1.{service}/{name}"), word.to_owned());
            }
            comment.clear();
        }
    }
    rpcs.retain(|path, _| !path.starts_with(ON_THE_HOST));
    rpcs
}

fn word(access: Access) -> &'static str {
    match access {
        Access::Anyone => "anyone",
        Access::Host => "host",
        Access::Operator(role) => role.as_str(),
    }
}

fn identity(kind: &str) -> Identity {
    format!("spiffe://prod/{kind}").parse().unwrap()
}

fn operator(role: Role) -> (Identity, Option<Known>) {
    let name: OperatorName = "ada".parse().unwrap();
    (identity("operator/ada"), Some(Known::Operator { name, role }))
}

/// Everyone who may come with a certificate, by the word for the least that they may call.
fn callers() -> Vec<(&'static str, Identity, Option<Known>)> {
    let mut callers = vec![
        ("host", identity("host/web-1"), Some(Known::Host("web-1".parse().unwrap()))),
        ("coordinator", identity("coordinator"), None),
    ];
    for role in Role::ALL {
        let (identity, known) = operator(role);
        callers.push((role.as_str(), identity, known));
    }
    callers
}

#[test]
fn the_table_lists_every_rpc_of_the_protocol_as_its_comment_says_and_no_other() {
    let table: BTreeMap<String, String> =
        TABLE.iter().map(|(path, access)| ((*path).to_owned(), word(*access).to_owned())).collect();
    assert_eq!(table, contract());
    assert_eq!(table.len(), TABLE.len(), "an rpc is listed twice");
}

#[test]
fn every_rpc_is_for_those_that_its_comment_names_and_for_nobody_else() {
    let may = |caller: &str, allowed: &str| match allowed {
        "anyone" => true,
        "host" => caller == "host",
        "viewer" => ["viewer", "deployer", "approver", "admin"].contains(&caller),
        "deployer" => ["deployer", "approver", "admin"].contains(&caller),
        "approver" => ["approver", "admin"].contains(&caller),
        "admin" => caller == "admin",
        other => panic!("{other}"),
    };
    for (path, allowed) in contract() {
        let access = access(&path).unwrap_or_else(|| panic!("{path} is not listed"));
        for (caller, identity, known) in callers() {
            let admitted = admit(access, &identity, known);
            assert_eq!(admitted.is_ok(), may(caller, &allowed), "{caller} calls {path}: {admitted:?}");
        }
    }
}

#[test]
fn what_is_not_listed_is_for_nobody() {
    for path in [
        "",
        "/",
        "/evenkeel.v1.OperatorService/Deploy/",
        "/evenkeel.v1.OperatorService/Destroy",
        "/grpc.health.v1.Health/Check",
        "/evenkeel.v1.ProxyService/SetRoutes",
    ] {
        assert_eq!(access(path), None, "{path}");
    }
}

#[test]
fn a_denial_says_what_is_missing() {
    let (identity, known) = operator(Role::Viewer);
    let denied = admit(Access::Operator(Role::Deployer), &identity, known).unwrap_err();
    assert_eq!(denied.to_string(), "operator ada is viewer, and this needs the role deployer: ask an admin");
    let host = Some(Known::Host("web-1".parse().unwrap()));
    let denied = admit(Access::Operator(Role::Viewer), &"spiffe://prod/host/web-1".parse().unwrap(), host).unwrap_err();
    assert_eq!(denied.to_string(), "spiffe://prod/host/web-1 may not call this: it is for operators alone");
}
