internal import EventSourcing
internal import JSON

/// Something that an auditor wants to see: one line of the audit log.
public struct AuditRecord: Hashable, Sendable {
    /// What happened.
    public enum Event: String, Hashable, Sendable, CaseIterable {
        /// Somebody showed what proves nothing, or nothing.
        case authenticationFailed = "authentication-failed"
        /// Somebody known asked for what is not allowed to it.
        case denied
        /// Somebody asked for too much at once.
        case rateLimited = "rate-limited"
        /// The file of tokens has changed; `names` are the tokens that were added, changed or removed.
        case tokensChanged = "tokens-changed"
        /// The file of the event log's peers has changed; `names` are those that were added, changed or removed.
        case peersChanged = "peers-changed"
        /// The event log refused a peer, or a request of one.
        case peerRefused = "peer-refused"
        /// The certificate of a service has changed.
        case certificateChanged = "certificate-changed"
        /// A key, or a set of keys, has changed.
        case keyChanged = "key-changed"
        /// A file of tokens, peers, keys or a certificate has changed and cannot be used; what was read before stays in force.
        case changeRefused = "change-refused"

        /// Whether strangers can make as many of them as they like.
        var isLimited: Bool {
            switch self {
            case .authenticationFailed, .denied, .rateLimited, .peerRefused: true
            case .tokensChanged, .peersChanged, .certificateChanged, .keyChanged, .changeRefused: false
            }
        }
    }

    /// What happened.
    public var event: Event
    /// Who it was, as far as it was proved.
    public var actor: String?
    /// Where it came from.
    public var address: String?
    /// The method of the request.
    public var method: String?
    /// The path of the request. A query is left out, and so is what looks like a token.
    public var path: String?
    /// Why, without a secret.
    public var reason: String?
    /// The names of what it is about; at most ``maxNames`` are written.
    public var names: [String]

    /// The most names in a line.
    public static let maxNames = 100
    /// The most bytes of any other text in a line.
    public static let maxText = 256

    /// A record from its parts.
    public init(
        _ event: Event, actor: String? = nil, address: String? = nil, method: String? = nil, path: String? = nil,
        reason: String? = nil, names: [String] = []
    ) {
        self.event = event
        self.actor = actor
        self.address = address
        self.method = method
        self.path = path
        self.reason = reason
        self.names = names
    }

    /// The line, with the line feed at its end.
    func line(of service: String, at time: Timestamp) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("time")
        writer.string("\(time)")
        writer.member("service")
        writer.string(service)
        writer.member("event")
        writer.string(event.rawValue)
        let texts = [
            ("actor", actor), ("address", address), ("method", method), ("path", path.map(Self.shown)),
            ("reason", reason),
        ]
        for (name, text) in texts {
            guard let text else { continue }
            writer.member(name: name)
            writer.string(Self.cut(text))
        }
        if !names.isEmpty {
            writer.member("names")
            writer.beginArray()
            for name in names.prefix(Self.maxNames) { writer.string(Self.cut(name)) }
            writer.endArray()
            if names.count > Self.maxNames {
                writer.member("further_names")
                writer.integer(names.count - Self.maxNames)
            }
        }
        writer.endObject()
        writer.endLine()
        return writer.bytes
    }

    /// A path as it may be written: without its query and fragment, and without segments that look like tokens.
    private static func shown(_ path: String) -> String {
        // What is cut off in the end need not be looked at.
        let path = cut(path).prefix { $0 != "?" && $0 != "#" }
        return path.split(separator: "/", omittingEmptySubsequences: false).map { segment in
            looksLikeToken(segment) ? "[left out]" : String(segment)
        }.joined(separator: "/")
    }

    /// Tokens of `daybook token new` begin with `dbk_`, the headers of JSON Web Tokens with `{"`, which is `eyJ` in base64.
    private static func looksLikeToken(_ segment: Substring) -> Bool {
        let text = segment.lowercased()
        if text.contains(TokenText.prefix) || text.contains("bearer%20") || text.contains("bearer+") { return true }
        // At the beginning of a word: account ids may hold these letters, too.
        return segment.split { !$0.isLetter && !$0.isNumber }.contains { $0.hasPrefix("eyJ") }
    }

    /// A text of at most ``maxText`` bytes.
    private static func cut(_ text: String) -> String {
        guard text.utf8.count > maxText else { return text }
        var cut = ""
        var count = 0
        for scalar in text.unicodeScalars {
            count += UTF8.width(scalar)
            guard count <= maxText else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut + "…"
    }
}
