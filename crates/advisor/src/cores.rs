//! The same work on many things, on all cores.

use std::thread;

/// Below this many a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 24;

/// What came of each item, in the order of the items.
pub(crate) fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let all = |part: &[T]| -> Vec<R> { part.iter().map(&work).collect() };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len() / WORTH_A_THREAD);
    if threads < 2 {
        return all(items);
    }
    let (mine, others) = items.split_at(items.len().div_ceil(threads));
    thread::scope(|scope| {
        let parts = others.chunks(others.len().div_ceil(threads - 1));
        let running: Vec<_> = parts.map(|part| scope.spawn(|| all(part))).collect();
        let mut done = all(mine);
        for worker in running {
            done.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })
}
