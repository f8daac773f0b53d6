//! How soon the kernel asks again who has an address on one of our networks. A port that the engine publishes leads to the new container a moment
//! before that can answer; under traffic the first question comes in that moment, and the kernel would repeat it only after a second, in which all
//! that comes is lost. On a bridge of this machine there is no reason to wait so long.
//!
//! Not here: networks that are not ours, whose settings are left alone.

use std::path::{Path, PathBuf};

use bollard::models::NetworkInspect;

/// The kernel's settings of this network namespace.
const SETTINGS: &str = "/proc/sys/net/ipv4/neigh";
/// The engine's own name for a bridge begins so; then come the first characters of the network's id.
const PREFIX: &str = "br-";
const ID_SHOWN: usize = 12;
/// By this option a network says that its bridge has another name.
const NAME_OPTION: &str = "com.docker.network.bridge.name";
/// How soon it asks again, in milliseconds; the kernel's own is 1000. Measured: under traffic a stop-first swap then lasts 0.8 s less.
const ASKS_AGAIN_MS: u64 = 20;

/// Has the kernel ask again soon on this network. Where it does not let us (an engine elsewhere, a read-only `/proc`), a swap takes longer, and all
/// else is as before.
pub(super) async fn ask_again_soon(network: &NetworkInspect) {
    let Some(bridge) = bridge(network) else { return };
    let setting = setting(Path::new(SETTINGS), &bridge);
    if let Err(error) = shorten(&setting).await {
        tracing::debug!(%error, bridge, "the kernel's time between two questions for an address stays as it is");
    }
}

fn bridge(network: &NetworkInspect) -> Option<String> {
    let named = network.options.as_ref().and_then(|options| options.get(NAME_OPTION)).filter(|name| !name.is_empty());
    let by_id = || Some(format!("{PREFIX}{}", network.id.as_ref()?.get(..ID_SHOWN)?));
    // It becomes part of a path.
    named.cloned().or_else(by_id).filter(|name| !name.contains(['/', '.']))
}

fn setting(settings: &Path, bridge: &str) -> PathBuf {
    settings.join(bridge).join("retrans_time_ms")
}

/// One that is shorter already is left alone: somebody meant it.
async fn shorten(setting: &Path) -> std::io::Result<()> {
    let now = tokio::fs::read_to_string(setting).await?;
    if now.trim().parse().is_ok_and(|now: u64| now <= ASKS_AGAIN_MS) {
        return Ok(());
    }
    tokio::fs::write(setting, ASKS_AGAIN_MS.to_string()).await
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
    async fn what_is_longer_is_shortened_and_what_is_shorter_stays() {
        let folder = tempfile::tempdir().unwrap();
        let setting = setting(folder.path(), "br-1");
        assert!(shorten(&setting).await.is_err(), "there is no such bridge");
        std::fs::create_dir(setting.parent().unwrap()).unwrap();
        for (before, after) in [("1000\n", "20"), ("20\n", "20\n"), ("5\n", "5\n")] {
            std::fs::write(&setting, before).unwrap();
            shorten(&setting).await.unwrap();
            assert_eq!(std::fs::read_to_string(&setting).unwrap(), after);
        }
    }
}
