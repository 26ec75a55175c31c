import ZeroMQ

@testable import EventLogService

/// The file that names the log's peers.
private let trials: [Trial] = [table, changes]

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPeers(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(trials, start, count) }

private func table(_ input: [UInt8]) {
    do throws(PeerTableError) {
        let table = try PeerTable(input)
        check(table.count <= PeerTable.maxPeers, "there is a limit to peers")
        check(value { try PeerTable(table.text) } == table, "a table is read as it was written")
        check(Set(table.peers.map(\.key)).count == table.count, "no two peers have the same key")
        check(Set(table.peers.map(\.name)).count == table.count, "no two peers have the same name")
        for peer in table.peers {
            check(LogPeer.isName(peer.name), "a peer has a name")
            check(table[peer.key] == peer && table[name: peer.name] == peer, "a peer is found")
            check(
                LogSocket.allCases.allSatisfy { table.keys(for: $0).contains(peer.key) == peer.role.mayUse($0) },
                "a peer reaches what its role does")
        }
    } catch {
        let lines = input.count { $0 == 0x0A } + 1
        check(error.line.map { (1...lines).contains($0) } ?? (input.count > PeerTable.maxBytes), "a line is named")
        _ = "\(error)".utf8.count
    }
}

/// Peers that are allowed and revoked, one after another.
private func changes(_ input: [UInt8]) {
    var source = Source(input)
    var table = PeerTable()
    // More steps tell nothing more, and each reads the table again.
    for _ in 0..<64 where !source.isEmpty {
        let (what, number, other) = (source.byte(), source.byte() % 8, source.byte() % 8)
        guard let key = CurvePublicKey(bytes: [UInt8](repeating: other, count: 32)),
            let peer = LogPeer(name: "p\(number)", role: PeerRole.allCases[Int(what) % 3], key: key)
        else { return check(false, "these are peers") }
        let before = table
        if what < 128 {
            if value({ try table.allow(peer) }) != nil {
                check(table[name: peer.name] == peer && table[key] == peer, "who was allowed is a peer")
                check(table.count - before.count == (before[name: peer.name] == nil ? 1 : 0), "and nobody else")
            } else {
                check(table == before, "what is refused changes nothing")
            }
        } else if table.revoke(peer.name) != nil {
            check(table[name: peer.name] == nil && table.count == before.count - 1, "who was revoked is no peer")
        } else {
            check(table == before, "nobody was revoked")
        }
        check(value { try PeerTable(table.text) } == table, "a table is read as it was written")
    }
}
