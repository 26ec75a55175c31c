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
            stream: stream, version: try integer(), lastEvent: try uniqueID(),
            createdAt: Timestamp(microseconds: try integer()), updatedAt: Timestamp(microseconds: try integer()),
            fingerprint: try digest(), state: try long())
        guard snapshot.version > 0, snapshot.state.count <= Snapshot.longestState else {
            throw MalformedFrame("a snapshot is of version 0 or too long")
        }
        return snapshot
    }
}
