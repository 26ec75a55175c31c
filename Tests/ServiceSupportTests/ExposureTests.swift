import Testing

@testable import ServiceSupport

/// What protects an address that other machines can reach.
@Suite struct ExposureTests {
    private func exposure(of host: String, tls: Bool = false, access: Bool = false, allowed: Bool = false) throws
        -> [String]
    {
        let address = try #require(HTTPAddress("\(host):8080"))
        return try CommonSettings.exposure(of: address, "TEST", hasTLS: tls, hasAccess: access, allowed: allowed)
    }

    @Test(arguments: ["localhost", "LOCALHOST", "127.0.0.1", "127.255.255.254", "[::1]", "[0:0:0:0:0:0:0:1]"])
    func `loopback needs nothing`(host: String) throws {
        #expect(try exposure(of: host).isEmpty)
    }

    @Test(arguments: [
        "0.0.0.0", "[::]", "128.0.0.1", "10.0.0.1", "[::2]", "[1::1]", "[::ffff:127.0.0.1]", "127.1", "0x7f.0.0.1",
        "localhost.", "localhost.example", "daybook.example",
    ]) func `every other address needs both, or leave`(host: String) throws {
        for (tls, access) in [(false, false), (true, false), (false, true)] {
            #expect(throws: SettingError.self) { try exposure(of: host, tls: tls, access: access) }
            #expect(try exposure(of: host, tls: tls, access: access, allowed: true).count == 1)
        }
        #expect(try exposure(of: host, tls: true, access: true).isEmpty)
        #expect(try exposure(of: host, tls: true, access: true, allowed: true).isEmpty)
    }
}
