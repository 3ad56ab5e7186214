//! What the system tells of this process.

use std::fs;

/// The bytes of memory that the process has at present, if the system tells.
pub fn resident_bytes() -> Option<u64> {
    resident_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmRSS:     1234 kB`
fn resident_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim();
    kibibytes.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_found() {
        let status = "Name:\tkiosk\nVmHWM:\t  300 kB\nVmRSS:\t  200 kB\nThreads:\t4\n";
        assert_eq!(resident_in(status), Some(200 * 1024));
        assert_eq!(resident_in("VmRSS:\tmuch\n"), None);
        assert!(resident_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
