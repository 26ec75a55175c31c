internal import CZeroMQ
internal import Glibc

/// What a socket does in the conversation: libzmq's socket types, as far as Daybook's protocols use them.
public enum SocketRole: Hashable, Sendable, CaseIterable {
    /// Sends to and receives from the peers it is connected to, in turn; many requests may be in flight.
    ///
    /// What is sent while the peer is away waits for it, up to the send queue. Whoever does not want that sends only
    /// between ``ConnectionEvent/connected`` and ``ConnectionEvent/disconnected``, and makes a new socket after the
    /// latter. libzmq's own way (`ZMQ_IMMEDIATE`) is not safe: when a connection is lost it drops the messages received
    /// and not yet taken, and ends the process (`!_more`, `fq.cpp`) where one of them is taken just then, frame by frame.
    case dealer
    /// Answers dealers: the first frame of every message is the peer's address.
    case router
    /// Publishes to every subscriber and receives each subscription (XPUB).
    ///
    /// It receives frame by frame, each as a message of its own: libzmq mixes the frames of different subscribers, and
    /// may keep frames to itself that were announced. Its manual mode (`ZMQ_XPUB_MANUAL`), in which the owner would decide
    /// about each subscription, is not used: libzmq 4.3.4 then subscribes connections that have ended, and crashes.
    case publisher
    /// Receives what it subscribed to (SUB).
    case subscriber
    /// Talks to exactly one peer; the loop itself uses it to hear of connections.
    case pair

    var type: Int32 {
        switch self {
        case .dealer: ZMQ_DEALER
        case .router: ZMQ_ROUTER
        case .publisher: ZMQ_XPUB
        case .subscriber: ZMQ_SUB
        case .pair: ZMQ_PAIR
        }
    }
}

/// What a socket is set to before it is bound or connected; later, libzmq would ignore most of it without a word.
public struct SocketOptions: Hashable, Sendable {
    /// The most messages that wait to be sent to one peer (`ZMQ_SNDHWM`); 0: no bound.
    public var sendQueue: Int32 = 1000

    /// The most messages from one peer that wait to be received (`ZMQ_RCVHWM`); 0: no bound. Beyond it TCP pushes back.
    public var receiveQueue: Int32 = 1000

    /// How long closing goes on sending what waits (`ZMQ_LINGER`), in milliseconds. Never without a limit.
    public var lingerMilliseconds: Int32 = 0

    /// The most bytes of one received frame (`ZMQ_MAXMSGSIZE`); libzmq drops the connection of a peer that sends more.
    public var largestFrame: Int64 = 16 << 20

    /// The limit of frames in one received message, a router's address frame not counted; a longer one is dropped whole
    /// and counted.
    public var maxFrames = 64

    /// The most bytes of one received message, over all its frames, a router's address frame not counted; a longer one
    /// is dropped while it is received, and counted.
    public var maxMessageBytes = Int.max

    /// How the socket and its peers prove who they are.
    public var security = SocketSecurity.none

    /// The domain that the context's ``Admission`` is asked for when a peer connects (`ZMQ_ZAP_DOMAIN`). Never empty:
    /// libzmq would then let peers of ZMTP 1.0 and 2.0 in, which have no handshake.
    public var domain = "daybook"

    /// How long the first attempt to connect again waits, and the longest wait it grows to, in milliseconds.
    /// libzmq adds a random part to it, so that peers of a service that comes back do not arrive as a herd.
    public var reconnectMilliseconds: (first: Int32, longest: Int32) = (20, 500)

    /// After how many milliseconds without a sign of life TCP gives a connection up, whether it is idle (keep-alive) or
    /// data waits to be taken (`ZMQ_TCP_MAXRT`); at least 4000, in whole seconds. nil: after hours.
    ///
    /// ZMTP's own heartbeats would do the same and are not used: where a queue is full, a heartbeat waits and the
    /// connection is lost, libzmq 4.3.4 ends the process (libzmq#3937, libzmq#4364).
    public var deadPeerMilliseconds: Int32? = 8000

