//! RESET: a connection as it was when it came.

use std::sync::atomic::Ordering::Relaxed;

use super::call::Call;
use super::transaction::{close, unwatch};
use crate::server::ReplyMode;

impl Call<'_> {
    /// Takes back all that the connection has set for itself: transaction, watches, subscriptions, database, name,
    /// protocol, authentication, and what is done to its replies.
    pub fn reset_connection(&mut self) {
        let (client, server) = (&mut *self.client, &self.worker.server);
        close(client);
        unwatch(self.keyspace, self.worker, client);
        server.pubsub.unsubscribe_all(&client.subscriber, &mut client.subscriptions);
        client.note_subscriptions();
        // What was published before is still read, but nothing after the reply.
        client.shared.mailbox.take().pieces().for_each(|piece| self.reply.raw(piece));
        server.monitors.remove(client.id());
        client.monitor = false;
        server.stop_tracking(&client.shared);
        client.caching = 0;
        client.no_touch = false;
        let is = &client.shared.is;
        [&is.monitor, &is.no_touch, &is.no_evict].into_iter().for_each(|condition| condition.store(false, Relaxed));
        *client.shared.name.write() = Box::default();
        client.reply_mode = ReplyMode::On;
        client.authenticated = !server.config.requirepass.is_set();
        client.select(0);
        client.set_protocol(2);
        self.reply.set_protocol(2);
    }
}
