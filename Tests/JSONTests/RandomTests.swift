import JSON
import TestSupport
import Testing

/// Random values and random bytes, each from a seed that a failure names.
@Suite struct RandomTests {
    static func string(_ generator: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...20, using: &generator) {
            let limit: UInt32 = [0x20, 0x80, 0x800, 0x10000, 0x110000].randomElement(using: &generator) ?? 0x80
            guard let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) else { continue }
            text.unicodeScalars.append(scalar)
        }
        return text
    }

    static func number(_ generator: inout SeededGenerator) -> JSONNumber {
        func digits() -> String {
            (0...Int.random(in: 0...25, using: &generator)).map { _ in "\(Int.random(in: 0...9, using: &generator))" }
                .joined()
        }
        var text = Bool.random(using: &generator) ? "-" : ""
        text += Bool.random(using: &generator) ? "0" : "\(Int.random(in: 1...9, using: &generator))" + digits()
        if Bool.random(using: &generator) { text += "." + digits() }
        if Bool.random(using: &generator) {
            text += (["e", "E+", "e-"].randomElement(using: &generator) ?? "e") + digits()
        }
        return JSONNumber(text)!
    }

    static func value(_ generator: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &generator) {
        case 0: return .string(string(&generator))
        case 1: return .number(number(&generator))
        case 2: return .bool(.random(using: &generator))
        case 3: return .null
        case 4:
            return .array(
                (0..<Int.random(in: 0...5, using: &generator)).map { _ in value(&generator, depth: depth - 1) })
        default:
            var members: [JSONValue.Member] = []
            for index in 0..<Int.random(in: 0...20, using: &generator) {
                let name = "\(index)" + string(&generator)
                members.append(JSONValue.Member(name: name, value: value(&generator, depth: depth - 1)))
            }
            return .object(members)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `What is written is read back, and written the same again`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let value = Self.value(&generator, depth: 4)
        let bytes = write(value)
        try JSONReader.validate(bytes)
        let back = try read(bytes)
        #expect(back == value)
        // Equality of strings is too kind to prove it: the bytes are the proof.
        #expect(write(back) == bytes)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `White space between tokens changes nothing`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bytes = write(Self.value(&generator, depth: 3))
        var spaced: [UInt8] = []
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            let isToken = !isInString && Array("{}[]:,".utf8).contains(byte)
            if isToken { spaced.append(Array(" \t\r\n".utf8).randomElement(using: &generator) ?? 0x20) }
            spaced.append(byte)
            if isToken { spaced.append(Array(" \t\r\n".utf8).randomElement(using: &generator) ?? 0x20) }
            if byte == UInt8(ascii: "\""), !isEscaped { isInString.toggle() }
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }
        try JSONReader.validate(spaced)
        #expect(write(try read(spaced)) == bytes)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `Damaged documents and random bytes never crash, and both ways agree`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]:,\"\\/bfnrtu0123456789-+.eEtruefalsnull \n\u{0}é".utf8)
        for round in 0..<200 {
            var bytes: [UInt8]
            switch round % 3 {
            case 0:
                bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                    .random(in: 0...255, using: &generator)
                }
            case 1:
                bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? 0
                }
            default:
                bytes = write(Self.value(&generator, depth: 2))
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes[place] = alphabet.randomElement(using: &generator) ?? 0
                }
            }
            let reading = readingError(bytes)
            let validation = validationError(bytes)
            if reading?.code == .duplicateMember { continue }
            #expect(reading?.code == validation?.code, "\(bytes)")
            #expect(reading?.offset == validation?.offset, "\(bytes)")
            if reading == nil { #expect(String(validating: bytes, as: UTF8.self) != nil) }
        }
    }
}
