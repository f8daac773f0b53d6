//! What holds for bytes both ways, however they were begun: by a TCP connection, or by an upgrade of an HTTP one. Not here: the beginning.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::client::Raw;
use crate::rig::{Rig, until};

/// Connections open to the old app go on while new ones go to the new, until the old are cut. The apps greet with `old.` and `new.`, and
/// send back what they get.
pub(crate) async fn lives_on_across_a_switch(
    rig: &Rig,
    old: App,
    new: App,
    serve: impl Fn(&[(&'static str, SocketAddr)]),
    open: impl AsyncFn(&Rig) -> Raw,
) {
    serve(&[("old", old.address)]);
    let mut first = open(rig).await;
    first.read_until("old.").await;
    serve(&[("new", new.address)]);
    let mut second = open(rig).await;
    second.read_until("new.").await;
    first.send("still here.").await;
    first.read_until("still here.").await;
    assert_eq!(rig.in_flight("old"), 1);
    assert_eq!(rig.proxy.cut("shop", "old"), 1);
    assert_eq!(first.rest().await, "");
    rig.drained("old").await;
    second.send("and here.").await;
    second.read_until("and here.").await;
}

/// The client ends its side; the app's last words still come. The app greets with `app.`, sends back what it gets, and says `bye.` at its end.
pub(crate) async fn may_end_on_one_side_first(rig: &Rig, mut raw: Raw) {
    raw.read_until("app.").await;
    raw.send("last words.").await;
    raw.0.shutdown().await.unwrap();
    assert_eq!(raw.rest().await, "last words.bye.");
    until("nothing is in flight", || rig.in_flight("c1") == 0).await;
    until("the connection is no longer counted", || rig.proxy.status().connections == 0).await;
}
