//! Keyspace notifications: events as messages.

use crate::db::{Event, EventClasses};
use crate::server::Server;

/// Publishes events to `__keyspace@<db>__:<key>` and `__keyevent@<db>__:<event>`, as configured.
pub(super) fn publish(server: &Server, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    let classes = server.settings().notify;
    for Event { database, name, key } in events {
        if classes.has_any(EventClasses::KEYSPACE) {
            let channel = [format!("__keyspace@{database}__:").as_bytes(), key].concat();
            server.pubsub.publish(&channel, name.as_bytes());
        }
        if classes.has_any(EventClasses::KEYEVENT) {
            let channel = format!("__keyevent@{database}__:{name}");
            server.pubsub.publish(channel.as_bytes(), key);
        }
    }
}
