internal import Access
internal import HTTPTypes
internal import JSON
internal import ServiceSupport

extension Problem {
    /// 403: whoever asks is known, and has a role without this right.
    static func forbidden(needed role: Role) -> Problem {
        Problem(
            .forbidden, "forbidden", title: "Forbidden", detail: "this needs the role \(role.rawValue)",
            members: [.init(name: "role", value: .string(role.rawValue))])
    }
}
