public import Hummingbird
public import JSON

/// A form in which an answer can be given, chosen by the request's `Accept`.
///
/// Every kind of answer comes with amounts as numbers or, with the parameter `amounts=string`, as strings. If `Accept`
/// allows none of the forms, the answer comes in the first one, as RFC 9110, section 12.4.1, allows: a reader that can't
/// use it sees that in `Content-Type`, and a command must not fail for how its answer is read.
public struct Representation: Hashable, Sendable {
    /// What kind of answer it is.
    public enum Kind: String, Hashable, Sendable {
        /// One JSON document.
        case json = "application/json"
        /// A JSON document a line.
        case lines = "application/x-ndjson"
        /// Server-sent events.
        case eventStream = "text/event-stream"
        /// Text for people.
        case text = "text/plain"
        /// Values separated by commas, with a header row (RFC 4180). They are text in whichever form amounts are wanted.
        case csv = "text/csv"
    }

    /// What kind of answer it is.
    public let kind: Kind
    /// How it writes amounts.
    public let amounts: DecimalForm

    /// A form of an answer.
    public init(_ kind: Kind, amounts: DecimalForm = .number) {
        self.kind = kind
        self.amounts = amounts
    }

    /// The form that an `Accept` field asks for, among those of the kinds that there are; the first kind is the default.
    ///
    /// - Precondition: there is a kind.
    public init(acceptedBy accept: String?, among kinds: [Kind]) {
        self.init(kinds[0])
        // Nearly always nothing is left to choose.
        guard let accept, accept != "*/*", accept != kinds[0].rawValue,
            kinds.count > 1 || accept.utf8.contains(UInt8(ascii: ";"))
        else { return }
        let offers = kinds.flatMap { kind in [DecimalForm.number, .string].map { Representation(kind, amounts: $0) } }
        let types = offers.map(\.offer)
        guard let best = Accept(accept).best(of: types), let index = types.firstIndex(of: best) else { return }
        self = offers[index]
    }

    /// The value of `Content-Type`.
    public var mediaType: String {
        switch (kind, amounts) {
        case (.text, _): "text/plain;charset=utf-8"
        case (.csv, _): "text/csv;charset=utf-8;header=present"
        case (_, .number): kind.rawValue
        case (_, .string): "\(kind.rawValue);amounts=string"
        }
    }

    private var offer: MediaType {
        var parameters: [MediaType.Parameter] = []
        if amounts == .string { parameters.append(MediaType.Parameter(name: "amounts", value: "string")) }
        if kind == .csv {
            parameters += [("charset", "utf-8"), ("header", "present")].map(MediaType.Parameter.init)
        }
        return MediaType(essence: kind.rawValue, parameters: parameters)
    }
}

extension Request {
    /// The form in which the answer is wanted; the first kind is the default.
    public func representation(among kinds: Representation.Kind...) -> Representation {
        Representation(acceptedBy: headers[.accept], among: kinds)
    }
}
