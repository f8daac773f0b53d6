//! Settings that are written as text, on a command line and in JSON alike. Not here: what they mean (a file each beside).

/// A text that is no setting of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: write {example}")]
pub struct InvalidText {
    /// What was to be written.
    pub what: &'static str,
    /// The text.
    pub text: String,
    /// How it is written.
    pub example: &'static str,
}

/// Has a type that is read and shown as text be stored so, too.
macro_rules! stored_as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = crate::InvalidText;

            fn try_from(text: String) -> Result<Self, crate::InvalidText> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}

pub(crate) use stored_as_text;
