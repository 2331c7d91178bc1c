/// A series of scalars in an event file, with what is the same in all its values encoded once.
public struct ScalarTag: Equatable, Sendable {
  /// The series' name; TensorBoard groups series by what is before the first `/`.
  public let name: String
  /// A `Summary.Value` up to its number.
  private let start: [UInt8]

  /// A series of this name.
  public init(_ name: String) {
    self.name = name
    var value = ProtobufMessage()
    value.append(Field.tag, text: name)
    value.append(Field.simpleValue, float: 0)
    var summary = ProtobufMessage()
    summary.append(Field.value, encoded: value.bytes)
    start = Array(summary.bytes.dropLast(4))
  }

  /// Appends a value of the series to a `Summary`. It becomes a float32, as all scalars of TensorBoard are.
  func append(_ number: Double, to summary: inout [UInt8]) {
    summary += start
    summary.appendLittleEndian(Float(number).bitPattern)
  }
}

/// The scalars of one step, as an `Event` message.
///
/// Messages: `tensorboard/compat/proto/event.proto` and `summary.proto`.
public struct ScalarEvent: Equatable, Sendable {
  private var summary: [UInt8] = []

  /// An event without scalars.
  public init() {}

  /// Whether it has no scalars.
  public var isEmpty: Bool { summary.isEmpty }

  /// Adds a scalar.
  public mutating func append(_ tag: ScalarTag, _ number: Double) { tag.append(number, to: &summary) }

  /// The message.
  /// - Parameter wallTime: in seconds since 1970.
  public func encoded(step: Int, wallTime: Double) -> [UInt8] {
    var event = ProtobufMessage()
    event.append(Field.wallTime, double: wallTime)
    event.append(Field.step, integer: Int64(step))
    event.append(Field.summary, encoded: summary)
    return event.bytes
  }

  /// The first message of every event file.
  public static func fileVersion(wallTime: Double) -> [UInt8] {
    var event = ProtobufMessage()
    event.append(Field.wallTime, double: wallTime)
    event.append(Field.fileVersion, text: "brain.Event:2")
    return event.bytes
  }
}

/// Numbers of the fields.
private enum Field {
  // Event.
  static let wallTime = 1
  static let step = 2
  static let fileVersion = 3
  static let summary = 5
  // Summary.
  static let value = 1
  // Summary.Value.
  static let tag = 1
  static let simpleValue = 2
}
