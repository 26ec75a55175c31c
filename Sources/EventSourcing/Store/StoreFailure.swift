/// A store's own error, with a sentence for people: what an operator's command prints and ends with, whatever the store
/// is.
public protocol StoreFailure: Error, Sendable, CustomStringConvertible {
    /// Whether the store holds what no Daybook wrote.
    var isDamage: Bool { get }
}
