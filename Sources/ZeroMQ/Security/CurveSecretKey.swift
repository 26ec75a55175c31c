internal import CZeroMQ
internal import Glibc

/// The secret half of a pair of keys of CURVE, which proves that its holder is the peer that the public half names.
///
/// It is never printed, described or copied out: its bytes are in memory of its own, which is overwritten at the end.
/// Two are equal if their public halves are.
///
/// Unchecked, because the memory is written before the object is shared, and never again until it ends.
public final class CurveSecretKey: @unchecked Sendable {
    /// The characters of its text, and the zero that libzmq wants behind them.
    private static let textSize = CurvePublicKey.characterCount + 1

    private let text: UnsafeMutablePointer<CChar>

    /// The public half.
    public let publicKey: CurvePublicKey

    /// A key from its text; nil if that is anything but 40 characters of Z85. The caller wipes the text.
    public convenience init?(characters: some Collection<UInt8>) {
        guard CurvePublicKey(characters: characters) != nil else { return nil }
        let text = Self.allocate()
        for (index, character) in characters.enumerated() { text[index] = CChar(truncatingIfNeeded: character) }
        self.init(taking: text)
    }

    /// A new pair of keys, from the system's random numbers.
    ///
    /// - Throws: ``ZeroMQError`` if libzmq was built without CURVE.
    public static func generate() throws(ZeroMQError) -> CurveSecretKey {
        let text = allocate()
        let result = withUnsafeTemporaryAllocation(of: CChar.self, capacity: textSize) {
            zmq_curve_keypair($0.baseAddress, text)
        }
        guard result == 0 else {
            let error = ZeroMQError.last("make a pair of keys")
            Self.free(text)
            throw error
        }
        guard let key = CurveSecretKey(taking: text) else {
            throw ZeroMQError(number: ENOTSUP, operation: "make a pair of keys")
        }
        return key
    }

    /// Takes the memory over.
    private init?(taking text: UnsafeMutablePointer<CChar>) {
        let publicKey = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.textSize) { buffer in
            guard let start = buffer.baseAddress, zmq_curve_public(start, text) == 0 else {
                return CurvePublicKey?.none
            }
            return CurvePublicKey(String(cString: start))
        }
        guard let publicKey else {
            Self.free(text)
            return nil
        }
        self.text = text
        self.publicKey = publicKey
    }

    deinit { Self.free(text) }

    /// Lends the 40 characters, for a file that nobody else may read. Nothing of them may outlive the call.
    public func withCharacters<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: text, count: CurvePublicKey.characterCount))
    }

    private static func allocate() -> UnsafeMutablePointer<CChar> {
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: textSize)
        text.initialize(repeating: 0, count: textSize)
        return text
    }

    private static func free(_ text: UnsafeMutablePointer<CChar>) {
        explicit_bzero(text, textSize)
        text.deallocate()
    }
}

extension CurveSecretKey: Hashable {
    /// Whether their public halves are the same.
    public static func == (left: CurveSecretKey, right: CurveSecretKey) -> Bool { left.publicKey == right.publicKey }

    /// Hashes the public half.
    public func hash(into hasher: inout Hasher) { hasher.combine(publicKey) }
}

extension CurveSecretKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Nothing of the key.
    public var description: String { "a secret key" }

    /// Nothing of the key.
    public var debugDescription: String { description }

    /// Nothing of the key.
    public var customMirror: Mirror { Mirror(self, children: [] as [Mirror.Child]) }
}
