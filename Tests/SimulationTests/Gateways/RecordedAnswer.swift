/// What the log keeps with a key: how the command was answered.
enum RecordedAnswer {
    case obeyed
    case refused(Counter.Refusal)

    var encoded: [UInt8] {
        switch self {
        case .obeyed: []
        case .refused(.short(let holds, let asked)): Array("\(holds) \(asked)".utf8)
        }
    }

    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else {
            self = .obeyed
            return
        }
        let numbers = String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
        guard numbers.count == 2 else { return nil }
        self = .refused(.short(holds: numbers[0], asked: numbers[1]))
    }
}
