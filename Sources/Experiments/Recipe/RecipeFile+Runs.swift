import Analysis
import class Foundation.FileManager
import RunData
import RunFile

extension RecipeFile {
  /// What the claims and figures need of a run; nil where it is not there yet.
  package func run(at path: String) throws -> RecordedRun? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let reader: RunFileReader
    do { reader = try RunFileReader(path: path) } catch {
      // One that another process has only begun.
      if RunClaim.isTaken(run: path) { return nil }
      throw error
    }
    let there = reader.manifest.gradients.tensorNames
    var run = try reader.read(
      tensors: tensors.map { $0.filter(there.contains) } ?? there, outputs: needsOutputs,
      stream: needsStream, scales: needsScales)
    if needsNoise {
      run.noise = try reader.noise()
      run.exampleNoise = try reader.exampleNoise()
    }
    if needsOutputSummary {
      let window = outputWindow ?? .defaultWindow(for: [reader.steps])
      run.outputSummary = try reader.outputSummary(in: window.range(in: reader.steps))
    }
    if needsOutputSteps {
      run.outputSteps = try reader.steps.compactMap { try reader.outputSummary(in: $0..<$0 + 1) }
    }
    return run
  }
}
