//! What the server has: the page, and its worker.

/// The page.
pub const PAGE: &str = concat!(
    "<!DOCTYPE html><html><head><meta charset=utf-8><title>guest book</title></head>",
    "<body><form><input id=message autocomplete=off></form><script>",
    include_str!("../../pages/day/outbox.js"),
    include_str!("../../pages/day/page.js"),
    "</script></body></html>"
);

/// The worker.
pub const WORKER: &str = concat!(
    include_str!("../../pages/day/outbox.js"),
    include_str!("../../pages/day/worker.js")
);
