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
            case "MoneyDeposited", "MoneyReceived": .green
            case "MoneyWithdrawn", "MoneySent", "HoldCaptured": .red
            default: .bold
            }
        // What the event is about beside its amount, as far as it has it.
        let about = [
            ("owner", ""), ("to", "to "), ("from", "from "), ("hold", "hold "), ("reverses", "reverses v"),
            ("direction", ""), ("reason", ""), ("reference", "reference "),
        ].compactMap { name, word in event[name].map { word + $0.text } }
        let parts = [
            Terminal.coloured(padded(text("position"), 9, right: true), .faint),
            Terminal.coloured(text("time"), .faint), Terminal.coloured(padded(text("type"), 16), colour),
            PrintableText(padded(amount?.text ?? "", 16, right: true)),
            PrintableText(padded(text("account").isEmpty ? text("stream") : text("account"), 12)),
            Terminal.coloured("v" + text("version"), .faint),
            PrintableText(about.joined(separator: ", ")),
        ]
        var line = parts.map(\.description).joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return PrintableText(verbatim: line)
    }
}
