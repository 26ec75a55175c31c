import EventSourcing

/// A small generator with a seed (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

func record(
    position: UInt64 = 1, stream: StreamID, type: String = "Happened", version: UInt64 = 1, time: Int64 = 1,
    id: UInt64 = 1, metadata: String = "", data: String = "{}", hash: Digest256 = Digest256(0, 0, 0, 0)
) -> RecordedEvent {
    RecordedEvent(
        position: position, stream: stream, streamVersion: version, recordedAt: Timestamp(microseconds: time),
        event: NewEvent(
            id: UniqueID(high: 0, low: id), type: type, schemaVersion: 1, metadata: Array(metadata.utf8),
            data: Array(data.utf8)), hash: hash)
}
