/// A read model: a fold of the whole log, in order of position.
///
/// Whoever drives it applies every record exactly once, position after position.
public protocol Projection {
    /// What names the projection in health reports and settings.
    static var name: String { get }

    /// Takes in the next record of the log. Records of categories that it does not know leave it as it is.
    ///
    /// - Throws: ``RevisionError`` where it cannot take the record in; it is then unchanged and must not be given later
    ///   records.
    mutating func apply(_ record: RecordedEvent) throws(RevisionError)
}
