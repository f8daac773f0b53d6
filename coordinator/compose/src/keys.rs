//! Which keys there are, per map: the supported ones, those that Compose or the contract has and this version does not,
//! and those that never will be. The crate's README explains each; a test holds the two together. Those of
//! `x-rollout` are in `keys/rollout.rs`. Not here: reading values.

mod rollout;

pub(crate) use rollout::{
    ANALYSIS, APPROVAL, COMPARE, EXPONENTIAL, GATE, GRPC, HEALTH, HTTP, HTTP_SOURCE, LOGS, PROMETHEUS, ROLLOUT,
    SERVICE_ROLLOUT, TCP, WAVE, WINDOW,
};

/// The keys that one kind of map may have.
#[derive(Debug)]
pub(crate) struct Keys {
    /// The path of the map, `NAME` for the user's own names.
    pub(crate) scope: &'static str,
    /// Those that are read.
    pub(crate) supported: &'static [&'static str],
    /// Those that exist, and are not supported yet.
    pub(crate) later: &'static [&'static str],
    /// Those that are refused, with what to do instead.
    pub(crate) refused: &'static [(&'static str, &'static str)],
    /// Whether `x-…` keys are ignored.
    pub(crate) extensions: bool,
}

/// Every table.
#[cfg(test)]
pub(crate) const ALL: [&Keys; 25] = [
    &TOP,
    &SERVICE,
    &PORT,
    &ROUTE,
    &MOUNT,
    &HEALTHCHECK,
    &DEPLOY,
    &PLACEMENT,
    &UPDATE_CONFIG,
    &ROLLOUT,
    &SERVICE_ROLLOUT,
    &WAVE,
    &EXPONENTIAL,
    &GATE,
    &APPROVAL,
    &WINDOW,
    &ANALYSIS,
    &LOGS,
    &PROMETHEUS,
    &COMPARE,
    &HTTP_SOURCE,
    &HEALTH,
    &HTTP,
    &GRPC,
    &TCP,
];

pub(crate) const TOP: Keys = Keys {
    scope: "",
    supported: &["name", "version", "services", "volumes", "x-rollout"],
    later: &["networks", "configs", "secrets", "include", "models"],
    refused: &[],
    extensions: true,
};

#[rustfmt::skip] // The long list is not worth a line per word.
pub(crate) const SERVICE: Keys = Keys {
    scope: "services.NAME",
    supported: &[
        "image",
        "command",
        "entrypoint",
        "environment",
        "ports",
        "volumes",
        "healthcheck",
        "restart",
        "user",
        "labels",
        "stop_grace_period",
        "stop_signal",
        "pull_policy",
        "deploy",
        "x-rollout",
    ],
    later: &[
        "annotations", "attach", "blkio_config", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "configs",
        "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime",
        "cpu_shares", "cpus", "cpuset", "credential_spec", "depends_on", "develop", "device_cgroup_rules", "devices",
        "dns", "dns_opt", "dns_search", "domainname", "expose", "extends", "external_links", "extra_hosts", "gpus",
        "group_add", "hostname", "init", "ipc", "isolation", "label_file", "links", "logging", "mac_address",
        "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "models", "network_mode", "networks",
        "oom_kill_disable", "oom_score_adj", "pid", "pids_limit", "platform", "post_start", "pre_stop", "privileged",
        "profiles", "provider", "read_only", "runtime", "scale", "secrets", "security_opt", "shm_size", "stdin_open",
        "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "use_api_socket", "userns_mode", "uts",
        "volumes_from", "working_dir",
    ],
    refused: &[
        ("build", "images are not built on hosts: build it, push it to a registry, and write `image`"),
        ("env_file", "not supported yet: write the variables under `environment`"),
    ],
    extensions: true,
};

pub(crate) const PORT: Keys = Keys {
    scope: "services.NAME.ports[]",
    supported: &["target", "published", "host_ip", "protocol", "mode", "app_protocol", "x-route"],
    later: &["name"],
    refused: &[],
    extensions: true,
};

pub(crate) const ROUTE: Keys = Keys {
    scope: "services.NAME.ports[].x-route",
    supported: &["hosts", "path", "sticky", "tls", "redirect_to_https"],
    later: &[],
    refused: &[],
    extensions: false,
};

pub(crate) const MOUNT: Keys = Keys {
    scope: "services.NAME.volumes[]",
    supported: &["type", "source", "target", "read_only"],
    later: &["bind", "volume", "tmpfs", "image", "consistency"],
    refused: &[],
    extensions: true,
};

pub(crate) const HEALTHCHECK: Keys = Keys {
    scope: "services.NAME.healthcheck",
    supported: &["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"],
    later: &[],
    refused: &[],
    extensions: true,
};

pub(crate) const DEPLOY: Keys = Keys {
    scope: "services.NAME.deploy",
    supported: &["mode", "placement", "update_config"],
    later: &["endpoint_mode", "labels", "resources", "restart_policy", "rollback_config"],
    refused: &[(
        "replicas",
        "a number of replicas is not supported yet: remove it; one container runs on every host that fulfils `placement.constraints`",
    )],
    extensions: true,
};

pub(crate) const PLACEMENT: Keys = Keys {
    scope: "services.NAME.deploy.placement",
    supported: &["constraints"],
    later: &["preferences", "max_replicas_per_node"],
    refused: &[],
    extensions: true,
};

pub(crate) const UPDATE_CONFIG: Keys = Keys {
    scope: "services.NAME.deploy.update_config",
    supported: &["parallelism", "monitor", "failure_action", "max_failure_ratio", "order"],
    later: &[],
    refused: &[(
        "delay",
        "a delay is not supported yet: use `monitor`, the time that each wave must stay healthy before the next",
    )],
    extensions: true,
};
