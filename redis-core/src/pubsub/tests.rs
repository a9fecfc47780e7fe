//! The registry as connections use it, on one thread and on several.

use super::SubscriptionKind::{Channel, Pattern, Shard};
use super::*;

struct Connection {
    subscriber: Arc<Subscriber>,
    own: Subscriptions,
}

impl Connection {
    fn new(id: u64) -> Self {
        let mailbox = Arc::new(Mailbox::new());
        Self { subscriber: Arc::new(Subscriber::new(id, mailbox)), own: Subscriptions::new() }
    }

    fn subscribe(&mut self, pubsub: &PubSub, kind: SubscriptionKind, name: &str) -> bool {
        pubsub.subscribe(kind, &self.subscriber, &mut self.own, name.as_bytes())
    }

    fn unsubscribe(&mut self, pubsub: &PubSub, kind: SubscriptionKind, name: &str) -> bool {
        pubsub.unsubscribe(kind, &self.subscriber, &mut self.own, name.as_bytes())
    }

    /// What was received, as text, with line ends shown as spaces.
    fn received(&self) -> String {
        let mail = self.subscriber.mailbox.take();
        String::from_utf8_lossy(&mail.pieces().collect::<Vec<_>>().concat()).replace("\r\n", " ")
    }
}

#[test]
fn a_message_reaches_names_before_patterns() {
    let pubsub = PubSub::new();
    assert_eq!(pubsub.publish(b"news", b"nobody"), 0);
    let mut one = Connection::new(1);
    assert!(one.subscribe(&pubsub, Pattern, "n*"));
    assert!(one.subscribe(&pubsub, Pattern, "*s"));
    assert!(one.subscribe(&pubsub, Channel, "news"));
    assert!(!one.subscribe(&pubsub, Channel, "news"));
    let mut two = Connection::new(2);
    two.subscriber.set_protocol(3);
    two.subscribe(&pubsub, Channel, "news");
    two.subscribe(&pubsub, Channel, "other");

    assert_eq!(pubsub.publish(b"news", b"hi"), 4);
    assert_eq!(
        one.received(),
        "*3 $7 message $4 news $2 hi *4 $8 pmessage $2 n* $4 news $2 hi *4 $8 pmessage $2 *s $4 news $2 hi "
    );
    assert_eq!(two.received(), ">3 $7 message $4 news $2 hi ");
    assert_eq!(pubsub.publish(b"elsewhere", b"x"), 0);
}

#[test]
fn shard_channels_are_apart() {
    let pubsub = PubSub::new();
    let mut one = Connection::new(1);
    one.subscribe(&pubsub, Shard, "ch");
    one.subscribe(&pubsub, Pattern, "*");
    assert_eq!(pubsub.publish_shard(b"ch", b"s"), 1);
    assert_eq!(one.received(), "*3 $8 smessage $2 ch $1 s ");
    assert_eq!(pubsub.shard_channels(None), ["ch"]);
    assert!(pubsub.channels(None).is_empty());
    assert_eq!(pubsub.shard_subscriber_count(b"ch"), 1);
    assert_eq!(pubsub.subscriber_count(b"ch"), 0);
    assert!(one.unsubscribe(&pubsub, Shard, "ch"));
    assert_eq!(pubsub.publish_shard(b"ch", b"s"), 0);
}

#[test]
fn introspection_and_counts() {
    let pubsub = PubSub::new();
    let mut connections: Vec<_> = (0..50).map(Connection::new).collect();
    for connection in &mut connections {
        connection.subscribe(&pubsub, Channel, "a");
        connection.subscribe(&pubsub, Pattern, "p*");
    }
    connections[0].subscribe(&pubsub, Channel, "ab");
    connections[0].subscribe(&pubsub, Pattern, "q*");
    assert_eq!(pubsub.subscriber_count(b"a"), 50);
    assert_eq!(pubsub.channel_count(), 2);
    assert_eq!(pubsub.pattern_count(), 2);
    assert_eq!(pubsub.client_count(), 50);
    assert_eq!(pubsub.channels(Some(b"?b")), ["ab"]);
    assert_eq!(pubsub.channels(None).len(), 2);

    let first = &mut connections[0];
    let mut left = Vec::new();
    pubsub.unsubscribe_kind(Channel, &first.subscriber, &mut first.own, |name, count| {
        left.push((name.clone(), count));
    });
    assert_eq!(left, [(Bytes::from_static(b"a"), 3), (Bytes::from_static(b"ab"), 2)]);
    assert!(!first.unsubscribe(&pubsub, Channel, "a"));
    assert_eq!(pubsub.client_count(), 50);
    for connection in &mut connections {
        pubsub.unsubscribe_all(&connection.subscriber, &mut connection.own);
    }
    assert_eq!([pubsub.channel_count(), pubsub.pattern_count(), pubsub.client_count()], [0; 3]);
}

#[test]
fn all_subscribers_see_one_order() {
    const MESSAGES: u32 = 3_000;
    let pubsub = PubSub::new();
    let mut listeners: Vec<_> = (0..3).map(Connection::new).collect();
    listeners[0].subscribe(&pubsub, Channel, "ch");
    listeners[1].subscribe(&pubsub, Channel, "ch");
    listeners[2].subscribe(&pubsub, Pattern, "c*");
    std::thread::scope(|scope| {
        for publisher in 0..3 {
            let pubsub = &pubsub;
            scope.spawn(move || {
                for n in 0..MESSAGES {
                    let text = format!("{publisher}:{n}");
                    assert!(pubsub.publish(b"ch", text.as_bytes()) >= 3);
                }
            });
        }
        // Meanwhile others come and go, on this channel and on others.
        for id in 10..12 {
            let pubsub = &pubsub;
            scope.spawn(move || {
                let mut guest = Connection::new(id);
                for turn in 0..1_000 {
                    guest.subscribe(pubsub, Channel, "ch");
                    guest.subscribe(pubsub, Channel, &format!("other{turn}"));
                    guest.subscribe(pubsub, Pattern, "*h");
                    if turn % 3 == 0 {
                        pubsub.unsubscribe_all(&guest.subscriber, &mut guest.own);
                    }
                    guest.received();
                }
                pubsub.unsubscribe_all(&guest.subscriber, &mut guest.own);
            });
        }
    });
    let payloads = |connection: &Connection| -> Vec<String> {
        let text = connection.received();
        let words = text.split(' ').filter(|word| word.contains(':'));
        words.map(str::to_owned).collect()
    };
    let seen: Vec<_> = listeners.iter().map(payloads).collect();
    assert_eq!(seen[0].len(), 3 * MESSAGES as usize);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    assert_eq!(pubsub.channel_count(), 1);
    assert_eq!(pubsub.client_count(), 3);
}
