import Testing
import ZeroMQ

@testable import EventLogService

@Suite("The table of the log's peers") struct PeerTableTests {
    private static let keys = [
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
        "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
    ]

    private func line(_ name: String, _ role: String, _ key: String) -> String {
        #"{"name":"\#(name)","role":"\#(role)","key":"\#(key)"}"#
    }

    private func table(_ text: String) throws -> PeerTable { try PeerTable(Array(text.utf8)) }

    private func key(_ index: Int) throws -> CurvePublicKey { try #require(CurvePublicKey(Self.keys[index])) }

    @Test func `each line names a peer, and empty lines none`() throws {
        let text = "\n" + line("gateway-1", "append", Self.keys[0]) + "\r\n \n" + line("q.2", "read", Self.keys[1])
        let table = try table(text)
        #expect(table.count == 2)
        #expect(table[try key(0)] == LogPeer(name: "gateway-1", role: .append, key: try key(0)))
        #expect(table[name: "q.2"]?.role == .read)
        #expect(table[try key(2)] == nil && table[name: "x"] == nil)
        #expect(table.peers.map(\.name) == ["gateway-1", "q.2"])
        #expect(try PeerTable(table.text) == table)
        #expect(try PeerTable([]).count == 0)
    }

    @Test(arguments: [
        #"{"name":"a","role":"read"}"#, #"{"name":"a","key":"K0"}"#, #"{"role":"read","key":"K0"}"#,
        #"{"name":"a","role":"admin","key":"K0"}"#, #"{"name":"a","role":"Read","key":"K0"}"#,
        #"{"name":"a","role":"read","key":"K0","x":1}"#, #"{"name":"a","name":"a","role":"read","key":"K0"}"#,
        #"{"name":"a","role":"read","key":"short"}"#, #"{"name":"","role":"read","key":"K0"}"#,
        #"{"name":"-a","role":"read","key":"K0"}"#, #"{"name":"a b","role":"read","key":"K0"}"#,
        #"{"name":"ä","role":"read","key":"K0"}"#, #"{"name":7,"role":"read","key":"K0"}"#,
        #"{"name":"a","role":"read","key":"K0"} x"#, #"{"name":"a","role":"read","key":"K0"},"#,
        #"["name"]"#, "# gateways", #"{"name":{"a":1},"role":"read","key":"K0"}"#,
        // The name, and the key, of the line before.
        #"{"name":"first","role":"read","key":"K0"}"#, #"{"name":"a","role":"read","key":"K1"}"#,
    ])
    func `a line that is not right is named, and nothing is taken`(_ wrong: String) throws {
        let wrong = wrong.replacing("K0", with: Self.keys[0]).replacing("K1", with: Self.keys[1])
        let error = #expect(throws: PeerTableError.self) {
            try table(line("first", "read", Self.keys[1]) + "\n\n" + wrong)
        }
        #expect(error?.line == 3)
        #expect(error?.problem.contains(Self.keys[0]) == false, "no key is shown: it may be a secret one by mistake")
    }

    @Test func `a text has limits`() throws {
        let blank = [UInt8](repeating: 0x0A, count: PeerTable.maxBytes)
        #expect(try PeerTable(blank).count == 0)
        #expect(throws: PeerTableError.self) { try PeerTable(blank + [0x0A]) }
        var generator = SystemRandomNumberGenerator()
        var lines = ""
        for number in 0...PeerTable.maxPeers {
            let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            lines += line("p\(number)", "read", try #require(CurvePublicKey(bytes: bytes)).description) + "\n"
        }
        let error = #expect(throws: PeerTableError.self) { try table(lines) }
        #expect(error?.line == PeerTable.maxPeers + 1)
    }

    @Test func `peers are allowed once, their role may change, and they are revoked by name`() throws {
        var table = PeerTable()
        let peer = try #require(LogPeer(name: "a", role: .read, key: try key(0)))
        try table.allow(peer)
        try table.allow(try #require(LogPeer(name: "a", role: .append, key: try key(0))))
        #expect(table[name: "a"]?.role == .append && table.count == 1)
        for other in [("a", 1), ("b", 0)] {
            #expect(throws: PeerTableError.self) {
                try table.allow(try #require(LogPeer(name: other.0, role: .read, key: try key(other.1))))
            }
        }
        #expect(table.count == 1)
        #expect(table.revoke("b") == nil)
        #expect(table.revoke("a")?.role == .append)
        #expect(table == PeerTable())
    }

    @Test func `a change tells who is new, who is gone, and who is another one`() throws {
        let before = try table(line("a", "read", Self.keys[0]) + "\n" + line("b", "read", Self.keys[1]))
        let after = try table(line("b", "append", Self.keys[1]) + "\n" + line("c", "read", Self.keys[0]))
        let change = PeerDirectory.change(from: before, to: after)
        #expect(change == PeerDirectory.Change(allowed: ["c"], revoked: ["a"], altered: ["b"]))
        #expect(PeerDirectory.change(from: after, to: after) == PeerDirectory.Change())
    }

    @Test func `each role reaches the sockets that it should`() throws {
        let reached = PeerRole.allCases.map { role in LogSocket.allCases.filter(role.mayUse) }
        #expect(reached == [[.events, .read], [.append, .events, .read], [.append, .events, .read]])
        #expect(PeerRole.allCases.filter(\.mayKeepSnapshots) == [.append])
        let table = try table(
            zip(["r", "a", "o"], ["read", "append", "operate"]).enumerated().map { index, peer in
                line(peer.0, peer.1, Self.keys[index])
            }.joined(separator: "\n"))
        #expect(table.keys(for: .append) == [try key(1), try key(2)])
        #expect(table.keys(for: .events) == [try key(0), try key(1), try key(2)])
        #expect(table.keys(for: .read) == table.keys(for: .events))
    }
}
