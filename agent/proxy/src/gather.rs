//! Several pieces written as one where they are small: a head and a short body go out by one plain write, which costs the kernel less than
//! a vectored one. Not here: who writes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// Up to so many bytes copying is cheaper than telling the kernel about pieces.
const SMALL: usize = 2048;

/// As `poll_write_vectored`, of a writer that takes pieces.
pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    cx: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    if let [piece] = pieces {
        return Pin::new(writer).poll_write(cx, piece);
    }
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    if length > SMALL {
        return Pin::new(writer).poll_write_vectored(cx, pieces);
    }
    let mut whole = [0; SMALL];
    let mut end = 0;
    for piece in pieces {
        whole[end..end + piece.len()].copy_from_slice(piece);
        end += piece.len();
    }
    Pin::new(writer).poll_write(cx, &whole[..end])
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn small_and_large_pieces_arrive_whole_and_in_order() {
        for sizes in [vec![5], vec![100, 3], vec![0, 0], vec![SMALL, 1], vec![SMALL - 1, 1], vec![10, 9000, 1]] {
            let (mut near, mut far) = tokio::io::duplex(64 * 1024);
            let whole: Vec<u8> = (0..=250).cycle().take(sizes.iter().sum()).collect();
            let mut rest = whole.as_slice();
            let pieces: Vec<_> = sizes
                .iter()
                .map(|size| {
                    let piece;
                    (piece, rest) = rest.split_at(*size);
                    IoSlice::new(piece)
                })
                .collect();
            let written = poll_fn(|cx| poll_write(&mut near, cx, &pieces)).await.unwrap();
            assert_eq!(written, whole.len(), "{sizes:?}");
            drop(near);
            let mut arrived = vec![];
            far.read_to_end(&mut arrived).await.unwrap();
            assert_eq!(arrived, whole, "{sizes:?}");
        }
    }
}
