internal import EventSourcing
internal import JSON
internal import Operations
internal import ServiceSupport

/// How the streams are told of that this version cannot read on from some record.
enum UnreadableOutput {
    /// A heading's words, such as “1 account has a record that this version cannot apply”.
    static func heading(_ unreadable: UnreadableStreams) -> String {
        (unreadable.count == 1 ? "1 account has" : "\(unreadable.count) accounts have")
            + " a record that this version cannot apply"
    }

    /// A line for each that is named, and one for the rest.
    static func lines(_ unreadable: UnreadableStreams) -> [PrintableText] {
        let rest = unreadable.count - unreadable.named.count
        return unreadable.named.map { "\($0)" } + (rest > 0 ? ["and \(rest) more"] : [])
    }

    /// An array with an object for each that is named.
    static func json(_ unreadable: UnreadableStreams) -> JSONValue {
        .array(
            unreadable.named.map { error in
                .object([
                    JSONValue.Member(name: "stream", value: .string("\(error.stream)")),
                    JSONValue.Member(name: "position", value: JSONOutput.number(error.position)),
                    JSONValue.Member(name: "version", value: JSONOutput.number(error.streamVersion)),
                    JSONValue.Member(name: "reason", value: .string(error.reason)),
                ])
            })
    }
}
