//! The app's network on this host, so that its services reach each other by name, and the address of each container on it, so that the
//! proxy knows it before the container runs and after a reboot. Not here: which addresses are free (`subnet`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use bollard::models::{EndpointSettings, Ipam, IpamConfig, Network, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListContainersOptions, ListNetworksOptions};

use evenkeel_model::{AppKey, CauseKind, Failure};

use super::errors::{EngineError, Refused, taken};
use super::neighbours::ask_often;
use super::subnet::{AppNetwork, Block, routes};
use super::{CALL, DockerRuntime, WORK};

/// Where the kernel tells which networks this host knows a way to.
const ROUTES: &str = "/proc/net/route";

/// The address that was given last on each network. Forgotten at a restart of the agent, which only costs a container's rest.
#[derive(Default)]
pub(super) struct Given(Mutex<BTreeMap<String, Ipv4Addr>>);

impl Given {
    fn last(&self, network: &str) -> Option<Ipv4Addr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(network).copied()
    }

    fn note(&self, network: String, address: Ipv4Addr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(network, address);
    }

    fn forget(&self, network: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(network);
    }
}

impl DockerRuntime {
    /// The app's network, made if it is not there. None: one that an earlier version made, on which nobody can have an address of their own.
    pub(super) async fn ensure_network(&self, key: &AppKey) -> Result<Option<AppNetwork>, Failure> {
        let name = self.scope.network(key);
        match self.inspect_network(&name).await {
            Ok(network) => {
                let ours = self.scope.owns(key, |label| network.labels.as_ref()?.get(label));
                if !ours {
                    return Err(taken("network", &name));
                }
                // Each time: after a reboot the bridge is a new one.
                ask_often(&network).await;
                Ok(network.ipam.and_then(read))
            }
            Err(error) if error.is_absent() => {
                let made = self.make_network(key, name.clone()).await?;
                if let Ok(network) = self.inspect_network(&name).await {
                    ask_often(&network).await;
                }
                Ok(Some(made))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the first block of the pool that overlaps nothing. Other agents on this engine may look for one at the same moment.
    async fn make_network(&self, key: &AppKey, name: String) -> Result<AppNetwork, Failure> {
        let taken = self.taken_blocks().await?;
        for network in self.address_pool.free(&taken) {
            let config = IpamConfig {
                subnet: Some(network.subnet().to_string()),
                ip_range: Some(network.dynamic().to_string()),
                gateway: Some(network.gateway().to_string()),
                auxiliary_addresses: None,
            };
            let request = NetworkCreateRequest {
                name: name.clone(),
                driver: Some("bridge".to_owned()),
                ipam: Some(Ipam { config: Some(vec![config]), ..Ipam::default() }),
                labels: Some(self.scope.app_labels(key).into_iter().collect()),
                ..NetworkCreateRequest::default()
            };
            match self.call(WORK, async |docker| docker.create_network(request).await).await {
                Ok(_) => return Ok(network),
                Err(EngineError::Refused(Refused { message, .. })) if message.to_lowercase().contains("overlap") => {
                    tracing::debug!(network = name, subnet = %network.subnet(), message, "the engine wants another subnet");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let pool = self.address_pool;
        let message = format!(
            "no /24 of {pool} is free for the network `{name}`: remove networks that nobody needs (`docker network prune`), \
             or give this agent another `address_pool`"
        );
        Err(Failure::plain(CauseKind::EngineUnavailable, message))
    }

    /// What a new network must not overlap: the engine's networks, and those that the host knows a way to.
    async fn taken_blocks(&self) -> Result<Vec<Block>, EngineError> {
        let networks = self.call(CALL, async |docker| docker.list_networks(None::<ListNetworksOptions>).await).await?;
        let configs = networks.into_iter().filter_map(|Network { ipam, .. }| ipam?.config).flatten();
        let subnets = configs.filter_map(|config| config.subnet?.parse().ok());
        // An engine elsewhere, or a kernel that does not tell: then the engine says no where it has to.
        let table = tokio::fs::read_to_string(ROUTES).await.unwrap_or_default();
        Ok(subnets.chain(routes(&table)).collect())
    }

    /// An address on the network that no container has, running or not.
    pub(super) async fn free_address(&self, key: &AppKey, network: AppNetwork) -> Result<Ipv4Addr, Failure> {
        let name = self.scope.network(key);
        let taken = self.taken_addresses(&name).await?;
        let Some(address) = network.next(&taken, self.given.last(&name)) else {
            let message =
                format!("all addresses of the network `{name}` are taken: take its containers away that nobody needs");
            return Err(Failure::plain(CauseKind::EngineUnavailable, message));
        };
        self.given.note(name, address);
        Ok(address)
    }

    async fn taken_addresses(&self, network: &str) -> Result<BTreeSet<Ipv4Addr>, EngineError> {
        // The engine also gives those on networks with longer names.
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("network".to_owned(), vec![network.to_owned()])])),
            ..ListContainersOptions::default()
        };
        let listed = self.call(CALL, async |docker| docker.list_containers(Some(options)).await).await?;
        let endpoints =
            listed.into_iter().filter_map(|container| container.network_settings?.networks?.remove(network));
        Ok(endpoints.flat_map(|endpoint| [own_address(&endpoint), current_address(&endpoint)]).flatten().collect())
    }

    /// Takes the app's network away when no container of the app is left: an engine has only some thirty. The engine refuses while one is in it.
    pub(super) async fn remove_network_if_unused(&self, key: &AppKey) {
        let name = self.scope.network(key);
        if !self.list(&self.scope.app_labels(key)).await.is_ok_and(|left| left.is_empty()) {
            return;
        }
        let Ok(network) = self.inspect_network(&name).await else { return };
        let labels = network.labels.unwrap_or_default();
        let Some(id) = network.id.filter(|_| self.scope.owns(key, |label| labels.get(label))) else { return };
        match self.call(CALL, async |docker| docker.remove_network(&id).await).await {
            Ok(()) => self.given.forget(&name),
            Err(error) => tracing::debug!(%error, network = name, "an unused network could not be removed"),
        }
    }

    async fn inspect_network(&self, name: &str) -> Result<NetworkInspect, EngineError> {
        self.call(CALL, async |docker| docker.inspect_network(name, None::<InspectNetworkOptions>).await).await
    }
}

fn read(ipam: Ipam) -> Option<AppNetwork> {
    ipam.config?.iter().find_map(|config| AppNetwork::read(config.subnet.as_deref()?, config.ip_range.as_deref()?))
}

/// The address that the container was made with: it has it for life.
pub(super) fn own_address(endpoint: &EndpointSettings) -> Option<Ipv4Addr> {
    endpoint.ipam_config.as_ref()?.ipv4_address.as_ref()?.parse().ok()
}

/// The address that it has while it runs.
pub(super) fn current_address(endpoint: &EndpointSettings) -> Option<Ipv4Addr> {
    endpoint.ip_address.as_ref()?.parse().ok()
}