    /// The largest backlog of connections that a bound socket lets the system keep.
    public var backlog: Int32 = 1024

    /// The options that suit most sockets.
    public init() {}

    /// Whether all options agree.
    public static func == (left: SocketOptions, right: SocketOptions) -> Bool {
        left.values == right.values && left.domain == right.domain && left.security == right.security
    }

    /// Hashes all options.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(values)
        hasher.combine(domain)
        hasher.combine(security)
    }

    /// `ZMQ_ZAP_ENFORCE_DOMAIN`, which zmq.h of 4.3.4 shows only to those who build with its drafts: without a handler
    /// nobody is let in.
    private static let enforceDomain: Int32 = 93

    /// How long a peer may take to shake hands (`ZMQ_HANDSHAKE_IVL`).
    static let handshakeMilliseconds: Int32 = 10_000

    private var values: [Int64] {
        [
            Int64(sendQueue), Int64(receiveQueue), Int64(lingerMilliseconds), largestFrame, Int64(maxFrames),
            Int64(maxMessageBytes),
            Int64(reconnectMilliseconds.first), Int64(reconnectMilliseconds.longest),
            Int64(deadPeerMilliseconds ?? -1), Int64(backlog),
        ]
    }

    func apply(to core: SocketCore, role: SocketRole) throws(ZeroMQError) {
        guard lingerMilliseconds >= 0 else { throw ZeroMQError(number: EINVAL, operation: "linger without a limit") }
        guard maxFrames > 0 else { throw ZeroMQError(number: EINVAL, operation: "receive messages without a frame") }
        guard !domain.isEmpty else { throw ZeroMQError(number: EINVAL, operation: "let peers in without a domain") }
        try core.set(ZMQ_ZAP_DOMAIN, text: domain)
        try core.set(Self.enforceDomain, 1)
        try security.apply(to: core)
        try core.set(ZMQ_HANDSHAKE_IVL, Self.handshakeMilliseconds)
        try core.set(ZMQ_SNDHWM, sendQueue)
        try core.set(ZMQ_RCVHWM, receiveQueue)
        try core.set(ZMQ_LINGER, lingerMilliseconds)
        let (largest, isTooLarge) = largestFrame.addingReportingOverflow(Int64(security.overhead))
        // libzmq compares it with what is on the wire.
        try core.set(ZMQ_MAXMSGSIZE, wide: isTooLarge ? largestFrame : largest)
        try core.set(ZMQ_RECONNECT_IVL, reconnectMilliseconds.first)
        try core.set(ZMQ_RECONNECT_IVL_MAX, reconnectMilliseconds.longest)
        try core.set(ZMQ_BACKLOG, backlog)
        if let deadPeerMilliseconds {
            let second = max(1, deadPeerMilliseconds / 4000)
            try core.set(ZMQ_TCP_KEEPALIVE, 1)
            try core.set(ZMQ_TCP_KEEPALIVE_IDLE, second)
            try core.set(ZMQ_TCP_KEEPALIVE_INTVL, second)
            try core.set(ZMQ_TCP_KEEPALIVE_CNT, 3)
            try core.set(ZMQ_TCP_MAXRT, deadPeerMilliseconds)
        }
        switch role {
        case .router:
            // Say so when a peer is gone or full, rather than dropping without a word.
            try core.set(ZMQ_ROUTER_MANDATORY, 1)
        case .publisher:
            // Report every subscription and every end of one, not only the first and the last of a prefix: each newcomer
            // is to be greeted, and each peer's subscriptions are counted.
            try core.set(ZMQ_XPUB_VERBOSER, 1)
        case .subscriber:
            // Subscriptions are messages too, all sent again to a publisher that comes back: lose none of them.
            try core.set(ZMQ_SNDHWM, 0)
        case .dealer, .pair:
            break
        }
    }
}
