/// Called by libFuzzer at the start.
@_cdecl("LLVMFuzzerInitialize")
public func initializeZap(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt { writeSeeds(seeds) }

private func question(_ mechanism: String, _ credentials: [[UInt8]], version: String = "1.0") -> [UInt8] {
    let texts = [version, "1", "event-log/append", "127.0.0.1", "", mechanism].map { Array($0.utf8) }
    return ([[0, 1, 2, 3, 4], []] + texts + credentials).flatMap { sized($0) }
}

private func seeds() -> [Seed] {
    let (known, other) = ([UInt8](repeating: 7, count: 32), (0..<32).map(UInt8.init))
    return [
        Seed("null", 0, question("NULL", [])),
        Seed("plain", 0, question("PLAIN", [Array("name".utf8), Array("word".utf8)])),
        Seed("curve-known", 0, question("CURVE", [known])),
        Seed("curve-other", 0, question("CURVE", [other])),
        Seed("curve-two", 0, question("CURVE", [known, known])),
        Seed("version", 0, question("CURVE", [known], version: "2.0")),
        Seed("short", 0, Array(question("NULL", []).dropLast(6))),
        Seed("key-text", 1, [], "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"),
        Seed("key-beyond", 1, [], "#####>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"),
        Seed("key-bytes", 1, other),
        Seed("key-greatest", 1, [UInt8](repeating: 0xFF, count: 32)),
    ]
}
