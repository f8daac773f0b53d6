//! The apps' networks on a real engine: where they lie, and who gets which address on them.

use std::net::IpAddr;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::InspectNetworkOptions;

use evenkeel_agent::runtime::{AddressPool, DockerOptions, DockerRuntime};
use evenkeel_machine::Action;
use evenkeel_model::{AppKey, CauseKind, Slot};

use crate::docker::DockerRig;
use crate::rig::{Program, Rig, create, done, failure, key, only, place, stop};

/// A pool of two networks that no other test uses, and no other run of this one at the same time.
fn pool() -> (String, AddressPool) {
    let [one, other, ..] = *uuid::Uuid::new_v4().as_bytes();
    let beginning = format!("10.{}.{}", 214 + one % 40, other & !1);
    let pool = format!("{beginning}.0/23").parse().expect("a pool");
    (beginning, pool)
}

fn runtime(rig: &DockerRig, address_pool: AddressPool) -> DockerRuntime {
    rig.docker_runtime("h1", DockerOptions { address_pool, ..DockerOptions::default() })
}

/// Somebody's network.
async fn occupy(rig: &DockerRig, name: &str, subnet: Option<&str>, app: Option<&AppKey>) {
    let labels = match app {
        Some(key) => rig.scope("h1").app_labels(key).into_iter().collect(),
        None => [("evenkeel.fleet".to_owned(), rig.fleet.clone())].into(),
    };
    let config = |subnet: &str| IpamConfig { subnet: Some(subnet.to_owned()), ..IpamConfig::default() };
    let request = NetworkCreateRequest {
        name: name.to_owned(),
        ipam: subnet.map(|subnet| Ipam { config: Some(vec![config(subnet)]), ..Ipam::default() }),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    };
    rig.docker.create_network(request).await.expect("a network");
}

#[tokio::test]
async fn a_network_lies_where_nothing_else_does_and_leaves_room_for_those_without_an_address() {
    let rig = DockerRig::new().await;
    let (beginning, pool) = pool();
    occupy(&rig, &format!("{}-other", rig.fleet), Some(&format!("{beginning}.64/26")), None).await;
    let runtime = runtime(&rig, pool);
    done(&runtime, create(Slot::A, &rig.service(Program::Serves))).await;
    let network = rig.scope("h1").network(&key());
    let made = rig.docker.inspect_network(&network, None::<InspectNetworkOptions>).await.unwrap();
    let config = made.ipam.unwrap().config.unwrap().remove(0);
    // The second of the two.
    let (front, third) = beginning.rsplit_once('.').unwrap();
    let second = format!("{front}.{}", third.parse::<u8>().unwrap() + 1);
    let expected = [format!("{second}.0/24"), format!("{second}.128/25"), format!("{second}.1")];
    assert_eq!([config.subnet, config.ip_range, config.gateway], expected.map(Some));
    let address: IpAddr = format!("{second}.2").parse().unwrap();
    assert_eq!(only(&runtime).await.address, Some(address));
}

#[tokio::test]
async fn a_pool_without_room_is_the_hosts_trouble_and_says_what_to_do() {
    let rig = DockerRig::new().await;
    let (beginning, pool) = pool();
    occupy(&rig, &format!("{}-other", rig.fleet), Some(&format!("{beginning}.0/23")), None).await;
    let refused = failure(&runtime(&rig, pool), create(Slot::A, &rig.service(Program::Serves))).await;
    assert_eq!(refused.kind, CauseKind::EngineUnavailable);
    assert!(
        refused.message.contains(&pool.to_string()) && refused.message.contains("another `address_pool`"),
        "{refused}"
    );
}

#[tokio::test]
async fn on_a_network_of_an_earlier_version_a_container_has_an_address_while_it_runs() {
    let rig = DockerRig::new().await;
    let network = rig.scope("h1").network(&key());
    occupy(&rig, &network, None, Some(&key())).await;
    let runtime = runtime(&rig, AddressPool::default());
    done(&runtime, create(Slot::A, &rig.service(Program::Serves))).await;
    assert_eq!(only(&runtime).await.address, None);
    done(&runtime, Action::Start(place(Slot::A))).await;
    assert!(only(&runtime).await.address.is_some());
    done(&runtime, stop(Slot::A)).await;
    assert_eq!(only(&runtime).await.address, None);
}

#[tokio::test]
async fn an_address_that_somebody_took_is_not_taken_for_a_port() {
    let rig = DockerRig::new().await;
    let runtime = rig.docker_runtime("h1", DockerOptions::default());
    let service = rig.service(Program::Serves);
    done(&runtime, create(Slot::A, &service)).await;
    let address = only(&runtime).await.address.unwrap();
    rig.run_at(&rig.scope("h1").network(&key()), address).await;
    let refused = failure(&runtime, Action::Start(place(Slot::A))).await;
    assert_eq!(refused.kind, CauseKind::EngineUnavailable, "{refused}");
    assert!(refused.message.contains("docker network inspect"), "{refused}");
}
