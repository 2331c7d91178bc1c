/// A value of JSON whose shape nobody knows before it is read.
public indirect enum JSONValue: Decodable, Equatable, Sendable {
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case fields([String: JSONValue])
  case nothing

  /// Reads any value.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .nothing
    } else if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([JSONValue].self) {
      self = .list(list)
    } else {
      self = .fields(try container.decode([String: JSONValue].self))
    }
  }
}
