internal import HTTPTypes
internal import JSON
internal import ServiceSupport

/// What the log keeps with a command key: how the command was answered.
///
/// `0`: it was obeyed; what it recorded tells the rest. `1 STATUS BODY`: it was refused, with the status in two bytes,
/// big-endian, and the problem's very bytes.
public enum RecordedAnswer: Hashable, Sendable {
    case obeyed
    case refused(status: Int, body: [UInt8])

    init(_ problem: Problem) {
        self = .refused(status: problem.status.code, body: problem.body)
    }

    /// Reads it back; nil for bytes that ``encoded`` never makes: the status of a refusal is one of an error, and its body
    /// one line that holds a JSON object.
    public init?(_ bytes: [UInt8]) {
        switch bytes.first {
        case 0 where bytes.count == 1: self = .obeyed
        case 1 where bytes.count > 3:
            let (code, body) = (Int(bytes[1]) << 8 | Int(bytes[2]), Array(bytes[3...]))
            // Any peer that may append can leave anything with a key. A status of more than three digits is a trap.
            guard 400...599 ~= code, !body.contains(where: { $0 < 0x20 }), Self.isObject(body) else { return nil }
            self = .refused(status: code, body: body)
        default: return nil
        }
    }

    private static func isObject(_ body: [UInt8]) -> Bool {
        do {
            try JSONReader.validate(body, requireObject: true)
            return true
        } catch {
            return false
        }
    }

    /// The bytes that the log keeps.
    public var encoded: [UInt8] {
        switch self {
        case .obeyed: [0]
        case .refused(let status, let body): [1, UInt8(status >> 8), UInt8(status & 0xFF)] + body
        }
    }
}
