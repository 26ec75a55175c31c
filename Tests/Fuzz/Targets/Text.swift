import EventSourcing
import JSON

@testable import Accounts
@testable import QueryService
@testable import ServiceSupport

/// What clients and users write: JSON, commands, amounts, times, header fields, queries, settings.
private let trials: [Trial] = [
    json, time, amount, money, command, query, entityTags, address, duration, identifiers, fieldValues, settings,
    historyPoint, authority, printed,
]

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzText(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(trials, start, count) }

/// The text of an input; nil if it is none.
private func text(_ input: [UInt8]) -> String? { String(validating: input, as: UTF8.self) }

private func json(_ input: [UInt8]) {
    let isValid = value { try JSONReader.validate(input) } != nil
    var reader = JSONReader(input)
    do throws(JSONError) {
        let value = try reader.readValue()
        try reader.finish()
        check(isValid, "what is read is well-formed")
        check(text(input) != nil, "what is read is UTF-8")
        var writer = JSONWriter()
        writer.value(value)
        var again = JSONReader(writer.bytes)
        check(try again.readValue() == value, "a value is read as it was written")
        try again.finish()
        var second = JSONWriter()
        second.value(value)
        check(second.bytes == writer.bytes, "a value has one form")
        var compact = JSONWriter()
        compact.compactValue(input)
        check(!compact.bytes.contains { $0 < 0x20 }, "a compact value is one line")
        var third = JSONReader(compact.bytes)
        check(try third.readValue() == value, "a compact value is the same value")
    } catch {
        check(!isValid || error.code == .duplicateMember, "what is well-formed is read: \(error)")
        check((0...input.count).contains(error.offset), "an error is within the document")
    }
}

private func time(_ input: [UInt8]) {
    guard let text = text(input), let time = Timestamp(rfc3339: text) else { return }
    check(Timestamp.earliest <= time && time <= .latest, "a time has a year of four digits")
    check(Timestamp(rfc3339: time.description) == time, "a time is read as it was written")
    check(time.description.utf8.count == Timestamp.textSize, "a time has a fixed length")
}

private func amount(_ input: [UInt8]) {
    guard let text = text(input) else { return }
    if let cents = DoubleAmount.cents(text) {
        let money = Money(exactText: cents)
        check(money?.description == cents && money?.fractionDigits == 2, "an amount of a double is one of cents")
    }
    guard let number = value({ try DecimalNumber(text) }) else { return }
    check(value { try DecimalNumber(number.description) } == number, "an amount is read as it was written")
    check(JSONNumber(text) != nil, "an amount is a number of JSON")
    for code in ["USD", "JPY", "BHD", "CLF"] {
        guard let currency = Currency(code), let money = value({ try number.money(in: currency) }) else { continue }
        check(DecimalNumber(money) == number, "money is the number that it was made of")
        check(Money(exactText: money.description) == money, "money is read as it was written")
    }
}

private func money(_ input: [UInt8]) {
    guard let text = text(input), let money = Money(exactText: text) else { return }
    check(money.description == text, "money has one form")
    _ = try? money.adding(Money(checked: Money.largestMinorUnits, fractionDigits: money.fractionDigits))
}

private func command(_ input: [UInt8]) {
    guard let command = value({ try AccountCommand.parse(input) }) else { return }
    let canonical = command.canonicalBytes
    check(value { try AccountCommand.parse(canonical) } == command, "a command's one form is the command")
    for account in [nil, "a"].compactMap({ openAccount($0) }) { decide(command, on: account) }
}

/// An account with a hold; one that was never opened if it has no name.
private func openAccount(_ name: String?) -> Revision<Account>? {
    guard let stream = StreamID(category: Account.category, name: name ?? "a") else { return nil }
    var account = Revision<Account>(of: stream)
    guard name != nil, let hold = HoldID("h"), let balance = Money(minorUnits: 100_000, fractionDigits: 2),
        let amount = Money(minorUnits: 1000, fractionDigits: 2)
    else { return account }
    let history: [AccountEvent] = [
        .opened(owner: "o", initialBalance: balance, currency: .usd, limits: AccountLimits(overdraft: amount)),
        .deposited(amount: amount), .holdPlaced(hold: hold, amount: amount, expiresAt: nil),
    ]
    for event in history {
        let isApplied = value { try account.apply(event, id: UniqueID(high: 0, low: 0), recordedAt: .earliest) } != nil
        check(isApplied, "an account can be opened, and money held")
    }
    return account
}

