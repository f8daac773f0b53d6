//! Join tokens: the one line that an operator carries from the coordinator to a new host. The fingerprint tells the host
//! whom to trust, the secret tells the coordinator whom to let in. Not here: expiry, single use and labels, which the
//! coordinator keeps beside the secret's digest.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

use evenkeel_model::Digest;

/// What a token of this form begins with: Evenkeel, form 1.
const FORM: &str = "ek1";

/// Bytes of the secret: 256 bits, so that a plain digest of it can be stored.
const SECRET_BYTES: usize = 32;

/// Why a text is not a join token. None of these shows any of the text: it could be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Something else was pasted.
    #[error("a join token begins with `ek1.`: copy the whole line that `evenkeel token create` printed")]
    OtherForm,
    /// Cut off, or with something added.
    #[error("a join token has three parts with dots between them, and this has {0}: copy the whole line")]
    Parts(usize),
    /// The second part.
    #[error("the fingerprint in the join token is damaged (64 hexadecimal digits are expected): copy the whole line")]
    Fingerprint,
    /// The third part.
    #[error("the secret in the join token is damaged (43 characters are expected): copy the whole line")]
    Secret,
    /// No token could be made.
    #[error("the system gave no randomness for a secret")]
    NoRandomness,
}

/// The secret of a join token. Its text goes to the coordinator in the join request; the coordinator compares digests.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinSecret([u8; SECRET_BYTES]);

impl JoinSecret {
    /// What the coordinator stores and finds the token by.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// The secret as text, for the join request alone.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for JoinSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinSecret(…)")
    }
}

impl FromStr for JoinSecret {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Secret)?;
        bytes.try_into().map(Self).map_err(|_| TokenError::Secret)
    }
}

/// A join token. `Display` writes the whole line, secret included: for the operator's eyes, not for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// SHA-256 of the certificate (DER) of the authority to trust.
    pub fingerprint: Digest,
    /// What lets the host in.
    pub secret: JoinSecret,
}

impl JoinToken {
    /// A token with a new random secret.
    pub fn generate(fingerprint: Digest) -> Result<Self, TokenError> {
        let mut secret = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut secret).map_err(|_| TokenError::NoRandomness)?;
        Ok(Self { fingerprint, secret: JoinSecret(secret) })
    }

    /// What the coordinator stores; never the secret itself.
    pub fn secret_digest(&self) -> Digest {
        self.secret.digest()
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = self.fingerprint.as_str().trim_start_matches("sha256:");
        write!(f, "{FORM}.{fingerprint}.{}", self.secret.expose())
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        match parts.as_slice() {
            [FORM, fingerprint, secret] => Ok(Self {
                fingerprint: format!("sha256:{fingerprint}").parse().map_err(|_| TokenError::Fingerprint)?,
                secret: secret.parse()?,
            }),
            [FORM, ..] => Err(TokenError::Parts(parts.len())),
            _ => Err(TokenError::OtherForm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> JoinToken {
        JoinToken::generate(Digest::of(b"authority")).unwrap()
    }

    #[test]
    fn a_token_reads_as_it_is_written_on_one_line() {
        let token = token();
        let text = token.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{text}");
        assert_eq!(text.parse(), Ok(token.clone()));
        assert_eq!(format!(" {text}\n").parse(), Ok(token.clone()));
        assert_eq!(token.secret.expose().parse::<JoinSecret>().unwrap().digest(), token.secret_digest());
    }

    #[test]
    fn no_two_tokens_share_a_secret() {
        assert_ne!(token().secret_digest(), token().secret_digest());
    }

    #[test]
    fn damage_is_named_without_showing_the_secret() {
        let token = token();
        let (text, secret) = (token.to_string(), token.secret.expose());
        let refused = |text: &str| text.parse::<JoinToken>().unwrap_err();
        assert_eq!(refused(&text[..text.len() - 1]), TokenError::Secret);
        assert_eq!(refused(&format!("{text}A")), TokenError::Secret);
        assert_eq!(refused(&text.replacen("ek1.", "ek1.0", 1)), TokenError::Fingerprint);
        assert_eq!(refused(&format!("{text}.more")), TokenError::Parts(4));
        assert_eq!(refused("ek1"), TokenError::Parts(1));
        assert_eq!(refused(&text.replacen("ek1", "ek2", 1)), TokenError::OtherForm);
        assert_eq!(refused(&secret), TokenError::OtherForm);
        for error in [refused(&format!("{text}A")), refused(&secret)] {
            assert!(!format!("{error} {error:?}").contains(&secret));
        }
        assert!(!format!("{token:?}").contains(&secret));
    }
}
