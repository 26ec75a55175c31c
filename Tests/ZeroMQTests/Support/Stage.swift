import Synchronization
import Testing
import ZeroMQ

/// What one test plays on: a share in the context, and loops that are closed when the test ends.
final class Stage: Sendable {
    let context: Context
    private let loops = Mutex<[SocketLoop]>([])

    init() throws { context = try Context() }

    func loop(_ name: String = "test") throws -> SocketLoop {
        let loop = try SocketLoop(name: name, context: context)
        loops.withLock { $0.append(loop) }
        return loop
    }

    /// A peer with a socket, on a loop of its own where none is given.
    func peer(
        _ role: SocketRole, _ options: SocketOptions = SocketOptions(), _ behaviour: Peer.Behaviour = .collect,
        on loop: SocketLoop? = nil, isWatched: Bool = false
    ) async throws -> Peer {
        let peer = Peer(on: try loop ?? self.loop("\(role)"), behaviour)
        try await peer.open(role, options, isWatched: isWatched)
        return peer
    }

    func close() async {
        for loop in loops.withLock({ $0 }) { await loop.close() }
        #expect(await context.close(timeLimit: .seconds(5)))
    }
}

/// Runs a test on a stage and clears it away, whatever happens.
func onStage(_ body: (Stage) async throws -> Void) async throws {
    let stage = try Stage()
    do {
        try await body(stage)
    } catch {
        await stage.close()
        throw error
    }
    await stage.close()
}

/// A message of one frame: a prefix and a number, filled up to `size` bytes.
func numbered(_ number: Int, _ prefix: String = "", size: Int = 0) -> Message {
    var bytes = Array("\(prefix)\(number)".utf8)
    if bytes.count < size { bytes += [UInt8](repeating: 0x20, count: size - bytes.count) }
    return [bytes]
}

/// The number that ``numbered(_:_:size:)`` wrote.
func number(in frame: [UInt8], after prefix: String = "") -> Int? {
    Int(String(decoding: frame.dropFirst(prefix.utf8.count).prefix { $0 != 0x20 }, as: UTF8.self))
}

/// Options with queues that no test fills.
var roomy: SocketOptions {
    var options = SocketOptions()
    options.sendQueue = 0
    options.receiveQueue = 0
    return options
}
