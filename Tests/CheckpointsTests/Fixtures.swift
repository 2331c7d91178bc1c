import Foundation
import Testing

@testable import Checkpoints

/// The checkpoints that `Fixtures/make_fixtures.py` wrote with PyTorch, and what is in them.
enum Fixtures {
  struct Tensor: Decodable {
    let type: String
    let shape: [Int]
    /// Nil where the elements are no floats that can be read.
    let values: [Double]?

    private enum CodingKeys: CodingKey { case type, shape, values }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      type = try container.decode(String.self, forKey: .type)
      shape = try container.decode([Int].self, forKey: .shape)
      values = try container.decodeIfPresent([Number].self, forKey: .values)?.map(\.value)
    }
  }

  /// A number, or the name of one that JSON does not have.
  struct Number: Decodable {
    let value: Double

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Double.self) {
        value = number
      } else {
        value = try #require(Double(container.decode(String.self)))
      }
    }
  }

  struct Expected: Decodable {
    let format: String
    let tensors: [String: Tensor]
    let tied: [[String]]
    let metadata: [String: String]
  }

  static let folder = Bundle.module.bundleURL.appending(path: "Fixtures")

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  static func bytes(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: folder.appending(path: name)))
  }

  static func expected() throws -> [String: Expected] {
    try JSONDecoder().decode([String: Expected].self, from: Data(bytes("expected.json")))
  }
}
