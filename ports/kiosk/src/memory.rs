//! What the kiosk does about memory: it has a device for itself, but for years.

// Chooses the allocator of the whole program.
use servo_allocator as _;

/// Has the allocator give what is free back to the system also while nothing is allocated: a kiosk that waits for its next
/// visitor would keep what the last one has used.
pub fn give_back_when_idle() {
    if let Err(error) = tikv_jemalloc_ctl::background_thread::write(true) {
        eprintln!("kiosk: free memory is kept while nothing happens: {error}");
    }
}
