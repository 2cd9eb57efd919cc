//! Random bytes from the system.

use std::io;

/// Fills the buffer, and answers no sooner than the system's generator has been seeded.
///
/// # Errors
/// The system has no randomness to give.
pub(crate) fn fill(buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::rand::getrandom(&mut buffer[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
