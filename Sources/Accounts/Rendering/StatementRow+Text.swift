internal import EventSourcing
public import JSON

extension StatementRow {
    /// Writes the row as clients see it. What it does not have is left out.
    public func write(to writer: inout JSONWriter, amounts form: DecimalForm = .number) {
        writer.beginObject()
        writer.member("time")
        writer.timestamp(time)
        writer.member("version")
        writer.integer(version)
        writer.member("position")
        writer.integer(position)
        writer.member("type")
        writer.string(type)
        writer.member("amount")
        writer.decimal(amount.description, as: form)
        writer.member("balance")
        writer.decimal(balance.description, as: form)
        if let reference = details.reference {
            writer.member("reference")
            writer.string(reference)
        }
        if let description = details.description {
            writer.member("description")
            writer.string(description)
        }
        if let effectiveAt = details.effectiveAt {
            writer.member("effective_at")
            writer.string(effectiveAt.description)
        }
        if let counterparty {
            writer.member("counterparty")
            writer.string(counterparty)
        }
        writer.endObject()
    }

    /// The header row of the form with commas (RFC 4180), which every row of ``writeCSV(to:)`` follows.
    public static let csvHeader =
        "time,version,position,type,amount,balance,reference,description,effective_at,counterparty\r\n"

    /// Writes the row with commas between its fields (RFC 4180). What it does not have is an empty field.
    public func writeCSV(to bytes: inout [UInt8]) {
        let fields = [
            time.description, String(version), String(position), type, amount.description, balance.description,
            details.reference ?? "", details.description ?? "", details.effectiveAt?.description ?? "",
            counterparty ?? "",
        ]
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            Self.writeCSV(field, to: &bytes)
        }
        bytes += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    }

    /// A field stands in quotes if it holds what would end it, and quotes in it are doubled.
    private static func writeCSV(_ field: String, to bytes: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let mustBeQuoted = field.utf8.contains { byte in
            byte == quote || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n")
        }
        guard mustBeQuoted else {
            bytes += field.utf8
            return
        }
        bytes.append(quote)
        for byte in field.utf8 {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }
}