private func decide(_ command: AccountCommand, on account: Revision<Account>) {
    let referred: AccountEvent? = Account.referredVersion(in: command).flatMap { version in
        version == 2 ? Money(minorUnits: 1000, fractionDigits: 2).map { .deposited(amount: $0) } : nil
    }
    let others = Account.otherStreams(for: command, on: account.stream, referring: referred)
    check(!others.contains(account.stream), "an account is not its own counterparty")
    let context = DecisionContext(
        account, others: others.compactMap { openAccount($0.name) }, referred: referred,
        at: Timestamp(microseconds: 1_767_323_045_678_901), eventID: UniqueID(high: 1, low: 2))
    guard let decision = value({ try Account.decide(command, in: context) }) else { return }
    check(decision.others.isEmpty || decision.others.count == others.count, "each other account gets its events")
    for (before, events) in zip([account] + context.others, [decision.events] + decision.others) {
        var after = before
        for event in events {
            let read = value {
                try AccountEvent(type: event.type, schemaVersion: event.schemaVersion, data: event.encoded())
            }
            check(read == event, "what is decided is read as it was written")
            check(
                value { try after.apply(event, id: UniqueID(high: 0, low: 0), recordedAt: .latest) } != nil,
                "what is decided can be applied")
        }
    }
}

private func query(_ input: [UInt8]) {
    guard let text = text(input) else { return }
    check(PercentEncoding.undone(PercentEncoding.applied(to: text)) == text, "a text is decoded as it was encoded")
    _ = PercentEncoding.undone(text)
    guard let items = value({ try ParameterReading.items(of: text) }) else { return }
    let again = items.map { "\(PercentEncoding.applied(to: $0.name))=\(PercentEncoding.applied(to: $0.value))" }
        .joined(separator: "&")
    let second = value { try ParameterReading.items(of: again) } ?? []
    check(second.map(\.name) == items.map(\.name) && second.map(\.value) == items.map(\.value), "a query is read again")
    for item in items {
        _ = value { try ParameterReading.integer(item.name, item.value, in: 0...UInt64.max) }
        _ = value { try ParameterReading.integer(item.name, item.value, in: -5...Int64.max) }
        _ = value { try ParameterReading.duration(item.name, item.value, longest: .seconds(60)) }
    }
}

private func entityTags(_ input: [UInt8]) {
    guard let text = text(input), let tags = value({ try EntityTag.list("If-Match", text) }) else { return }
    let again = tags.map(\.description).joined(separator: ",")
    check(value { try EntityTag.list("If-Match", again) } == tags, "a list of tags is read as it was written")
    for tag in tags {
        guard let version = tag.version else { continue }
        check(
            [.number, .string].contains { EntityTag(version: version, $0).value == tag.value }, "a version has two tags"
        )
    }
}

private func address(_ input: [UInt8]) {
    guard let text = text(input), let address = HTTPAddress(text) else { return }
    check((0...65_535).contains(address.port), "a port has 16 bits")
    check(HTTPAddress(address.description) == address, "an address is read as it was written")
}

private func duration(_ input: [UInt8]) {
    guard let text = text(input), let duration = Duration(settingText: text) else { return }
    check(duration >= .zero && duration <= .seconds(86_400), "a duration is at most a day")
}

private func identifiers(_ input: [UInt8]) {
    guard let text = text(input) else { return }
    if let id = UniqueID(text) { check(UniqueID(id.description) == id, "an id is read as it was written") }
    if let digest = Digest256(hexadecimal: text) {
        check(digest.description == text.lowercased(), "a digest has one form")
    }
    if let currency = Currency(text) { check(currency.code == text, "a currency has one form") }
    if let stream = StreamID(category: "account", name: text) { check(stream.name == text, "a name has one form") }
    _ = JSONPointer.member(text)
}

private func fieldValues(_ input: [UInt8]) {
    guard let text = text(input) else { return }
    let offers = ["application/json", "text/event-stream", "application/json;amounts=string"].compactMap {
        MediaType($0)
    }
    let best = Accept(text).best(of: offers)
    check(best.map { offers.contains($0) } ?? true, "what is chosen was offered")
    if let type = MediaType(text) { _ = type.values(of: "charset") }
}

private func settings(_ input: [UInt8]) {
    guard let text = text(input) else { return }
    let entries = value { try SettingsFileParser.entries(in: text) } ?? [:]
    let lines = text.unicodeScalars.reduce(1) { $0 + ($1 == "\n" || $1 == "\r" ? 1 : 0) }
    check(entries.values.allSatisfy { (1...lines).contains($0.line) }, "an entry stands in a line of the file")
}

private func historyPoint(_ input: [UInt8]) {
    guard let text = text(input), let point = HistoryPoint(text) else { return }
    check(HistoryPoint(point.description) == point, "a point is read as it was written")
}

private func authority(_ input: [UInt8]) {
    guard let text = text(input), let authority = Authority(text) else { return }
    let host = authority.host.contains(":") ? "[\(authority.host)]" : authority.host
    let again = Authority(host + (authority.port.map { ":\($0)" } ?? ""))
    check(again?.port == authority.port, "a port is read as it was written")
}

private func printed(_ input: [UInt8]) {
    let shown = PrintableText(String(decoding: input, as: UTF8.self)).description
    check(!shown.unicodeScalars.contains(where: PrintableText.mustBeEscaped), "what is printed steers no terminal")
    check(PrintableText(shown).description == shown, "what may be printed is printed as it is")
}
