internal import EventSourcing

extension WireWriter {
    /// A snapshot without its stream.
    mutating func snapshot(_ snapshot: Snapshot) {
        integer(snapshot.version)
        uniqueID(snapshot.lastEvent)
        integer(snapshot.createdAt.microseconds)
        integer(snapshot.updatedAt.microseconds)
        digest(snapshot.fingerprint)
        long(snapshot.state)
    }
}

extension WireReader {
    /// A snapshot of a stream.
    mutating func snapshot(of stream: StreamID) throws(MalformedFrame) -> Snapshot {
        let snapshot = Snapshot(
            stream: stream, version: try ordinal(from: 1), lastEvent: try uniqueID(), createdAt: try timestamp(),
            updatedAt: try timestamp(), fingerprint: try digest(), state: try long())
        guard snapshot.state.count <= Snapshot.longestState else { throw MalformedFrame("a snapshot is too long") }
        return snapshot
    }
}
