/// What of jwt-kit the fuzzed files use: keys that are taken as they come, and signatures that hold if they are right.
///
/// A signature is right if its first byte is 1, so that the fuzzer finds both outcomes.
public protocol JWTAlgorithm: Sendable {
    /// Its name.
    var name: String { get }
    /// Whether a signature holds.
    func verify(_ signature: [UInt8], signs plaintext: [UInt8]) throws -> Bool
}

private struct Algorithm: JWTAlgorithm {
    let name: String

    func verify(_ signature: [UInt8], signs plaintext: [UInt8]) throws -> Bool { signature.first == 1 }
}

/// Keys.
public actor JWTKeyCollection {
    private var algorithm = Algorithm(name: "none")

    /// No keys.
    public init() {}

    /// Which digest a key is used with.
    public enum Digest: Sendable {
        /// SHA-256.
        case sha256
    }

    /// Adds a key.
    public func add(rsa key: Insecure.RSA.PublicKey, digestAlgorithm: Digest) { algorithm = Algorithm(name: "RS256") }

    /// Adds a key.
    public func add(ecdsa key: ES256PublicKey) { algorithm = Algorithm(name: "ES256") }

    /// Adds a key.
    public func add(eddsa key: EdDSA.PublicKey) { algorithm = Algorithm(name: "EdDSA") }

    /// The last key.
    public func getKey() throws -> any JWTAlgorithm { algorithm }
}

/// As in jwt-kit.
public enum Insecure {
    /// As in jwt-kit.
    public enum RSA {
        /// A key.
        public struct PublicKey: Sendable {
            /// A key from its numbers.
            public init(modulus: String, exponent: String) throws {}
        }
    }
}

/// A key of the curve P-256.
public struct ES256PublicKey: Sendable {
    /// A key from its point.
    public init(parameters: (x: String, y: String)) throws {}
}

/// As in jwt-kit.
public enum EdDSA {
    /// A curve.
    public enum Curve: Sendable {
        /// The only one.
        case ed25519
    }

    /// A key.
    public struct PublicKey: Sendable {
        /// A key from its number.
        public init(x: String, curve: Curve) throws {}
    }
}
