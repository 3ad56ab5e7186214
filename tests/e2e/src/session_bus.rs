//! A message bus in a test's hands, and services on it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use zbus::Type;
use zbus::connection::{self, Connection};
use zbus::object_server::{Interface, SignalEmitter};

/// The bus. It ends when this is dropped.
pub struct SessionBus {
    daemon: Child,
    address: String,
}

impl SessionBus {
    /// Starts one.
    ///
    /// # Panics
    /// If `dbus-daemon` is not installed.
    pub fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed; on Debian: apt-get install dbus-daemon");
        let output = daemon.stdout.take().expect("a pipe");
        let mut address = String::new();
        BufReader::new(output)
            .read_line(&mut address)
            .expect("it prints its address");
        Self {
            daemon,
            address: address.trim().to_owned(),
        }
    }

    /// Where it is, for `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for SessionBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A service with one object. It leaves its bus when this is dropped.
pub struct BusService {
    path: &'static str,
    connection: Connection,
    runtime: Runtime,
}

impl BusService {
    /// Takes this name on a bus, and answers at this path.
    ///
    /// # Panics
    /// If the bus has the name already.
    pub fn start(
        bus: &SessionBus,
        name: &'static str,
        path: &'static str,
        interface: impl Interface,
    ) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads can be started");
        let connection = runtime
            .block_on(async {
                connection::Builder::address(bus.address())
                    .serve_at(path, interface)
                    .name(name)
                    .build()
                    .await
            })
            .expect("the bus takes the service");
        Self {
            path,
            connection,
            runtime,
        }
    }

    /// Sends a signal of this interface.
    ///
    /// # Panics
    /// If the bus does not take it.
    pub fn emit(&self, interface: &str, signal: &str, body: &(impl Serialize + Type)) {
        self.runtime
            .block_on(async {
                SignalEmitter::new(&self.connection, self.path)?
                    .emit(interface, signal, body)
                    .await
            })
            .expect("the bus takes a signal");
    }
}
