internal import EventSourcing
internal import HashTreeCollections

/// The parts of an account's state that most accounts do not have.
struct AccountExtras: Hashable, Sendable {
    var overdraft: Money? {
        didSet { if overdraft != nil { hadOverdraft = true } }
    }
    /// Whether there ever was an overdraft: only then can the balance be below zero.
    var hadOverdraft = false
    var maximumBalance: Money?
    var freeze: AccountFreeze?
    var holds = Holds()
    private var reversalsByMovement: TreeDictionary<UInt64, UInt64> = [:]

    static let none = AccountExtras()

    var isEmpty: Bool {
        !hadOverdraft && maximumBalance == nil && freeze == nil && holds.isEmpty
            && reversalsByMovement.isEmpty
    }

    /// The version of the reversal of the movement at a version; nil if it was not reversed.
    func reversal(of movement: UInt64) -> UInt64? { reversalsByMovement[movement] }

    /// Notes that the movement at a version was reversed.
    mutating func reverse(_ movement: UInt64, at reversal: UInt64) { reversalsByMovement[movement] = reversal }

    /// How many movements were reversed.
    var reversalCount: Int { reversalsByMovement.count }

    /// All movements that were reversed, in their order, with their reversals.
    var reversals: [(movement: UInt64, reversal: UInt64)] {
        reversalsByMovement.map { ($0.key, $0.value) }.sorted { $0.movement < $1.movement }
    }
}
