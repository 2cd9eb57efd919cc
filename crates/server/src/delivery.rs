//! Knowing that an answer has left: its bytes were all taken by the operating system. Whether they arrived, nobody here can know.
//!
//! The body tells its connection when its last byte was asked for; the connection tells the desk once everything before was written.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use headlock_registry::desk::Action;
use headlock_registry::record::RequestId;
use http_body::{Body, Frame, SizeHint};

use crate::gate::Open;

/// What of one connection is on its way to the operating system, as the desk is told once it has left.
#[derive(Default)]
pub(crate) struct Leaving(Mutex<Vec<(Action, Arc<Open>)>>);

impl Leaving {
    pub(crate) fn add(&self, what: Action, desk: Arc<Open>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((what, desk));
    }

    /// Everything that was to be written has been written.
    pub(crate) fn left(&self) {
        let mut leaving = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, desk) in leaving.drain(..) {
            desk.queue.left(what);
        }
    }
}

/// The body of an answer that hands something out.
pub(crate) struct Handout {
    bytes: Option<Bytes>,
    release: Option<(RequestId, Arc<Open>)>,
    connection: Arc<Leaving>,
}

impl Handout {
    /// These bytes, wiped once the last of them was taken; then this request counts as delivered.
    pub(crate) fn new(bytes: Vec<u8>, release: (RequestId, Arc<Open>), connection: Arc<Leaving>) -> Self {
        let bytes = Bytes::from_owner(zeroize::Zeroizing::new(bytes));
        Self { bytes: Some(bytes), release: Some(release), connection }
    }
}

impl Body for Handout {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let bytes = self.bytes.take();
        if let Some((request, desk)) = self.release.take() {
            self.connection.add(Action::Delivered { request }, desk);
        }
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
