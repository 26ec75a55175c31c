/// What a client may say about a movement. It is recorded and shown, and changes no rule.
///
/// One word in size, without an allocation if nothing is said, since nearly all events are such.
public struct MovementDetails: Hashable, Sendable {
    private struct Members: Hashable, Sendable {
        let reference: String?
        let description: String?
        let effectiveAt: CalendarDate?
    }

    /// At most one element: an array since it is empty for nothing.
    private let members: [Members]

    /// The most Unicode scalars of a reference.
    public static let maxReference = 128
    /// The most Unicode scalars of a description.
    public static let maxDescription = 512

    /// Nothing is said.
    public static var none: MovementDetails { MovementDetails() }

    /// Details from their parts.
    public init(reference: String? = nil, description: String? = nil, effectiveAt: CalendarDate? = nil) {
        let isEmpty = reference == nil && description == nil && effectiveAt == nil
        members =
            isEmpty ? [] : [Members(reference: reference, description: description, effectiveAt: effectiveAt)]
    }

    /// Whether nothing is said.
    public var isEmpty: Bool { members.isEmpty }
    /// The client's own number of the movement: 1 to ``maxReference`` Unicode scalars.
    public var reference: String? { members.first?.reference }
    /// What the movement is for: at most ``maxDescription`` Unicode scalars.
    public var description: String? { members.first?.description }
    /// The date under which a statement shows it.
    public var effectiveAt: CalendarDate? { members.first?.effectiveAt }
}
