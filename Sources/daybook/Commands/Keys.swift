internal import ArgumentParser
internal import EventLogProtocol
internal import EventLogService
internal import Glibc
internal import JSON
internal import SecureFiles
internal import ServiceSupport
internal import ZeroMQ

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The keys of the event log's peers (CURVE): makes pairs, and says who may do what.",
        discussion: """
            A secret key stays in the file that is made for it, and is never shown; the public key is printed. The log's own \
            pair is made the same way.

            Examples:
              daybook keys new event-log --out keys/event-log.key
              daybook keys new gateway-1 --out keys/gateway-1.key
              daybook keys allow gateway-1 --role append --key 'PUBLIC KEY' --peers keys/peers
              daybook keys revoke gateway-1 --peers keys/peers
            """,
        subcommands: [NewKey.self, AllowKey.self, RevokeKey.self, ListKeys.self])
}

/// Where the peers are named.
struct PeersOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The file of peers; else the setting EVENT_LOG_PEERS.", valueName: "file"))
    var peers: String?

    func path() async throws -> String {
        if let peers { return peers }
        guard let path = try await Settings([]).logPeers else {
            throw ValidationError("there is no file of peers: give --peers, or set EVENT_LOG_PEERS")
        }
        return path
    }
}

struct NewKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Makes a pair of keys: the secret one in a new file, the public one printed.",
        usage: "daybook keys new NAME --out FILE")

    @Argument(help: "Whose keys they are.") var name: String
    @Option(help: ArgumentHelp("The new file for the secret key, for its owner alone.", valueName: "file"))
    var out: String
    @Flag(help: "As a JSON object.") var json = false

    func validate() throws { try requireName(name) }

    func run() async throws {
        let key: CurveSecretKey
        do throws(ZeroMQError) {
            key = try Self.pair()
        } catch {
            Terminal.tell("daybook: \(error)")
            throw ExitCode(EX_SOFTWARE)
        }
        let isMade: Bool
        do throws(SecureFileError) {
            isMade = try CurveKeyFile.make(out, with: key)
        } catch {
            Terminal.tell("daybook: \(error)")
            throw ExitCode(EX_CANTCREAT)
        }
        guard isMade else {
            Terminal.tell("daybook: there is a file \(out) already: a key is never overwritten")
            throw ExitCode(EX_CANTCREAT)
        }
        if json {
            JSONOutput.line([
                "name": .string(name), "file": .string(out), "key": .string(key.publicKey.description),
            ])
        } else {
            Terminal.line("\(key.publicKey.description)")
        }
    }
}

extension NewKey {
    /// A pair whose public key does not begin like an option, for programs that would take it for one.
    private static func pair() throws(ZeroMQError) -> CurveSecretKey {
        while true {
            let key = try CurveSecretKey.generate()
            if !key.publicKey.description.hasPrefix("-") { return key }
        }
    }
}

struct AllowKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow", abstract: "Lets a peer in, or changes its role.",
        usage: "daybook keys allow NAME --role append|read|operate --key KEY [--peers FILE]",
        discussion: """
            read      the events and read sockets: query services, subscribers
            append    these, and the append socket: gateways
            operate   the same, without keeping snapshots: the operator's daybook

            To roll a key, allow the new one under another name, then revoke the old one.
            """)

    @Argument(help: "The peer's name, unique in the file.") var name: String
    @Option(
        help: "What it may do.",
        transform: { text in
            guard let role = PeerRole(rawValue: text) else { throw ValidationError("expected read, append or operate") }
            return role
        })
    var role: PeerRole
    // A key may begin with a hyphen.
    @Option(parsing: .unconditional, help: "Its public key.") var key: String
    @OptionGroup var peers: PeersOptions

    func validate() throws {
        try requireName(name)
        guard CurvePublicKey(key) != nil else {
            // It may be a secret key by mistake: it is not shown.
            throw ValidationError("--key is no public key, which has 40 characters of Z85 (quote it for the shell)")
        }
    }

    func run() async throws {
        guard let key = CurvePublicKey(key), let peer = LogPeer(name: name, role: role, key: key) else { return }
        try PeersFileEdit.change(try await peers.path(), make: true) { table in
            do throws(PeerTableError) {
                try table.allow(peer)
            } catch {
                Terminal.tell("daybook: \(error)")
                throw ExitCode.failure
            }
        }
    }
}

struct RevokeKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Shuts a peer out: its next request is refused, its subscription ended.",
        usage: "daybook keys revoke NAME [--peers FILE]")

    @Argument(help: "The peer's name.") var name: String
    @OptionGroup var peers: PeersOptions

    func run() async throws {
        let path = try await peers.path()
        try PeersFileEdit.change(path, make: false) { table in
            guard table.revoke(name) != nil else {
                Terminal.tell("daybook: there is no peer \(name) in \(path)")
                throw ExitCode.failure
            }
        }
    }
}

struct ListKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The peers, their roles and public keys.",
        usage: "daybook keys list [--peers FILE]")

    @OptionGroup var peers: PeersOptions
    @Flag(help: "One JSON object a peer.") var json = false

    func run() async throws {
        let table = try PeersFileEdit.read(try await peers.path())
        var shown = Table(("NAME", .left), ("ROLE", .left), ("KEY", .left))
        for peer in table.peers {
            if json {
                JSONOutput.line([
                    "name": .string(peer.name), "role": .string(peer.role.rawValue),
                    "key": .string(peer.key.description),
                ])
            } else {
                shown.add((peer.name, .bold), (peer.role.rawValue, nil), (peer.key.description, nil))
            }
        }
        if !json { shown.print() }
    }
}

private func requireName(_ name: String) throws {
    guard LogPeer.isName(name) else { throw ValidationError(LogPeer.nameRule) }
}
