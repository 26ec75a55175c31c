/// Messages in memory in place of those of libzmq.
public struct Frames: ~Copyable {
    private let frames: [[UInt8]]

    /// A message of these frames.
    public init(_ frames: [[UInt8]]) { self.frames = frames }

    /// The number of frames.
    public var count: Int { frames.count }

    /// Lends the bytes of one frame.
    public func withBytes<Result, Failure: Error>(
        of index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The memory must outlive the call, as libzmq's does: the caller holds the frames.
        try body(frames[index].withUnsafeBytes { $0 })
    }

    /// A copy of one frame.
    public func copy(_ index: Int) -> [UInt8] { frames[index] }
}

/// A socket that keeps the frames that are sent on it.
public final class Socket {
    /// What became of a frame.
    public enum SendResult {
        /// It is on its way.
        case sent
    }

    /// What was sent.
    public private(set) var frames: [[UInt8]] = []

    /// A socket on which nothing was sent yet.
    public init() {}

    /// Sends one frame that `fill` writes.
    public func sendFrame(
        byteCount: Int, more: Bool, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(ZeroMQError) -> SendResult {
        var frame = [UInt8](repeating: 0, count: byteCount)
        frame.withUnsafeMutableBytes { fill($0) }
        frames.append(frame)
        return .sent
    }
}

/// Is never thrown.
public struct ZeroMQError: Error {}
