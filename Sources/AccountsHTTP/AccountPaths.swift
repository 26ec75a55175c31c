internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import ServiceSupport

/// The account ids that stand in paths.
enum AccountPaths {
    static func stream(of id: String) throws(Problem) -> StreamID {
        guard let stream = Account.stream(of: id) else {
            throw Problem(
                .badRequest, "invalid-account-id", title: "Invalid account id",
                detail: "an account id is \(Account.idRule), unlike “\(id.prefix(200))”")
        }
        return stream
    }
}
