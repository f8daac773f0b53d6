//! How messages become bytes: prost's encoding, in buffers that begin small.
//!
//! The library's own codec keeps 8 KiB in each direction of each stream, whatever flows there. An agent's stream lasts for days and carries beats of
//! a few bytes; a coordinator has ten thousand of them. Deliberately not here: how large a message may be, which each service says.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a buffer begins with, in bytes: a beat, or stats with two containers. It grows with a message that needs more.
const BEGINNING: usize = 256;
/// So many bytes of messages that are ready together are sent as one piece at most, as by the library's own codec.
const TOGETHER: usize = 32 * 1024;

/// The codec of all services, named by the generated code.
#[derive(Debug, Clone)]
pub struct SmallCodec<T, U> {
    of: PhantomData<(T, U)>,
}

impl<T, U> Default for SmallCodec<T, U> {
    fn default() -> Self {
        Self { of: PhantomData }
    }
}

impl<T, U> Codec for SmallCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstEncoder::new(BufferSettings::new(BEGINNING, TOGETHER))
    }

    fn decoder(&mut self) -> ProstDecoder<U> {
        ProstDecoder::new(BufferSettings::new(BEGINNING, TOGETHER))
    }
}

#[cfg(test)]
mod tests {
    use tonic::codec::{Decoder as _, Encoder as _};

    use super::*;
    use crate::v1::{SessionDown, SessionUp};

    #[test]
    fn a_stream_begins_with_small_buffers_in_both_directions() {
        let mut codec = SmallCodec::<SessionDown, SessionUp>::default();
        for settings in [codec.encoder().buffer_settings(), codec.decoder().buffer_settings()] {
            assert!(format!("{settings:?}").contains("buffer_size: 256,"), "{settings:?}");
        }
    }
}
