internal import JSON
internal import ServiceSupport

/// Events as lines of fixed columns, so that they can be written one by one as they come.
enum EventLines {
    static func line(_ event: JSONValue) -> PrintableText {
        func text(_ name: String) -> String { event[name]?.text ?? "" }
        func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
            let space = String(repeating: " ", count: max(0, width - PrintableText(text).count))
            return right ? space + text : text + space
        }
        let amount = event["amount"] ?? event["initial_balance"]
        let colour: Terminal.Colour? =
            switch text("type") {
            case "MoneyDeposited": .green
            case "MoneyWithdrawn": .red
            default: .bold
            }
        let parts = [
            Terminal.coloured(padded(text("position"), 9, right: true), .faint),
            Terminal.coloured(text("time"), .faint), Terminal.coloured(padded(text("type"), 14), colour),
            PrintableText(padded(amount?.text ?? "", 16, right: true)),
            PrintableText(padded(text("account").isEmpty ? text("stream") : text("account"), 12)),
            Terminal.coloured("v" + text("version"), .faint), PrintableText(text("owner")),
        ]
        var line = parts.map(\.description).joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return PrintableText(verbatim: line)
    }
}
