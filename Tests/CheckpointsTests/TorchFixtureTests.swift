import Architecture
import FileTestSupport
import Foundation
import Testing
import RunData

@testable import Checkpoints

/// Files that PyTorch and safetensors wrote, read back.
@Suite struct TorchFixtureTests {
  private func message(_ name: String) -> String {
    do throws(CheckpointError) {
      _ = try Checkpoint(path: Fixtures.path(name))
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test func everyTensorOfEveryFile() throws {
    let expected = try Fixtures.expected()
    #expect(expected.count == 19)
    for (name, file) in expected {
      let checkpoint = try Checkpoint(path: Fixtures.path(name))
      #expect(checkpoint.format.rawValue == file.format, "\(name)")
      #expect(checkpoint.metadata == file.metadata, "\(name)")
      #expect(Set(checkpoint.tensors.map(\.name)) == Set(file.tensors.keys), "\(name)")
      #expect(checkpoint.tiedTensors.map { $0.map(\.name) } == file.tied, "\(name)")
      for (key, tensor) in file.tensors {
        let found = try #require(checkpoint[key])
        #expect(found.type.rawValue == tensor.type && found.shape == tensor.shape, "\(name) \(key)")
        guard let values = tensor.values else { continue }
        #expect(try checkpoint.doubles(of: found) == values, "\(name) \(key)")
        #expect(try checkpoint.floats(of: found) == values.map(Float.init), "\(name) \(key)")
      }
    }
  }

  /// Windows of every size and start give what the whole gives.
  @Test func stridedTensorsInParts() throws {
    for name in ["views.pt", "views-legacy.pt"] {
      let checkpoint = try Checkpoint(path: Fixtures.path(name))
      for tensor in checkpoint.tensors {
        let whole = try checkpoint.doubles(of: tensor)
        for start in 0..<whole.count {
          for end in start..<whole.count {
            var values = [Double](repeating: -1, count: end - start + 2)
            try checkpoint.read(tensor, elements: start..<end, into: &values, at: 1)
            let framed: [Double] = [-1] + Array(whole[start..<end]) + [-1]
            #expect(values == framed)
          }
        }
      }
    }
  }

  @Test func aFolderIsOpenedByItsIndex() throws {
    let checkpoint = try Checkpoint(path: Fixtures.path("shards") + "/")
    let index = try Checkpoint(path: Fixtures.path("shards/model.safetensors.index.json"))
    #expect(checkpoint.tensors == index.tensors)
    #expect(checkpoint.files.count == 2)
    #expect(checkpoint.tensors.map(\.file) == [0, 1])
  }

  @Test func aFairseqFileNeedsNoFlags() throws {
    for name in ["fairseq-args-legacy.pt", "fairseq-cfg.pt"] {
      let hints = CheckpointHints(headScalePlacement: .fairseq)
      let checkpoint = try DecoderCheckpoint(path: Fixtures.path(name), hints: hints)
      #expect(checkpoint.configuration.headCount == 2)
      #expect(try checkpoint.wiring.activation == .gelu)
      #expect(checkpoint.configuration.architecture.head.isTied)
      #expect(try (checkpoint.wiring.additions.scaleHeads == nil) == (name == "fairseq-cfg.pt"))
      #expect(checkpoint.view.bookkeeping.map(\.name) == ["decoder.version"])
    }
  }

  @Test func whatIsNoStateDict() {
    #expect(message("whole-module.pt").contains("a whole object of class torch.nn.modules.linear.Linear"))
    #expect(message("list.pt").contains("holds no tensors by name. Save the model's state_dict()"))
    #expect(message("sparse.pt").contains("tensor \"a\" is of a kind that cannot be read"))
    #expect(message("protocol-4.pt").contains("pickle protocol 4; torch.save writes 2"))
  }
}
