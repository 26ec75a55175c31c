internal import Access
internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import ServiceSupport

/// The account ids that stand in paths.
enum AccountPaths {
    /// The stream of the account with an id, for whoever asks; nil if the account is beyond the caller's reach, so that the
    /// answer is made as it is made for an account that does not exist.
    ///
    /// - Throws: ``Problem`` 400 `invalid-account-id` if no account can have the id, whoever asks.
    static func stream(of id: String, for caller: Caller) throws(Problem) -> StreamID? {
        let stream = try stream(of: id)
        return caller.sees(stream.name) ? stream : nil
    }

    /// The stream of the account with an id, for what is sent on to where it is decided who may see it.
    ///
    /// - Throws: ``Problem`` 400 `invalid-account-id` if no account can have the id.
    static func stream(of id: String) throws(Problem) -> StreamID {
        guard let stream = Account.stream(of: id) else {
            throw Problem(
                .badRequest, "invalid-account-id", title: "Invalid account id",
                detail: "an account id is \(Account.idRule), unlike “\(id.prefix(200))”")
        }
        return stream
    }
}

extension Caller {
    /// The accounts that it may see.
    var accounts: NameRange {
        switch reach {
        case nil: .none
        case .all?: .all
        case .prefix(let prefix)?: .prefix(prefix)
        case .one(let name)?: .one(name)
        }
    }
}
