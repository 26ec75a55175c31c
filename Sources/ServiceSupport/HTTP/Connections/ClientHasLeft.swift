/// An event of a connection: its client has closed its end, or is gone. It comes at once, also where requests or their
/// answers are under way, unlike NIO's `ChannelEvent.inputClosed`.
package struct ClientHasLeft: Sendable {}
