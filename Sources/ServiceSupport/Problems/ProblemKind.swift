/// What every problem of a name has in common, as `GET /problems/NAME` explains it.
public struct ProblemKind: Hashable, Sendable {
    /// The name: the last part of a problem's `type`.
    public let name: String
    /// The status code that it comes with.
    public let status: Int
    /// Its title.
    public let title: String
    /// What it means, in a sentence or two.
    public let meaning: String
    /// What a client can do about it.
    public let remedy: String
    /// The further members that it may have, each with what it holds.
    public let members: [Member]

    /// A further member of a problem.
    public struct Member: Hashable, Sendable {
        let name: String
        let meaning: String
    }

    /// A kind of problem.
    public init(
        _ name: String, _ status: Int, _ title: String, meaning: String, remedy: String,
        members: KeyValuePairs<String, String> = [:]
    ) {
        self.name = name
        self.status = status
        self.title = title
        self.meaning = meaning
        self.remedy = remedy
        self.members = members.map { Member(name: $0.key, meaning: $0.value) }
    }
}
