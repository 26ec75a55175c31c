internal import Foundation
internal import NIOSSL
internal import SwiftASN1
internal import X509

/// The certificate that a client has proved to be its own.
struct ClientCertificate: Sendable {
    /// The longest common name that is an actor.
    private static let maxName = 128

    /// Of the server's authorities, which of their changes it was proved under.
    let authorities: UInt64
    private let commonName: String
    private let end: Date

    /// The common name of its subject, who the client is; nil once the certificate has expired: a connection may last longer.
    var nameWhileValid: String? { end > Date() ? commonName : nil }

    /// A certificate; nil if its subject does not have exactly one common name, of visible ASCII characters.
    init?(_ certificate: NIOSSLCertificate, under authorities: UInt64) {
        self.authorities = authorities
        do {
            let certificate = try Certificate(derEncoded: try certificate.toDERBytes())
            let names = certificate.subject.flatMap { part in part.filter { $0.type == .RDNAttributeType.commonName } }
            guard names.count == 1, let name = String(names[0].value), (1...Self.maxName).contains(name.utf8.count),
                name.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
            else { return nil }
            commonName = name
            end = certificate.notValidAfter
        } catch {
            return nil
        }
    }
}
