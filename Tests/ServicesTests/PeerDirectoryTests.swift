import Access
import Foundation
import TestSupport
import Testing
import ZeroMQ

@testable import EventLogService

@Suite("The file of the log's peers") struct PeerDirectoryTests {
    private let place: Place
    private var path: String { place.path("peers") }

    init() throws { place = try Place() }

    private func write(_ peers: [(String, PeerRole)], mode: Int = 0o600) throws {
        var table = PeerTable()
        for (name, role) in peers {
            try table.allow(try #require(LogPeer(name: name, role: role, key: key(of: name))))
        }
        try write(String(decoding: table.text, as: UTF8.self), mode: mode)
    }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func key(of name: String) throws -> CurvePublicKey {
        let bytes = Array(name.utf8).prefix(32)
        return try #require(CurvePublicKey(bytes: bytes + [UInt8](repeating: 0, count: 32 - bytes.count)))
    }

    @Test func `peers are taken from the file, and again when it changes`() throws {
        defer { place.remove() }
        try write([("a", .read)])
        let audit = AuditLog(nil, service: "test", logger: quiet)
        let directory = try PeerDirectory(path: path, audit: audit, logger: quiet)
        #expect(directory.table.peers.map(\.name) == ["a"])
        #expect(directory.look() == false)
        try write([("a", .read), ("b", .append)])
        #expect(directory.look() == true)
        #expect(directory.table.peers.map(\.name) == ["a", "b"])
        let generation = directory.current.generation
        // The same peers in another file are no change.
        try write([("b", .append), ("a", .read)])
        #expect(directory.look() == false)
        #expect(directory.current.generation == generation)
        #expect(audit.counts.first { $0.event == "peers-changed" }?.count == 1)
    }

    @Test func `a file that cannot be taken changes nothing, and is warned of`() throws {
        defer { place.remove() }
        try write([("a", .read)])
        let directory = try PeerDirectory(path: path, logger: quiet)
        for wrong in ["{", "", "x"] {
            if wrong.isEmpty {
                try FileManager.default.removeItem(atPath: path)
            } else {
                try write(wrong)
            }
            #expect(directory.look() == false)
            #expect(directory.table.peers.map(\.name) == ["a"])
            #expect(directory.problem?.contains(path) == true)
        }
        try write([("a", .read)], mode: 0o666)
        #expect(directory.look() == false)
        #expect(directory.problem?.contains("chmod 600") == true)
        try write([("b", .read)], mode: 0o644)
        #expect(directory.look() == true)
        #expect(directory.problem == nil)
        #expect(directory.table.peers.map(\.name) == ["b"])
    }

    @Test func `a file that could not be read for a moment is read again, though it stays the same`() throws {
        defer { place.remove() }
        try write([("a", .read)])
        let directory = try PeerDirectory(path: path, logger: quiet)
        try write([("b", .read)])
        // While it is leased, nobody else opens it without waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        try #require(fcntl(descriptor, setSignal, SIGWINCH) == 0)
        try #require(fcntl(descriptor, setLease, Int32(F_WRLCK)) == 0)
        #expect(directory.look() == false)
        #expect(directory.problem != nil)
        try #require(fcntl(descriptor, setLease, Int32(F_UNLCK)) == 0)
        #expect(directory.look() == true)
        #expect(directory.problem == nil)
        #expect(directory.table.peers.map(\.name) == ["b"])
    }

    @Test func `without a file that can be taken there is no directory`() throws {
        defer { place.remove() }
        #expect(throws: PeersFileError.self) { try PeerDirectory(path: path, logger: quiet) }
        try write("{")
        let error = #expect(throws: PeersFileError.self) { try PeerDirectory(path: path, logger: quiet) }
        #expect(error?.description.contains("line 1") == true)
        try FileManager.default.moveItem(atPath: path, toPath: place.path("elsewhere"))
        try FileManager.default.createSymbolicLink(
            atPath: path, withDestinationPath: place.path("elsewhere"))
        #expect(throws: PeersFileError.self) { try PeerDirectory(path: path, logger: quiet) }
    }
}

/// F_SETSIG and F_SETLEASE (linux/fcntl.h): the signal that tells of somebody who wants to open, which ends nothing here.
private let (setSignal, setLease): (Int32, Int32) = (10, 1024)
