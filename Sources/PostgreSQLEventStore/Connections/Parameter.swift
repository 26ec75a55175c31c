internal import EventSourcing

/// A value that is sent beside a statement, in the binary form of its type.
struct Parameter {
    /// Its type.
    let type: ServerType
    /// Its bytes.
    let bytes: [UInt8]

    private init(_ type: ServerType, _ bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }

    /// A whole number.
    static func integer(_ value: Int64) -> Parameter { Parameter(.int8, value.bigEndianBytes) }

    /// A position or a version; those beyond the server's largest number, which no row has, as that number.
    static func ordinal(_ value: UInt64) -> Parameter { .integer(Int64(clamping: value)) }

    /// A whole number of 32 bits.
    static func smallInteger(_ value: Int32) -> Parameter { Parameter(.int4, value.bigEndianBytes) }

    /// A truth value.
    static func bool(_ value: Bool) -> Parameter { Parameter(.bool, [value ? 1 : 0]) }

    /// A text.
    static func text(_ text: String) -> Parameter { Parameter(.text, Array(text.utf8)) }

    /// Bytes.
    static func bytes(_ bytes: [UInt8]) -> Parameter { Parameter(.bytea, bytes) }

    /// An id.
    static func id(_ id: UniqueID) -> Parameter { Parameter(.uuid, id.bytes) }

    /// A time.
    static func time(_ time: Timestamp) -> Parameter { Parameter(.timestamptz, time.sinceServerEpoch.bigEndianBytes) }

    /// An array.
    static func array(_ array: ArrayParameter) -> Parameter { Parameter(array.type, array.encoded) }
}

/// An array of one dimension on its way to a parameter.
struct ArrayParameter {
    /// The type of the array.
    let type: ServerType
    private let element: ServerType
    private var elements: [UInt8] = []
    private var count: Int32 = 0
    private var hasNull = false

    /// An empty array of a type and that of its elements.
    private init(_ type: ServerType, of element: ServerType) {
        self.type = type
        self.element = element
    }

    static func bools() -> ArrayParameter { ArrayParameter(.boolArray, of: .bool) }
    static func integers() -> ArrayParameter { ArrayParameter(.int8Array, of: .int8) }
    static func smallIntegers() -> ArrayParameter { ArrayParameter(.int4Array, of: .int4) }
    static func texts() -> ArrayParameter { ArrayParameter(.textArray, of: .text) }
    static func bytes() -> ArrayParameter { ArrayParameter(.byteaArray, of: .bytea) }
    static func ids() -> ArrayParameter { ArrayParameter(.uuidArray, of: .uuid) }
    static func times() -> ArrayParameter { ArrayParameter(.timestamptzArray, of: .timestamptz) }

    mutating func append(_ value: Bool) { append(CollectionOfOne(value ? 1 : 0)) }

    mutating func append(_ value: some FixedWidthInteger) {
        count += 1
        put(Int32(MemoryLayout.size(ofValue: value)))
        put(value)
    }

    /// A position or a version, which is at most ``RecordedEvent/maxOrdinal``.
    mutating func append(ordinal: UInt64) { append(Int64(clamping: ordinal)) }

    mutating func append(_ value: some Collection<UInt8>) {
        count += 1
        put(Int32(clamping: value.count))
        elements.append(contentsOf: value)
    }

    mutating func append(_ id: UniqueID) {
        count += 1
        put(16 as Int32)
        put(id.high)
        put(id.low)
    }

    mutating func append(_ digest: Digest256) {
        count += 1
        put(32 as Int32)
        put(digest.words.0)
        put(digest.words.1)
        put(digest.words.2)
        put(digest.words.3)
    }

    mutating func append(_ time: Timestamp) { append(time.sinceServerEpoch) }

    mutating func appendNull() {
        count += 1
        hasNull = true
        put(-1 as Int32)
    }

    /// https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c, `array_recv`:
    /// dimensions, whether there is a NULL, the type of the elements; of each dimension its length and first index.
    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(elements.count + 20)
        for word in count == 0 ? [0, 0] : [1, hasNull ? 1 : 0 as Int32] { bytes += word.bigEndianBytes }
        bytes += element.rawValue.bigEndianBytes
        if count > 0 { bytes += count.bigEndianBytes + (1 as Int32).bigEndianBytes }
        bytes += elements
        return bytes
    }

    private mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { elements.append(contentsOf: $0) }
    }
}

extension Timestamp {
    /// 2000-01-01T00:00:00Z, from which the server counts, in microseconds since 1970-01-01T00:00:00Z.
    private static let serverEpoch: Int64 = 946_684_800_000_000

    /// Microseconds since 2000-01-01T00:00:00Z: within range for every moment of the years 0000 to 9999.
    var sinceServerEpoch: Int64 { microseconds - Self.serverEpoch }

    /// A moment from the server's count; nil if no moment has it, as `infinity` has none.
    init?(sinceServerEpoch count: Int64) {
        let (microseconds, overflow) = count.addingReportingOverflow(Self.serverEpoch)
        guard !overflow else { return nil }
        self.init(exactMicroseconds: microseconds)
    }
}

extension UniqueID {
    /// The 16 bytes.
    var bytes: [UInt8] { high.bigEndianBytes + low.bigEndianBytes }
}

extension FixedWidthInteger {
    fileprivate var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
