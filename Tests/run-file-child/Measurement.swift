import Glibc
import RunData
import RunFile
import RunFileTestSupport

/// What recording and reading cost on this machine: `run-file-child PATH measure STEPS`.
struct Measurement {
  let path: String
  let steps: Int
  private let sample = SampleRun(layers: 12, tensors: 20, stem: 4)

  init(path: String, steps: Int) {
    self.path = path
    self.steps = steps
  }

  func run() throws {
    let records = (0..<64).map { sample.record($0) }
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest, interval: 3600)
    let before = processorSeconds()
    var appending: Duration = .zero
    var flushes: [Duration] = []
    let clock = ContinuousClock()
    for step in 0..<steps {
      var record = records[step % 64]
      record.step = step
      let interval = step < 2000 ? 1 : 100
      appending += try clock.measure { try writer.append(record) }
      if step % interval == interval - 1 { flushes.append(try clock.measure { try writer.flush() }) }
    }
    try writer.finish(status: .finished)
    say(
      "processor time a step, all flushes included: \((processorSeconds() - before) / Double(steps) * 1e6) µs",
      to: 1)
    let single = flushes.prefix(2000).sorted()
    let hundred = flushes.dropFirst(2000).sorted()
    report("append", appending / steps)
    report("flush of 1 step, median", single[single.count / 2])
    report("flush of 1 step, 99 %", single[single.count * 99 / 100])
    if !hundred.isEmpty { report("flush of 100 steps, median", hundred[hundred.count / 2]) }
    try read(clock)
  }

  private func read(_ clock: ContinuousClock) throws {
    let tensors = sample.manifest.gradients.tensorNames
    var reader: RunFileReader?
    try time("open") { reader = try RunFileReader(path: path) }
    guard let reader else { return }
    try time("read 1 tensor") { _ = try reader.read(tensors: [tensors[7]]) }
    memory()
    // A reader looks at each checksum once.
    try time("open and verify") { _ = try RunFileReader(path: path).verify() }
    try time("every variable in blocks") {
      try reader.forEachBlock(of: reader.stepVariables.map(\.name)) { _ in }
    }
    memory()
    try time("read all tensors") { _ = try reader.read(tensors: tensors) }
    memory()
  }

  /// Wall-clock time, and the processor time that a busy machine does not lengthen.
  private func time(_ name: String, _ body: () throws -> Void) rethrows {
    let before = processorSeconds()
    let duration = try ContinuousClock().measure(body)
    report(name, duration)
    say("  processor: \(Int((processorSeconds() - before) * 1e3)) ms", to: 1)
  }

  private func processorSeconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private func report(_ name: String, _ duration: Duration) {
    let microseconds =
      Double(duration.components.attoseconds) * 1e-12 + Double(duration.components.seconds) * 1e6
    say("\(name): \((microseconds * 10).rounded() / 10) µs", to: 1)
  }

  private func memory() {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    say("largest resident memory so far: \(usage.ru_maxrss / 1024) MiB", to: 1)
  }
}
