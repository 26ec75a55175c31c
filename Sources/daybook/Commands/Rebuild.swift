internal import ArgumentParser
internal import JSON
internal import ServiceSupport

struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Builds a projection of the query service anew from the log, while the old one serves.",
        usage: "daybook rebuild [PROJECTION] [options]",
        discussion:
            "The new one takes the old one's place at one position; where it cannot be built, the old one goes on. "
            + "Tells whether the two were the same.\n\nExample: daybook rebuild accounts")

    @Argument(help: "The projection.") var projection = "accounts"
    @Flag(help: "As a JSON object.") var json = false
    @OptionGroup var query: QueryOptions

    func run() async throws {
        let connection = try await query.connection()
        let progress = Task { await showProgress(connection) }
        let answer: HTTPConnection.Answer
        do {
            let name = PercentEncoding.applied(to: projection)
            answer = try await connection.post("/projections/\(name)/rebuild", timeout: .seconds(24 * 3600))
        } catch {
            progress.cancel()
            throw error
        }
        progress.cancel()
        await progress.value
        guard answer.status == 200 else { throw connection.refusal(answer) }
        if json { return JSONOutput.line(answer.body) }
        let (new, old) = (answer.body["digest"]?.text ?? "", answer.body["replaced_digest"]?.text ?? "")
        let comparison =
            old.isEmpty
            ? "the old one had stopped" : old == new ? "the same as the old one" : "DIFFERENT from the old one"
        Terminal.line("\(projection) was rebuilt up to position \(answer.body["position"]?.text ?? ""): \(comparison)")
        Terminal.line("digest \(new)")
    }

    private func showProgress(_ connection: HTTPConnection) async {
        var bar = ProgressBar("rebuilding", unit: "events")
        defer { bar.finish() }
        while !Task.isCancelled {
            if case .array(let projections) = await connection.lookQuietly("/projections"),
                let found = projections.first(where: { $0["name"]?.text == projection }),
                let done = found["rebuilt_position"]?.integer, let head = found["head"]?.integer
            {
                bar.show(done, of: max(head, done))
            }
            // How often the bar on the screen is drawn; cancelled when the rebuild is done.
            do { try await Task.sleep(for: .milliseconds(100)) } catch { return }
        }
    }
}
