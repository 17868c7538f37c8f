use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Length of the HTTP/2 preface (RFC 9113 §3.4), and less than the shortest HTTP/1.1 request with its `Host`.
const PREFACE: usize = 24;

/// A connection whose first bytes must come in time.
///
/// Telling HTTP/1 from HTTP/2 takes up to the length of the preface, and happens before any header timeout
/// runs: a peer that sent nothing, or a lone `P`, would keep its connection for ever.
pub struct Prompt<S> {
    inner: S,
    deadline: Option<Pin<Box<Sleep>>>,
    missing: usize,
}

impl<S> Prompt<S> {
    /// Gives the peer `within` for its first bytes.
    pub fn new(inner: S, within: Duration) -> Self {
        Self { inner, deadline: Some(Box::pin(tokio::time::sleep(within))), missing: PREFACE }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, buffer) {
            self.missing = self.missing.saturating_sub(buffer.filled().len() - before);
            if self.missing == 0 {
                self.deadline = None;
            }
            return Poll::Ready(read);
        }
        match &mut self.deadline {
            None => Poll::Pending,
            Some(deadline) => {
                ready!(deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no request came in time")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn a_peer_that_stalls_before_the_preface_is_over_is_cut_off() {
        for sent in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n"] {
            let (mut peer, ours) = duplex(64);
            let mut ours = Prompt::new(ours, Duration::from_millis(20));
            peer.write_all(sent).await.unwrap();
            let mut read = Vec::new();
            let error = ours.read_to_end(&mut read).await.unwrap_err();
            assert_eq!((error.kind(), &read[..]), (io::ErrorKind::TimedOut, sent));
        }
    }

    #[tokio::test]
    async fn a_peer_that_began_in_time_may_pause_afterwards() {
        let (mut peer, ours) = duplex(64);
        let mut ours = Prompt::new(ours, Duration::from_millis(20));
        peer.write_all(&[b'x'; PREFACE]).await.unwrap();
        let mut first = [0; PREFACE];
        ours.read_exact(&mut first).await.unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
        peer.write_all(b"y").await.unwrap();
        assert_eq!(ours.read_u8().await.unwrap(), b'y');
    }
}
