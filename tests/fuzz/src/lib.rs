//! What the fuzz targets check. `wire`: whatever peers send, the manager neither panics nor grows,
//! and it answers every call once. `records`: whatever is stored, it is read or refused, and what
//! was read can be worked with. `caches` and `notifications`: the same for the store
//! of the Cache API, and for the list of notifications. `log`: whatever becomes of the store's log, the rest is there.

pub mod browser;
pub mod caches;
pub mod calls;
pub mod log;
pub mod message;
pub mod notifications;
pub mod profile;
pub mod record;
pub mod session;
pub mod step;
pub mod world;
