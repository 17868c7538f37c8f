use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Length of the HTTP/2 preface (RFC 9113 §3.4), and less than the shortest HTTP/1.1 request with its `Host`.
const PREFACE: usize = 24;

/// A connection whose peer must keep moving: its first bytes must come in time, and it must take what it is
/// sent.
///
/// Telling HTTP/1 from HTTP/2 takes up to the length of the preface, and happens before any header timeout
/// runs: a peer that sent nothing, or a lone `P`, would keep its connection for ever. So would one that sends
/// requests and reads no answer.
pub struct Prompt<S> {
    inner: S,
    first: Option<Pin<Box<Sleep>>>,
    missing: usize,
    stalled: Option<Pin<Box<Sleep>>>,
    patience: Duration,
}

impl<S> Prompt<S> {
    /// Gives the peer `within` for its first bytes, and `patience` for each step of taking an answer.
    pub fn new(inner: S, within: Duration, patience: Duration) -> Self {
        let first = Some(Box::pin(tokio::time::sleep(within)));
        Self { inner, first, missing: PREFACE, stalled: None, patience }
    }

    /// What a write says, unless the peer has not moved for too long.
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read its answers")))
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
                self.first = None;
            }
            return Poll::Ready(read);
        }
        match &mut self.first {
            None => Poll::Pending,
            Some(first) => {
                ready!(first.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "no request came in time")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(cx, shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.judge(cx, written)
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
            let mut ours = Prompt::new(ours, Duration::from_millis(20), Duration::from_millis(20));
            peer.write_all(sent).await.unwrap();
            let mut read = Vec::new();
            let error = ours.read_to_end(&mut read).await.unwrap_err();
            assert_eq!((error.kind(), &read[..]), (io::ErrorKind::TimedOut, sent));
        }
    }

    #[tokio::test]
    async fn a_peer_that_began_in_time_may_pause_afterwards() {
        let (mut peer, ours) = duplex(64);
        let mut ours = Prompt::new(ours, Duration::from_millis(20), Duration::from_millis(20));
        peer.write_all(&[b'x'; PREFACE]).await.unwrap();
        let mut first = [0; PREFACE];
        ours.read_exact(&mut first).await.unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
        peer.write_all(b"y").await.unwrap();
        assert_eq!(ours.read_u8().await.unwrap(), b'y');
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_its_answers_is_cut_off() {
        let (mut peer, ours) = duplex(16);
        let mut ours = Prompt::new(ours, Duration::from_mins(1), Duration::from_millis(40));
        let error = ours.write_all(&[b'x'; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // One that reads slowly, but reads, is not.
        let (mut slow, ours) = duplex(16);
        let mut ours = Prompt::new(ours, Duration::from_mins(1), Duration::from_secs(5));
        let reader = tokio::spawn(async move {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(60)).await;
                slow.read_exact(&mut [0; 16]).await.unwrap();
            }
        });
        ours.write_all(&[b'x'; 64]).await.unwrap();
        reader.await.unwrap();
        drop(peer.read_u8().await);
    }
}
