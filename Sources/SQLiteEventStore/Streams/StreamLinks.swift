internal import EventSourcing
internal import GRDB

/// The way back through a stream: of every event the positions of two earlier ones of its stream.
///
/// An index over stream and version would be changed at a random place by every event, which costs several times as much
/// as the event itself and more as the log grows. Rows of `stream_links` are only ever added at the end: one for the
/// events of a batch, or some rows, under the position of the first; for each event 16 bytes, the two positions, big-endian.
///
/// `previous` is the event just before. `skip` leads further back, so that any version is reached in a number of steps
/// that grows with the square of the length's logarithm: of a version that is no multiple of ``stride`` to the last
/// multiple before it; of `stride × n` to `stride × m`, where m is n without its lowest bit that is set.
enum StreamLinks {
    static let stride: UInt64 = 64

    /// The version that the skip of a version leads to; 0: nowhere.
    static func skip(of version: UInt64) -> UInt64 {
        let count = version / stride
        return version % stride == 0 ? (count & (count &- 1)) * stride : count * stride
    }

    /// The newest landmark of a stream that ends with a version at a position.
    static func landmark(at position: UInt64, version: UInt64, _ database: Database) throws -> UInt64 {
        if version < stride { return 0 }
        return version % stride == 0 ? position : try StreamLinkReader(database).link(of: position).skip
    }

    /// The position of an event of a stream, found from the stream's end.
    ///
    /// - Precondition: the stream has the version.
    static func position(of version: UInt64, from head: StreamHead, _ database: Database) throws -> UInt64 {
        try walk(from: head, database) { skip, _ in
            skip >= version
        } until: { found, _ in
            found == version
        }.position
    }

    /// The last event of a stream for which a condition holds that holds for all before it, too.
    ///
    /// - Returns: its version and position; 0 and 0 where the condition holds for none.
    static func last(
        from head: StreamHead, _ database: Database, where condition: (_ position: UInt64) throws -> Bool
    ) throws -> (version: UInt64, position: UInt64) {
        try walk(from: head, database) { _, position in
            try !condition(position)
        } until: { version, position in
            try version == 0 || condition(position)
        }
    }

    /// The positions of a stream's events from a version to another one, in order.
    static func positions(
        of versions: ClosedRange<UInt64>, from head: StreamHead, _ database: Database
    ) throws -> [UInt64] {
        var position = try position(of: versions.upperBound, from: head, database)
        var positions = [position]
        positions.reserveCapacity(versions.count)
        let links = try StreamLinkReader(database)
        for _ in versions.dropFirst() {
            position = try links.link(of: position).previous
            positions.append(position)
        }
        return positions.reversed()
    }

    private static func walk(
        from head: StreamHead, _ database: Database,
        skipping maySkip: (_ version: UInt64, _ position: UInt64) throws -> Bool,
        until isFound: (_ version: UInt64, _ position: UInt64) throws -> Bool
    ) throws -> (version: UInt64, position: UInt64) {
        let links = try StreamLinkReader(database)
        var (version, position) = (head.version, head.position)
        while try !isFound(version, position) {
            let link = try links.link(of: position)
            let skip = skip(of: version)
            if try skip > 0 && maySkip(skip, link.skip) {
                (version, position) = (skip, link.skip)
            } else {
                (version, position) = (version - 1, link.previous)
            }
        }
        return (version, position)
    }
}
