//! A real registry on loopback, for pulls. Engines take loopback registries without TLS.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{PushImageOptions, RemoveImageOptions, TagImageOptions};
use futures_util::TryStreamExt;
use tokio::net::TcpStream;

use evenkeel_model::ImagePin;

use crate::docker::DockerRig;

pub(crate) const USER: &str = "ci";
/// Its base64 differs between the two alphabets.
pub(crate) const PASSWORD: &str = "?>~?>~";
/// Who pushes, with a password that needs no care.
pub(crate) const PUSHER: (&str, &str) = ("pusher", "plain");
/// What `htpasswd -B` writes for the two.
const HTPASSWD: &str = concat!(
    "ci:$2b$04$vIrzbbEOVE9J4FmoCW1JUe54jsraqhiJbbIxElEtXOIm5dIJ8IMby\n",
    "pusher:$2b$04$QU3F0iOEuhNtOhQEn4SE6OxATec0KAFrtRCGN.nmxXcRvxQKWOZ7e\n",
);

pub(crate) struct Registry {
    process: Child,
    directory: tempfile::TempDir,
    address: String,
}

impl Registry {
    pub(crate) async fn start(with_password: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let root = directory.path().display();
        let auth = if with_password {
            std::fs::write(directory.path().join("htpasswd"), HTPASSWD).unwrap();
            format!("auth: {{htpasswd: {{realm: test, path: {root}/htpasswd}}}}\n")
        } else {
            String::new()
        };
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n\
             http: {{addr: \"{address}\"}}\n{auth}"
        );
        let file = directory.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is missing: install Debian's docker-registry");
        let answers = async {
            while TcpStream::connect(&address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), answers).await.expect("the registry starts");
        Self { process, directory, address }
    }

    /// Pushes the rig's image, takes it off the engine again under that name, and gives its pin.
    pub(crate) async fn push(&self, rig: &DockerRig, credentials: Option<DockerCredentials>) -> ImagePin {
        let repository = format!("{}/app", self.address);
        let tag = TagImageOptions { repo: Some(repository.clone()), tag: Some("1".to_owned()) };
        rig.docker.tag_image(rig.image.reference(), Some(tag)).await.unwrap();
        let push = PushImageOptions { tag: Some("1".to_owned()), ..PushImageOptions::default() };
        let _: Vec<_> = rig.docker.push_image(&repository, Some(push), credentials).try_collect().await.unwrap();
        let reference = format!("{repository}:1");
        let image = rig.docker.inspect_image(&reference).await.unwrap();
        let pushed = image.repo_digests.unwrap().into_iter().find(|digest| digest.starts_with(&repository)).unwrap();
        let digest = pushed.rsplit_once('@').unwrap().1.parse().unwrap();
        rig.docker.remove_image(&reference, None::<RemoveImageOptions>, None).await.unwrap();
        ImagePin::Registry { reference, repository, digest }
    }

    /// A file as `docker login` writes it.
    pub(crate) fn credentials_file(&self, pair: &str) -> std::path::PathBuf {
        use base64::Engine as _;
        let auth = base64::engine::general_purpose::STANDARD.encode(pair);
        let path = self.directory.path().join("docker-config.json");
        let text = serde_json::json!({"auths": {self.address.clone(): {"auth": auth}}}).to_string();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
