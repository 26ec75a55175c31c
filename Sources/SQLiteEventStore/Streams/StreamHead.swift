internal import EventSourcing

/// The end of a stream: what an expected version is compared with, and where the way back through the stream begins.
struct StreamHead: Hashable {
    /// The number of events, 0 where the stream does not exist.
    var version: UInt64 = 0
    /// The id of the last of them.
    var lastEvent: UniqueID?
    /// The position of the last of them, 0 where there is none.
    var position: UInt64 = 0
    /// The position of the last of them whose version is a multiple of ``StreamLinks/stride``, 0 where there is none.
    var landmark: UInt64 = 0

    /// The end of the stream once an event has followed.
    func followed(by event: UniqueID, at position: UInt64) -> StreamHead {
        let version = self.version + 1
        return StreamHead(
            version: version, lastEvent: event, position: position,
            landmark: version % StreamLinks.stride == 0 ? position : landmark)
    }
}
