//! One suite for every `Runtime`: what the simulation believes of an engine is what a real engine does.
//!
//! The Docker half needs an engine (`DOCKER_HOST`, or the usual socket) and Debian's `busybox-static` at `/bin/busybox`; the part with a
//! registry also `docker-registry` (the package of that name). Without them it fails and says so; it never skips.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "runtime_contract/docker.rs"]
mod docker;
#[path = "runtime_contract/docker_network.rs"]
mod docker_network;
#[path = "runtime_contract/docker_only.rs"]
mod docker_only;
#[path = "runtime_contract/fake.rs"]
mod fake;
#[path = "runtime_contract/registry.rs"]
mod registry;
#[path = "runtime_contract/rig.rs"]
mod rig;
#[path = "runtime_contract/suite.rs"]
mod suite;

macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod the_fake {
            $(#[tokio::test]
            async fn $case() {
                crate::suite::$case(&crate::fake::FakeRig::new()).await;
            })*
        }

        mod docker_engine {
            $(#[tokio::test]
            async fn $case() {
                crate::suite::$case(&crate::docker::DockerRig::new().await).await;
            })*
        }
    };
}

contract!(
    every_step_may_be_repeated,
    a_new_container_carries_what_it_was_made_from,
    a_stale_container_that_stopped_is_replaced_and_a_running_one_is_not,
    a_foreign_container_with_our_name_is_reported_and_never_touched,
    containers_of_others_are_not_listed,
    two_hosts_on_one_engine_do_not_see_each_other,
    a_port_that_is_taken_is_the_hosts_trouble_and_passes,
    a_local_image_that_is_not_here_is_not_found,
    an_unreachable_registry_is_not_a_bad_release,
    a_program_that_is_not_in_the_image_is_unstartable,
    the_evidence_has_exit_code_log_and_pressure,
    the_restart_policy_is_set_and_obeyed,
    probes_by_the_engine_tell_well_from_unwell,
    a_running_container_uses_memory,
    a_container_has_an_address_of_its_own_for_life,
    a_port_that_the_proxy_owns_is_nobodys_to_take,
    an_image_that_a_container_needs_or_that_is_local_is_not_taken_away,
    what_is_not_the_engines_is_refused,
    lines_are_counted_in_the_logs_of_the_asked_release_alone,
);
