/// Called by libFuzzer at the start.
@_cdecl("LLVMFuzzerInitialize")
public func initializeTokens(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt { writeSeeds(seeds) }

private func seeds() -> [Seed] {
    let digest = String(repeating: "0a", count: 32)
    let texts: [(UInt8, [String])] = [
        (
            0,
            [
                #"{"name":"till-3","role":"teller","sha256":"\#(digest)","accounts":"till-3-*","#
                    + #""expires":"2027-01-01T00:00:00Z"}"# + "\n\n"
                    + #"{"name":"b","role":"reader","sha256":"\#(String(repeating: "F1", count: 32))"}"# + "\r\n",
                #"{"name":"a","role":"manager","sha256":"\#(digest)"}"#,
                #"{"name":"a","role":"auditor","sha256":"\#(digest)"}"# + "\n"
                    + #"{"name":"a","role":"operator","sha256":"\#(digest)"}"#,
                #"{"name":"a","name":"b"}"#, #"{"x":1}"#, "[]", "", " \t\r\n",
            ]
        ),
        (1, ["*", "a*", "acc-001", "a**", " ", "ä*"]), (2, ["200/s", "1000000/s", "0/s", "/s", "9999999/s"]),
    ]
    return texts.flatMap { trial, texts in
        texts.enumerated().map { index, text in Seed("\(trial)-\(index)", trial, [], text) }
    }
}
