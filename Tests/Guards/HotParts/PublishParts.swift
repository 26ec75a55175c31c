internal import EventLogProtocol
internal import EventSourcing
internal import Foundation
internal import ZeroMQ

/// What a published event costs at both ends, the network between them left out.
enum PublishParts {
    static let all = [publishFrame, receiveFrame]

    /// A record as a message given to libzmq, which drops it, since nobody subscribes.
    private static let publishFrame = HotPart("publish-frame") { count in
        try onLoop { try await $0.publish(count) }
    }

    /// The same with a subscriber, who reads it as a record.
    private static let receiveFrame = HotPart("receive-frame") { count in
        try onLoop { try await $0.publishAndReceive(count) }
    }

    private static func onLoop(_ body: @escaping @Sendable (Ends) async throws -> Void) throws {
        let context = try Context()
        let loop = try SocketLoop(name: "hot-parts", context: context)
        let ended = DispatchSemaphore(value: 0)
        Task {
            do {
                try await body(Ends(on: loop))
            } catch {
                fatalError("\(error)")
            }
            await loop.close()
            await context.close()
            ended.signal()
        }
        ended.wait()
    }
}

/// A publisher and a subscriber on one thread, joined in memory: so nothing depends on when a thread gets its turn.
private actor Ends {
    private static let endpoint = "inproc://hot-parts"
    /// What goes through memory is nearly always there when it is looked for.
    private static let patience = Duration.seconds(10)

    private let loop: SocketLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(on loop: SocketLoop) { self.loop = loop }

    func publish(_ count: Int) throws {
        let publisher = try Socket(.publisher, on: loop)
        try publisher.bind(Self.endpoint)
        for _ in 0..<count { try PublishedMessage.send(Samples.record, in: Samples.logID, on: publisher) }
        publisher.close()
    }

    func publishAndReceive(_ count: Int) throws {
        var options = SocketOptions()
        // A publisher on its way learns only from time to time what was taken, and drops what finds its queue full.
        options.sendQueue = 0
        options.receiveQueue = 0
        let publisher = try Socket(.publisher, options: options, on: loop)
        try publisher.bind(Self.endpoint)
        let subscriber = try Socket(.subscriber, options: options, on: loop)
        try subscriber.subscribe([])
        try subscriber.connect(Self.endpoint)
        try receive(from: publisher) { _ in }
        for _ in 0..<count {
            try PublishedMessage.send(Samples.record, in: Samples.logID, on: publisher)
            try receive(from: subscriber) { use(try PublishedMessage($0)) }
        }
        subscriber.close()
        publisher.close()
    }

    /// Receives a message that was sent.
    private func receive(from socket: Socket, _ body: (borrowing Frames) throws -> Void) throws {
        if try socket.receive(body) != nil { return }
        let deadline = ContinuousClock.now + Self.patience
        while try socket.receive(body) == nil {
            guard .now < deadline else { throw WrongResult(part: "receive-frame") }
        }
    }
}
