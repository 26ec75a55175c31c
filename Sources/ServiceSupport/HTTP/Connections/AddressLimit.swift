internal import Synchronization

/// A limit for all clients together, and one for each address.
public final class AddressLimit: Sendable {
    /// Which limit is reached.
    package enum Reached: Hashable, Sendable {
        case all
        case address
    }

    private struct Counts {
        var all = 0
        var ofAddress: [ClientAddress: Int] = [:]
    }

    private let limit: Int
    private let limitPerAddress: Int
    private let counts = Mutex(Counts())

    /// A limit from its parts.
    public init(_ limit: Int, perAddress: Int) {
        self.limit = limit
        limitPerAddress = perAddress
    }

    /// How many there are.
    package var count: Int { counts.withLock(\.all) }

    /// Adds one of an address; what is returned tells which limit does not allow it.
    package func reached(adding address: ClientAddress) -> Reached? {
        counts.withLock { counts in
            guard counts.ofAddress[address, default: 0] < limitPerAddress else { return .address }
            guard counts.all < limit else { return .all }
            counts.all += 1
            counts.ofAddress[address, default: 0] += 1
            return nil
        }
    }

    /// Adds one of an address.
    ///
    /// - Returns: false if a limit does not allow it.
    public func add(_ address: ClientAddress) -> Bool { reached(adding: address) == nil }

    /// Takes one away that was added.
    public func remove(_ address: ClientAddress) {
        counts.withLock { counts in
            counts.all -= 1
            if let count = counts.ofAddress[address], count > 1 {
                counts.ofAddress[address] = count - 1
            } else {
                counts.ofAddress[address] = nil
            }
        }
    }
}
