internal import EventSourcing
public import Hummingbird
internal import NIOCore
internal import NIOHTTP1

extension Request {
    /// The whole body, where it is of the media type and not longer than `limit` bytes.
    ///
    /// - Throws: ``Problem`` 415 or 413.
    public func body(ofType mediaType: String, limit: Int) async throws -> [UInt8] {
        try requireMediaType(mediaType)
        if let announced = headers[.contentLength].flatMap({ Int($0) }), announced > limit {
            throw Problem.payloadTooLarge(limit: limit)
        }
        do {
            let buffer = try await body.collect(upTo: limit)
            return [UInt8](buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem.payloadTooLarge(limit: limit)
        } catch let error as HTTPParserError {
            throw error
        } catch {
            // The client is gone; nobody reads this.
            throw Problem(
                .badRequest, "incomplete-body", title: "Incomplete body", detail: "the body was broken off: \(error)")
        }
    }

    /// - Throws: ``Problem`` 415 if the body is announced as another media type or as none, in another charset than UTF-8,
    ///   or with a content coding: none is undone here.
    public func requireMediaType(_ mediaType: String) throws(Problem) {
        if let codings = headers[.contentEncoding], !Self.areIdentity(codings) {
            throw .unsupportedContentCoding(codings)
        }
        let found = headers[.contentType]
        // Nearly always it is the very text.
        guard found != mediaType else { return }
        guard let found, let type = MediaType(found), type.essence == mediaType else {
            throw .unsupportedMediaType(found, expected: mediaType)
        }
        guard type.values(of: "charset").allSatisfy({ $0 == "utf-8" || $0 == "utf8" }) else {
            throw .unsupportedMediaType(found, expected: "\(mediaType), in UTF-8")
        }
    }

    private static func areIdentity(_ codings: String) -> Bool {
        codings.split { $0 == "," || $0 == " " || $0 == "\t" }.allSatisfy { $0.lowercased() == "identity" }
    }

    /// Refuses a query: where no parameter has a meaning, a misspelt or hoped-for one must not be passed over in silence.
    ///
    /// - Throws: ``Problem`` 400 if there is a parameter.
    public func requireNoParameters() throws(Problem) {
        guard let query = uri.query, !query.isEmpty else { return }
        for (name, value) in try ParameterReading.items(of: query) {
            throw .invalidParameter(name, value, expected: "no parameters here")
        }
    }

    /// The query's parameters by name.
    ///
    /// - Throws: ``Problem`` 400 where one is given twice, or is none of `known`: a misspelt parameter must not be
    ///   passed over in silence.
    public func parameters(known: Set<String>) throws(Problem) -> [String: String] {
        var parameters: [String: String] = [:]
        for (name, value) in try queryItems() {
            guard known.contains(name) else {
                throw .invalidParameter(
                    name, value, expected: "one of the parameters \(known.sorted().joined(separator: ", "))")
            }
            guard parameters.updateValue(value, forKey: name) == nil else {
                throw .invalidParameter(name, value, expected: "the parameter once")
            }
        }
        return parameters
    }

    /// The names and values of the query, in order, decoded.
    ///
    /// - Throws: ``Problem`` 400 where the encoding is broken.
    public func queryItems() throws(Problem) -> [(name: String, value: String)] {
        try ParameterReading.items(of: uri.query)
    }
}
