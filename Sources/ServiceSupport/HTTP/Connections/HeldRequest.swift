internal import NIOCore
internal import NIOHTTP1

/// A request that is not let go on yet, with what has come behind its head. No more is read meanwhile, so that is no more
/// than one read brings.
struct HeldRequest {
    /// What comes behind a head.
    enum Rest {
        case part(NIOAny)
        case event(Any)
    }

    let head: HTTPRequestHead
    /// Whether the client waits to be told to send its body.
    let tellsToContinue: Bool
    var rest: [Rest] = []
    /// Whether more is to be read once it goes on.
    var isReadPending = false
}
