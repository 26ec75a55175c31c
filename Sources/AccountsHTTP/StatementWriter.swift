internal import Accounts
internal import EventSourcing
internal import JSON
internal import ServiceSupport

/// Writes a statement, part by part, in the form that is wanted.
struct StatementWriter: Sendable {
    let account: Revision<Account>
    let from: Timestamp
    let to: Timestamp
    let form: Representation

    /// What stands before the rows.
    func beginning(_ statement: Statement) -> [UInt8] {
        guard form.kind != .csv else { return Array(StatementRow.csvHeader.utf8) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("account")
        writer.string(account.stream.name)
        writer.member("owner")
        writer.string(account.state.owner)
        writer.member("currency")
        writer.string(account.state.currency.code)
        writer.member("from")
        writer.string(from.description)
        writer.member("to")
        writer.string(to.description)
        writer.member("opening_balance")
        writer.decimal(statement.openingBalance.description, as: form.amounts)
        writer.member("closing_balance")
        writer.decimal(statement.closingBalance.description, as: form.amounts)
        writer.member("credits")
        writer.decimal(statement.credits.description, as: form.amounts)
        writer.member("debits")
        writer.decimal(statement.debits.description, as: form.amounts)
        writer.member("entries")
        writer.beginArray()
        return writer.bytes
    }

    /// A row.
    func row(_ row: StatementRow, isFirst: Bool) -> [UInt8] {
        guard form.kind != .csv else {
            var bytes: [UInt8] = []
            row.writeCSV(to: &bytes)
            return bytes
        }
        var writer = JSONWriter()
        row.write(to: &writer, amounts: form.amounts)
        return isFirst ? writer.bytes : [UInt8(ascii: ",")] + writer.bytes
    }

    /// What stands after the rows.
    var end: [UInt8] { form.kind == .csv ? [] : Array("]}".utf8) }
}
