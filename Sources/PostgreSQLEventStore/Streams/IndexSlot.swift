internal import EventSourcing

/// The numbers under which streams and command keys are found.
///
/// An index with random keys costs a page of write-ahead log for each entry once it is large: PostgreSQL logs each page
/// whole that it changes for the first time after a checkpoint. So an entry's number has in its upper bits the generation
/// of its position, and in its lower bits a hash: new entries go to the last part of the index, which is small, and what is
/// before it is never touched again. Who looks something up asks for each generation.
///
/// The hash is of a secret and the name, so that nobody can choose names with equal hashes. Equal ones cost time only: what
/// is found is compared.
struct IndexSlot: Sendable {
    /// A generation has 2^20 positions.
    static let generationBits = 20
    static let hashBits = 44
    /// The last position for which there is a generation: a log of some hundred terabytes.
    static let maxPosition: UInt64 = 1 << (generationBits + 19) - 1

    private let salt: [UInt8]

    /// The numbers of a log with a secret.
    init(salt: [UInt8]) { self.salt = salt }

    /// The hash of a stream.
    func hash(of stream: StreamID) -> Int64 { hash([1] + Array(stream.description.utf8)) }

    /// The hash of a command key and its scope.
    func hash(of key: [UInt8], in scope: StreamID) -> Int64 { hash([2] + Array(scope.description.utf8) + [0] + key) }

    /// The number of an entry that is made at a position.
    static func slot(of hash: Int64, at position: UInt64) -> Int64 {
        Int64(truncatingIfNeeded: position >> UInt64(generationBits)) << Int64(hashBits) | hash
    }

    private func hash(_ bytes: [UInt8]) -> Int64 {
        Int64(bitPattern: Digest256(hashing: salt + bytes).words.0 >> UInt64(64 - Self.hashBits))
    }
}
