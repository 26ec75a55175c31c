internal import NIOCore
internal import NIOHTTP1

/// Keeps watch over the bytes of one connection, as its first handler: a client that sends too slowly is given up, and one
/// that does not take its answers is cut off.
///
/// It only counts; what the counts mean is looked at once a second. That a connection rests between requests is left to
/// the server library's idle timeout.
final class ConnectionWatch: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// An answer of so many bytes may be one too many.
    private static let longAnswer = 64 << 10
    /// A client that sends so much in a second is not waited for.
    private static let busyBytesOfASecond: UInt64 = 100

    /// What the system holds of an answer, in bytes; Linux takes it twice. By itself it would hold some MB, and take nothing
    /// more of us until a third of that is free: a client that reads 40 KB a second would seem to read nothing.
    private static let systemBuffer: SocketOptionValue = 128 << 10

    /// What is written when the service stops is still sent for so long.
    private static let farewell = TimeAmount.seconds(2)
    /// A client that still takes an answer then, and not to its end, is cut off: the program allows 3.5 s for all.
    private static let lastFarewell = TimeAmount.milliseconds(2800)

    private let gate: RequestGate
    private let connections: LoopConnections
    private var context: ChannelHandlerContext?
    private(set) var address = ClientAddress(nil)
    /// Whether the connection is one beyond the limit.
    var isHealthOnly: Bool {
        get { gate.isHealthOnly }
        set { gate.isHealthOnly = newValue }
    }
    /// For so long the client has sent next to nothing while it was its turn.
    private(set) var secondsWaiting = 0
    /// For so long the client has taken nothing of its answer.
    private(set) var secondsUnread = 0

    private var bytesRead: UInt64 = 0
    private var bytesWritten: UInt64 = 0
    private var hasBegunHead = false
    private var isReadPending = false
    private var hasLongAnswer = false
    // As of the last look.
    private var bytesReadBefore: UInt64 = 0
    private var bytesTakenBefore: UInt64 = 0
    private var secondsOfHead = 0
    private var secondsOfLinger = 0
    private var secondsConnected = 0
    private var body = (seconds: 0, bytesRead: UInt64(0), bytesTaken: UInt64(0))
    /// Those who have asked for the end of the connection, which comes when the client has taken what was written.
    private var closers: [EventLoopPromise<Void>?] = []
    private var isServerStopping = false

    /// Whether what comes is TLS, so that ``TLSWatch`` tells of the bytes of HTTP in it.
    private let isSecured: Bool
    private var isShakingHands: Bool
    private var secondsOfHandshake = 0
    private var requestsBefore: UInt64 = 0

    init(_ gate: RequestGate, among connections: LoopConnections, isSecured: Bool) {
        self.gate = gate
        self.connections = connections
        self.isSecured = isSecured
        isShakingHands = isSecured
    }

    /// What the client had not taken yet when it was looked at last.
    private(set) var unsentBytes = 0
    private var hasEnded = false

    /// Looks at what the client has not taken yet.
    func updateUnsentBytes() { setUnsentBytes(currentUnsentBytes) }

    /// It counts no more.
    func forgetUnsentBytes() {
        setUnsentBytes(0)
        hasEnded = true
    }

    private func setUnsentBytes(_ bytes: Int) {
        guard !hasEnded else { return }
        connections.unsentBytes += bytes - unsentBytes
        unsentBytes = bytes
    }

    private var currentUnsentBytes: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        // A closed channel has no options any more, and holds nothing.
        do { return try options.getOption(.bufferedWritableBytes) } catch { return 0 }
    }

    /// Ends the connection at once.
    func cut() {
        connections.table.countCut()
        connections.remove(self)
        context?.close(promise: nil)
    }

    /// The handshake of TLS is done.
    func endHandshake() { isShakingHands = false }

    /// There will be no TLS on the connection.
    func noteFailedHandshake() { connections.table.countFailedHandshake() }

    /// Ends the connection at once, since what its client proved itself by does not hold any more.
    private func revoke() {
        connections.table.countRevoked()
        connections.remove(self)
        context?.close(promise: nil)
    }

    // MARK: the channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        connections.remove(self)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        address = ClientAddress(context.remoteAddress)
        do {
            try context.channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: Self.systemBuffer)
        } catch {
            // The connection has ended already.
            return context.fireErrorCaught(error)
        }
        connections.add(self)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.remove(self)
        gate.clientHasLeft()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        bytesRead &+= UInt64(part.readableBytes)
        isReadPending = false
        if isSecured { context.fireChannelRead(data) } else { take { context.fireChannelRead(data) } }
    }

    /// Bytes of HTTP have come, and are passed on.
    func take(_ passOn: () -> Void) {
        guard gate.phase == .idle else { return passOn() }
        let requests = gate.requests
        passOn()
        hasBegunHead = gate.requests == requests
    }

    func read(context: ChannelHandlerContext) {
        // Nothing is answered any more.
        guard closers.isEmpty else { return }
        isReadPending = true
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let count = unwrapOutboundIn(data).readableBytes
        bytesWritten &+= UInt64(count)
        if count >= Self.longAnswer { hasLongAnswer = true }
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        guard hasLongAnswer else { return }
        hasLongAnswer = false
        guard !context.channel.isWritable else { return }
        updateUnsentBytes()
        connections.boundUnsentBytes(for: self)
    }

    /// Closes the connection once everything is sent. The library takes an answer for given when it is written: it would
    /// close a connection that rests since then, or that ends with the answer, and the rest would be lost.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, unsentBytes > 0 else { return context.close(mode: mode, promise: promise) }
        closers.append(promise)
        if isServerStopping { endSoon(context) }
        guard closers.count == 1 else { return }
        let isSent = context.eventLoop.makePromise(of: Void.self)
        isSent.futureResult.assumeIsolated().whenComplete { _ in self.finishClosing() }
        // Nothing, behind all that waits.
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer())), promise: isSent)
    }

    private func finishClosing() {
        let closers = closers
        self.closers = []
        context?.close(promise: nil)
        for closer in closers { closer?.succeed() }
    }

    /// A service that stops waits neither for a client that takes nothing of its answer, nor for one that takes it slowly
    /// beyond what the service has: whoever writes the answer may wait for the client, and close nothing.
    private func endUnread(_ context: ChannelHandlerContext) {
        updateUnsentBytes()
        let taken = bytesWritten &- UInt64(unsentBytes)
        let loop = context.eventLoop.assumeIsolated()
        loop.scheduleTask(in: Self.farewell) {
            self.updateUnsentBytes()
            if self.unsentBytes > 0, self.bytesWritten &- UInt64(self.unsentBytes) == taken { self.cutIfOpen() }
        }
        loop.scheduleTask(in: Self.lastFarewell) {
            self.updateUnsentBytes()
            if self.unsentBytes > 0 { self.cutIfOpen() }
        }
    }

    private func cutIfOpen() { if context != nil { cut() } }

    /// A service that stops does not wait for long.
    private func endSoon(_ context: ChannelHandlerContext) {
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.farewell) { self.cutIfOpen() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isServerStopping = true
            if !closers.isEmpty { endSoon(context) }
            endUnread(context)
        }
        if case ChannelEvent.inputClosed = event { gate.clientHasLeft() }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: once a second

    /// A second has passed.
    func tick() {
        let limits = connections.table.limits
        updateUnsentBytes()
        let unsent = unsentBytes
        let bytesTaken = bytesWritten &- UInt64(unsent)
        secondsUnread = unsent > 0 && bytesTaken == bytesTakenBefore ? secondsUnread + 1 : 0
        let isBusy = bytesRead &- bytesReadBefore >= Self.busyBytesOfASecond || bytesTaken != bytesTakenBefore
        bytesTakenBefore = bytesTaken
        bytesReadBefore = bytesRead
        secondsConnected += 1
        guard secondsUnread < limits.secondsUnread,
            !isHealthOnly || secondsConnected < limits.secondsForHealth
        else { return cut() }
        if isShakingHands {
            secondsOfHandshake += 1
            if secondsOfHandshake >= limits.secondsForHandshake { return cut() }
        }
        if gate.phase == .reading || gate.phase == .answering {
            // What was under way a second ago and is still: what takes less is done before anybody could have stopped it.
            if gate.requests == requestsBefore, !gate.callerStillHolds { return revoke() }
            requestsBefore = gate.requests
        }
        // What it asks next, it asks on a connection on which it has proved who it is.
        if gate.phase == .idle, !hasBegunHead, gate.hasOldCertificate { context?.close(promise: nil) }
        secondsWaiting = isBusy ? 0 : secondsWaiting + 1
        secondsOfHead = gate.phase == .idle && hasBegunHead ? secondsOfHead + 1 : 0
        switch gate.phase {
        case .idle:
            if secondsOfHead >= limits.secondsForHead { giveUp() }
        case .reading:
            watchBody(limits, bytesTaken)
            return
        case .answering: secondsWaiting = 0
        case .lingering:
            if unsent == 0 { secondsOfLinger += 1 }
            if secondsOfLinger >= limits.secondsOfLinger { context?.close(promise: nil) }
        }
        body = (0, bytesRead, bytesTaken)
    }

    private func watchBody(_ limits: ConnectionLimits, _ bytesTaken: UInt64) {
        // While the server reads no more, the client cannot send.
        guard isReadPending else {
            body = (0, bytesRead, bytesTaken)
            secondsWaiting = 0
            return
        }
        body.seconds += 1
        let patience = gate.hasAnsweredPart ? limits.secondsOfAnsweredBody : limits.secondsOfBody
        guard body.seconds >= patience else { return }
        // Whoever is answered as it goes may take its time: it asks line by line.
        guard bytesRead &- body.bytesRead >= UInt64(limits.leastBytesOfBody) || bytesTaken != body.bytesTaken else {
            return giveUp()
        }
        body = (0, bytesRead, bytesTaken)
    }

    private func giveUp() {
        connections.table.countCut()
        gate.isGivenUp = true
        // As an error of the parser, for which NIO's pipelining lets an answer through.
        context?.fireErrorCaught(HTTPParserError.unknown)
    }
}
