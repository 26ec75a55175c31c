internal import JSON
public import ZeroMQ

/// A peer that the log knows.
public struct LogPeer: Hashable, Sendable {
    /// Its name: 1 to 64 letters, digits, dots, underscores and hyphens.
    public let name: String
    /// What it may do.
    public let role: PeerRole
    /// The key by which it is known.
    public let key: CurvePublicKey

    /// A peer; nil if the name is none.
    public init?(name: String, role: PeerRole, key: CurvePublicKey) {
        guard Self.isName(name) else { return nil }
        self.name = name
        self.role = role
        self.key = key
    }

    /// What a name is.
    public static let nameRule =
        "a name has 1 to 64 letters, digits, dots, underscores and hyphens, and does not begin with a hyphen"

    /// Whether a peer can have a name. Only characters that need no quotes anywhere: it stands in logs and command lines.
    public static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { character in
                switch character {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            } && !text.hasPrefix("-")
    }
}

/// The peers that the log knows: no two with the same name or key.
///
/// Its text has one JSON object a line, `{"name":"gateway-1","role":"append","key":"<public, Z85>"}`; empty lines are
/// passed over.
public struct PeerTable: Hashable, Sendable {
    /// The most bytes of the text.
    public static let maxBytes = 1 << 20
    /// The most peers.
    public static let maxPeers = 4096

    private var byKey: [CurvePublicKey: LogPeer] = [:]
    private var keys: [String: CurvePublicKey] = [:]

    /// A table of nobody.
    public init() {}

    /// Reads a text.
    ///
    /// - Throws: ``PeerTableError`` for the first line that is not right.
    public init(_ text: [UInt8]) throws(PeerTableError) {
        guard text.count <= Self.maxBytes else {
            throw PeerTableError(line: nil, problem: "there are more than \(Self.maxBytes) bytes")
        }
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
            do throws(Problem) {
                try add(Self.peer(Array(line)))
            } catch {
                throw PeerTableError(line: index + 1, problem: error.reason)
            }
        }
    }

    /// How many peers there are.
    public var count: Int { byKey.count }

    /// The peers in the order of their names.
    public var peers: [LogPeer] { byKey.values.sorted { $0.name < $1.name } }

    /// The peer with a key.
    public subscript(key: CurvePublicKey) -> LogPeer? { byKey[key] }

    /// The peer with a name.
    public subscript(name name: String) -> LogPeer? { keys[name].flatMap { byKey[$0] } }

    /// The keys of all peers that may use a socket.
    func keys(for socket: LogSocket) -> Set<CurvePublicKey> {
        Set(byKey.values.lazy.filter { $0.role.mayUse(socket) }.map(\.key))
    }

    /// The text, from which the same table is read; the peers in the order of their names.
    public var text: [UInt8] {
        var writer = JSONWriter()
        for peer in peers {
            writer.beginObject()
            writer.member("name")
            writer.string(peer.name)
            writer.member("role")
            writer.string(peer.role.rawValue)
            writer.member("key")
            writer.string(peer.key.description)
            writer.endObject()
            writer.endLine()
        }
        return writer.bytes
    }

    /// Adds a peer, or changes the role of one that is there with the same key.
    ///
    /// - Throws: ``PeerTableError`` if there is another one with its name or its key, or too many.
    public mutating func allow(_ peer: LogPeer) throws(PeerTableError) {
        var others = self
        if self[name: peer.name]?.key == peer.key { others.revoke(peer.name) }
        do throws(Problem) {
            try others.add(peer)
        } catch {
            throw PeerTableError(line: nil, problem: error.reason)
        }
        self = others
    }

    /// Removes the peer with a name, and returns it; nil if there is none.
    @discardableResult
    public mutating func revoke(_ name: String) -> LogPeer? {
        guard let key = keys.removeValue(forKey: name) else { return nil }
        return byKey.removeValue(forKey: key)
    }

    private struct Problem: Error {
        let reason: String
    }

    private static func peer(_ line: [UInt8]) throws(Problem) -> LogPeer {
        var (name, role, key) = (String?.none, PeerRole?.none, CurvePublicKey?.none)
        var isOther = false
        do throws(JSONError) {
            var reader = JSONReader(line, maximumDepth: 1)
            try reader.readObject { member, reader throws(JSONError) in
                switch member {
                case "name": name = try reader.readString()
                case "role": role = PeerRole(rawValue: try reader.readString())
                case "key": key = CurvePublicKey(try reader.readString())
                default: isOther = true
                }
            }
            try reader.finish()
        } catch {
            throw Problem(reason: "\(error)")
        }
        guard !isOther, let name else { throw Problem(reason: "a peer has a name, a role and a key, and nothing else") }
        guard let role else { throw Problem(reason: "a role is read, append or operate") }
        guard let key else { throw Problem(reason: "a key is a public one, of 40 characters of Z85") }
        guard let peer = LogPeer(name: name, role: role, key: key) else {
            throw Problem(reason: LogPeer.nameRule)
        }
        return peer
    }

    private mutating func add(_ peer: LogPeer) throws(Problem) {
        guard keys[peer.name] == nil else { throw Problem(reason: "there is another peer named \(peer.name)") }
        guard byKey[peer.key] == nil else { throw Problem(reason: "there is another peer with the same key") }
        guard count < Self.maxPeers else { throw Problem(reason: "there are more than \(Self.maxPeers) peers") }
        byKey[peer.key] = peer
        keys[peer.name] = peer.key
    }
}

/// What is wrong with the text of a table of peers.
public struct PeerTableError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line, from 1; nil if it is the whole text.
    public let line: Int?
    /// What is wrong with it.
    public let problem: String

    /// The line and the problem.
    public var description: String { line.map { "line \($0): \(problem)" } ?? problem }
}
