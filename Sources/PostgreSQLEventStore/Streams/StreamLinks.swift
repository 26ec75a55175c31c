internal import EventSourcing

/// The way back through a stream: of every event the positions of two earlier ones of its stream, in its row.
///
/// `previous` is the event just before. `skip` leads further back, so that any version is reached in a number of steps
/// that grows with the logarithm of the stream's length: of a version that is no multiple of ``stride`` to the last
/// multiple before it, a landmark; of the landmark `stride × n` to the landmark `stride × m`, where m is n without its
/// lowest bit that is set.
///
/// An index over stream and version would be changed at a random place by every event.
enum StreamLinks {
    static let stride: UInt64 = 64
}

/// The end of a stream: what an expected version is compared with, and what the links of the next event are made of.
struct StreamEnd: Hashable, Sendable {
    /// The number of events, 0 if the stream does not exist.
    private(set) var version: UInt64 = 0
    /// The id of the last of them.
    private(set) var lastEvent: UniqueID?
    /// The position of the last of them, 0 if there is none.
    private(set) var position: UInt64 = 0
    /// The positions of the last landmark and of those that its skips lead to, oldest first: one for each bit that is set
    /// in its number.
    private(set) var landmarks: [UInt64] = []

    /// The end of a stream without events.
    init() {}

    /// An end from its parts, as the database has them; nil if they do not fit together.
    init?(version: UInt64, lastEvent: UniqueID, position: UInt64, landmarks: [UInt64]) {
        guard version > 0, position > 0, (version / StreamLinks.stride).nonzeroBitCount == landmarks.count,
            landmarks.last ?? 0 <= position, zip(landmarks, landmarks.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        self.version = version
        self.lastEvent = lastEvent
        self.position = position
        self.landmarks = landmarks
    }

    /// Takes the next event in.
    ///
    /// - Returns: its links.
    mutating func append(_ event: UniqueID, at position: UInt64) -> (previous: UInt64, skip: UInt64) {
        let previous = self.position
        version += 1
        lastEvent = event
        self.position = position
        guard version % StreamLinks.stride == 0 else { return (previous, landmarks.last ?? 0) }
        landmarks.removeLast((version / StreamLinks.stride).trailingZeroBitCount)
        let skip = landmarks.last ?? 0
        landmarks.append(position)
        return (previous, skip)
    }
}
