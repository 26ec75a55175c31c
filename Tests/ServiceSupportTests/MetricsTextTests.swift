import Testing

@testable import ServiceSupport

@Suite struct MetricsTextTests {
    @Test func `a figure has its help, its type and its sample, under the prefix`() {
        let figures = [
            Figure(.gauge, "position", 41, help: "The position."),
            Figure(.counter, "gaps", 2, help: "Gaps that were repaired."),
        ]
        #expect(
            MetricsText.of(figures, prefix: "daybook_query_") == """
                # HELP daybook_query_position The position.
                # TYPE daybook_query_position gauge
                daybook_query_position 41
                # HELP daybook_query_gaps_total Gaps that were repaired.
                # TYPE daybook_query_gaps_total counter
                daybook_query_gaps_total 2

                """)
    }

    @Test func `the samples of a name stand together under one help and type, wherever they came`() {
        func figure(_ name: String, _ value: UInt64, of projection: String) -> Figure {
            Figure(.gauge, name, value, label: ("projection", projection), help: "Of \(name).")
        }
        let figures = [
            figure("position", 1, of: "accounts"), figure("stopped", 0, of: "accounts"),
            figure("position", 2, of: "events"), figure("stopped", 1, of: "events"),
        ]
        #expect(
            MetricsText.of(figures, prefix: "d_") == """
                # HELP d_position Of position.
                # TYPE d_position gauge
                d_position{projection="accounts"} 1
                d_position{projection="events"} 2
                # HELP d_stopped Of stopped.
                # TYPE d_stopped gauge
                d_stopped{projection="accounts"} 0
                d_stopped{projection="events"} 1

                """)
    }

    @Test func `a label's value is escaped as the format wants it`() {
        let figure = Figure(.gauge, "x", 1, label: ("name", "a\\b\"c\nd"), help: "X.")
        #expect(MetricsText.of([figure], prefix: "").hasSuffix("x{name=\"a\\\\b\\\"c\\nd\"} 1\n"))
    }

    @Test func `the largest value is written in full`() {
        let figure = Figure(.counter, "x", .max, help: "X.")
        #expect(MetricsText.of([figure], prefix: "").hasSuffix("x_total 18446744073709551615\n"))
    }

    @Test func `without figures there is no text`() {
        #expect(MetricsText.of([], prefix: "d_").isEmpty)
    }

    @Test func `answers are counted by status code, in order`() {
        let answers = AnswerCounts()
        for status in [503, 200, 200, 404, 200] { answers.count(status) }
        #expect(answers.figures.map(\.label?.value) == ["200", "404", "503"])
        #expect(answers.figures.map(\.value) == [3, 1, 1])
        #expect(
            MetricsText.of(answers.figures, prefix: "d_").hasSuffix(
                """
                # TYPE d_http_answers_total counter
                d_http_answers_total{status="200"} 3
                d_http_answers_total{status="404"} 1
                d_http_answers_total{status="503"} 1

                """))
    }

    @Test func `a process knows its memory`() throws {
        let memory = try #require(ProcessFigures.all.first { $0.name == "resident_memory_bytes" })
        #expect(memory.kind == .gauge)
        #expect(memory.value > 1 << 20)
    }
}
