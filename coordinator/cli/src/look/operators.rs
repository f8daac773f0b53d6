//! Operators: the list, one that was added, and who one is. Not here: keys, which are shown nowhere.

use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::ListOperatorsResponse;
use serde::Serialize;

use crate::format::{moment, printable, until};
use crate::table::{Look, Table};

use super::pairs;

/// An operator that was added; the JSON of `operator add`.
#[derive(Debug, Serialize)]
pub(crate) struct Added {
    pub(crate) operator: String,
    pub(crate) role: String,
    /// Where its context file is.
    pub(crate) context: String,
    pub(crate) certificate_expires: u64,
}

/// Who asks; the JSON of `whoami`.
#[derive(Debug, Serialize)]
pub(crate) struct Myself {
    pub(crate) operator: String,
    pub(crate) fleet: String,
    /// None: the coordinator does not list this operator.
    pub(crate) role: Option<String>,
    pub(crate) certificate_expires: u64,
    pub(crate) addresses: Vec<String>,
    pub(crate) context: String,
}

/// All operators, a line each.
pub(crate) fn operators(view: &ListOperatorsResponse, look: Look) -> Vec<String> {
    let mut table = Table::new(&["OPERATOR", "ROLE"]);
    for operator in &view.operators {
        table.row(vec![operator.operator.as_str().into(), operator.role.as_str().into()]);
    }
    if table.is_empty() {
        return vec!["No operators. To add one: evenkeel operator add NAME --role deployer".to_owned()];
    }
    table.lines(look, 0)
}

/// What was made, and what is done with it.
pub(crate) fn added(added: &Added, look: Look) -> Vec<String> {
    let Added { operator, role, context, .. } = added;
    let expires = UnixMillis(added.certificate_expires);
    vec![
        format!(
            "{operator} is operator now, as {role}. The certificate expires {} ({}).",
            until(look.now, expires),
            moment(expires)
        ),
        printable(&format!("{context} is its context file. It holds the private key, which is nowhere else.")),
        format!(
            "Next: bring it to {operator} in secret, to be put at ~/.config/evenkeel/context.toml with mode 0600; there:"
        ),
        "  evenkeel whoami".to_owned(),
    ]
}

/// Who one is.
pub(crate) fn whoami(myself: &Myself, look: Look) -> Vec<String> {
    let expires = UnixMillis(myself.certificate_expires);
    let role = myself.role.clone().unwrap_or_else(|| "none that the coordinator tells".to_owned());
    pairs(&[
        ("operator", format!("{} of the fleet {}", myself.operator, myself.fleet)),
        ("role", role),
        ("certificate", format!("expires {} ({})", until(look.now, expires), moment(expires))),
        ("coordinator", myself.addresses.join(", ")),
        ("context", printable(&myself.context)),
    ])
}
