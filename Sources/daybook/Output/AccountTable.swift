internal import JSON

/// Accounts as a table.
struct AccountTable {
    private var table = Table(
        ("ACCOUNT", .left), ("BALANCE", .right), ("", .left), ("VERSION", .right), ("UPDATED", .left), ("OWNER", .left))

    mutating func add(_ account: JSONValue) {
        func text(_ name: String) -> String { account[name]?.text ?? "" }
        table.add(
            (text("id"), .bold), (text("balance"), nil), (text("currency"), .faint), (text("version"), nil),
            (text("updated_at"), .faint), (text("owner"), nil))
    }

    func print() { table.print() }
}
