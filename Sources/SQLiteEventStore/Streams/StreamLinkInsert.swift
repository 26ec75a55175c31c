internal import GRDB

/// Adds the links of the events of a batch, many to a row.
struct StreamLinkInsert {
    /// Two rows of so many fill a page.
    private static let mostOfARow = 120

    private let written: StreamLinkReader
    private let row: PreparedStatement
    /// The position of the first that is not written yet.
    private var first: UInt64 = 0
    private var waiting: [StreamLink] = []

    init(_ database: Database) throws {
        written = try StreamLinkReader(database)
        row = try PreparedStatement("INSERT INTO stream_links VALUES (?, ?)", database)
    }

    /// Takes the link of the next event of the log, which follows a stream's end.
    mutating func add(at position: UInt64, onto head: StreamHead) throws {
        let link = StreamLink(previous: head.position, skip: try skip(onto: head))
        if waiting.isEmpty { first = position }
        waiting.append(link)
    }

    /// Writes what was taken.
    mutating func flush() throws {
        var rest = waiting[...]
        while !rest.isEmpty {
            let links = rest.prefix(Self.mostOfARow)
            try row.bind(first + UInt64(links.startIndex), at: 1)
            try withUnsafeTemporaryAllocation(byteCount: links.count * StreamLink.size, alignment: 8) { bytes in
                for (index, link) in links.enumerated() {
                    let offset = index * StreamLink.size
                    bytes.storeBytes(of: link.previous.bigEndian, toByteOffset: offset, as: UInt64.self)
                    bytes.storeBytes(of: link.skip.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
                }
                try row.bind(borrowing: UnsafeRawBufferPointer(bytes), at: 2)
                try row.run()
            }
            rest = rest.dropFirst(links.count)
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// The position that the skip of the event leads to which follows a stream's end; 0: nowhere.
    private func skip(onto head: StreamHead) throws -> UInt64 {
        let version = head.version + 1
        guard version % StreamLinks.stride == 0 else { return head.landmark }
        guard StreamLinks.skip(of: version) > 0 else { return 0 }
        // From the landmark before, whose skips take away, bit by bit, what adding 1 takes away.
        var position = head.landmark
        for _ in 0..<(version / StreamLinks.stride).trailingZeroBitCount {
            position = try link(of: position).skip
        }
        return position
    }

    private func link(of position: UInt64) throws -> StreamLink {
        guard !waiting.isEmpty, position >= first else { return try written.link(of: position) }
        return waiting[Int(position - first)]
    }
}
