internal import HTTPTypes
internal import JSON
internal import NIOCore
internal import ServiceSupport

/// What the log keeps with a command key: how the command was answered.
///
/// `0`: it was obeyed; what it recorded tells the rest. `1 STATUS BODY`: it was refused, with the status in two bytes,
/// big-endian, and the problem's very bytes.
enum RecordedAnswer: Hashable, Sendable {
    case obeyed
    case refused(status: Int, body: [UInt8])

    init(_ problem: Problem) {
        self = .refused(status: problem.status.code, body: problem.body)
    }

    /// Reads it back; nil for bytes that ``encoded`` never makes.
    init?(_ bytes: [UInt8]) {
        switch bytes.first {
        case 0 where bytes.count == 1: self = .obeyed
        case 1 where bytes.count > 3:
            self = .refused(status: Int(bytes[1]) << 8 | Int(bytes[2]), body: Array(bytes[3...]))
        default: return nil
        }
    }

    var encoded: [UInt8] {
        switch self {
        case .obeyed: [0]
        case .refused(let status, let body): [1, UInt8(status >> 8), UInt8(status & 0xFF)] + body
        }
    }
}
