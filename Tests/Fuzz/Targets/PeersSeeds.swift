/// Called by libFuzzer at the start.
@_cdecl("LLVMFuzzerInitialize")
public func initializePeers(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt { writeSeeds(seeds) }

private let keys = ["rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"]

private func line(_ name: String, _ role: String, _ key: String) -> String {
    #"{"name":"\#(name)","role":"\#(role)","key":"\#(key)"}"#
}

private func seeds() -> [Seed] {
    let right = line("gateway-1", "append", keys[0]) + "\n" + line("q", "read", keys[1]) + "\n"
    let texts = [
        "", right, "\r\n \n" + line("o", "operate", keys[0]), right + line("q", "read", keys[1]),
        line("a", "admin", keys[0]), line("a", "read", "short"), line("-a", "read", keys[0]), "{", "[]", "# comment",
        #"{"name":"a","name":"a","role":"read","key":"\#(keys[0])"}"#, #"{"key":"\#(keys[0])","x":[]}"#,
        #"{"name":"\u0061","role":"read","key":"\#(keys[0])"}"#,
    ]
    return texts.enumerated().map { index, text in Seed("text-\(index)", 0, [], text) } + [
        Seed("changes", 1, [0, 1, 1, 1, 1, 1, 2, 2, 1, 130, 1, 0, 0, 2, 1])
    ]
}
