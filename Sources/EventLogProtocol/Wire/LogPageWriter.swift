public import EventSourcing

/// Writes the reply to a read of the log as its records come, without making values of them: the same bytes as those of
/// ``LogReply/log(_:)``.
public struct LogPageWriter {
    private var writer: WireWriter
    private var count: UInt32 = 0
    private let number: UInt64
    private let placeOfStatus: Int
    private let placeOfCount: Int

    /// A reply to the request of this number.
    ///
    /// - Parameter status: the log's id and head before its records are read.
    public init(number: UInt64, status: LogStatus) {
        writer = WireWriter(capacity: 4096)
        RequestHead(kind: .readLogReply, number: number, hasEpoch: status.epoch > 0).write(to: &writer)
        self.number = number
        placeOfStatus = writer.bytes.count
        writer.status(status)
        placeOfCount = writer.bytes.count
        writer.integer(count)
        last = status.head.position
    }

    /// The position of the last record added, or of the head where that is newer: the head told must not be before it.
    public private(set) var last: UInt64

    /// Adds the next record.
    public mutating func add(_ record: RecordView) {
        RecordCoding.write(record, to: &writer)
        count += 1
        last = max(last, record.header.position)
    }

    /// The reply.
    ///
    /// - Parameter status: the log's id, head and epoch, if any has changed meanwhile.
    public consuming func frame(status: LogStatus? = nil) -> [UInt8] {
        // What comes last is replaced first: a status with an epoch is longer than one without.
        writer.replace(placeOfCount..<(placeOfCount + MemoryLayout.size(ofValue: count))) { $0.integer(count) }
        if let status {
            writer.replace(placeOfStatus..<placeOfCount) { $0.status(status) }
            writer.replace(0..<RequestHead.size) {
                RequestHead(kind: .readLogReply, number: number, hasEpoch: status.epoch > 0).write(to: &$0)
            }
        }
        return writer.bytes
    }
}
