//! How the kernel looks for who has an address on one of our networks. A port that the engine publishes leads to the new container up to a second
//! before that can answer. The kernel asks for it three times, a second apart, and while nobody answers it keeps what comes for it: little, and not
//! for long. What it drops is a client's first packet, which the client repeats after a second. On a bridge of this machine it can ask often, for as
//! long altogether, and keep everything: connections that come in that moment wait for the container, and are answered as soon as it is there.
//!
//! Not here: networks that are not ours, whose settings are left alone.

use std::path::Path;

use bollard::models::NetworkInspect;

/// The kernel's settings of this network namespace.
const SETTINGS: &str = "/proc/sys/net/ipv4/neigh";
/// The engine's own name for a bridge begins so; then come the first characters of the network's id.
const PREFIX: &str = "br-";
const ID_SHOWN: usize = 12;
/// By this option a network says that its bridge has another name.
const NAME_OPTION: &str = "com.docker.network.bridge.name";

/// A setting of one network, and which of two values is the better one.
struct Setting {
    name: &'static str,
    value: u64,
    /// Whether a higher value than ours is left alone, and not a lower one: somebody meant it.
    higher_stays: bool,
}

/// The kernel's own: after 1,000 ms, three times, 208 KiB. Measured under traffic: a service that is stopped first is back 0.8 s sooner.
const WANTED: [Setting; 3] = [
    // From one question to the next, in milliseconds.
    Setting { name: "retrans_time_ms", value: 20, higher_stays: false },
    // How many questions before what was kept is given up: three seconds of them, as with the kernel's own.
    Setting { name: "mcast_solicit", value: 150, higher_stays: true },
    // How much is kept meanwhile for one address, in bytes: some thousands of first packets.
    Setting { name: "unres_qlen_bytes", value: 4 << 20, higher_stays: true },
];

/// Has the kernel ask often on this network, and keep what comes meanwhile. Where it does not let us (an engine elsewhere, a read-only `/proc`), a
/// swap takes longer, and all else is as before.
pub(super) async fn ask_often(network: &NetworkInspect) {
    let Some(bridge) = bridge(network) else { return };
    for setting in WANTED {
        if let Err(error) = setting.apply(&Path::new(SETTINGS).join(&bridge)).await {
            tracing::debug!(%error, bridge, setting = setting.name, "the kernel looks for addresses as before");
        }
    }
}

fn bridge(network: &NetworkInspect) -> Option<String> {
    let named = network.options.as_ref().and_then(|options| options.get(NAME_OPTION)).filter(|name| !name.is_empty());
    let by_id = || Some(format!("{PREFIX}{}", network.id.as_ref()?.get(..ID_SHOWN)?));
    // It becomes part of a path.
    named.cloned().or_else(by_id).filter(|name| !name.contains(['/', '.']))
}

impl Setting {
    async fn apply(&self, folder: &Path) -> std::io::Result<()> {
        let file = folder.join(self.name);
        let now = tokio::fs::read_to_string(&file).await?;
        let is_meant = |now: u64| if self.higher_stays { now >= self.value } else { now <= self.value };
        if now.trim().parse().is_ok_and(is_meant) {
            return Ok(());
        }
        tokio::fs::write(file, self.value.to_string()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(id: &str, name: Option<&str>) -> NetworkInspect {
        let options = name.map(|name| [(NAME_OPTION.to_owned(), name.to_owned())].into());
        NetworkInspect { id: Some(id.to_owned()), options, ..NetworkInspect::default() }
    }

    #[test]
    fn a_bridge_has_its_name_from_the_network() {
        let id = "0123456789abcdef";
        assert_eq!(bridge(&network(id, None)).as_deref(), Some("br-0123456789ab"));
        assert_eq!(bridge(&network(id, Some("shop0"))).as_deref(), Some("shop0"));
        assert_eq!(bridge(&network(id, Some("../all"))), None);
        assert_eq!(bridge(&network("short", None)), None);
    }

    #[tokio::test]
    async fn what_the_kernel_does_by_itself_is_changed_and_what_somebody_meant_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [often, many, much] = WANTED;
        assert!(often.apply(folder.path()).await.is_err(), "there is no such bridge");
        for (setting, before, after) in [
            (&often, "1000\n", "20"),
            (&often, "20\n", "20\n"),
            (&often, "5\n", "5\n"),
            (&many, "3\n", "150"),
            (&many, "200\n", "200\n"),
            (&much, "212992\n", "4194304"),
            (&much, "8388608\n", "8388608\n"),
        ] {
            let file = folder.path().join(setting.name);
            std::fs::write(&file, before).unwrap();
            setting.apply(folder.path()).await.unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), after, "{}", setting.name);
        }
    }
}
