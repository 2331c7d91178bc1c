import Glibc
import RunData
import RunFile
import RunFileTestSupport

/// Writes a run as its arguments say; the tests kill it, fill its disk and lock it out.
///
///     run-file-child PATH [steps N] [delay MICROSECONDS] [interval SECONDS] [limit BYTES] [unfinished]
///                         [flush STEPS] [layers N] [tensors N] [parameters] (with weights, updates, noise and evaluations)
///     run-file-child PATH measure STEPS
///     run-file-child PATH repair
///     run-file-child serve
///
/// Prints `flushed N` after each flush that it asked for itself, and `snapshots N` after each snapshot. Errors go to
/// stderr, with exit status 1.
struct Child {
  var path = ""
  var steps = Int.max
  var delay: UInt32 = 0
  var interval = 0.05
  var flushSteps = 10
  var layers = 12
  var tensors = 20
  var isFinishing = true
  var hasParameters = false

  init(_ arguments: [String]) {
    path = arguments.first ?? ""
    var index = 1
    while index < arguments.count {
      let value = index + 1 < arguments.count ? arguments[index + 1] : ""
      switch arguments[index] {
      case "steps": steps = Int(value) ?? steps
      case "delay": delay = UInt32(value) ?? delay
      case "interval": interval = Double(value) ?? interval
      case "flush": flushSteps = Int(value) ?? flushSteps
      case "layers": layers = Int(value) ?? layers
      case "tensors": tensors = Int(value) ?? tensors
      case "limit": Self.limitFileSize(Int(value) ?? 0)
      case "unfinished":
        isFinishing = false
        index -= 1
      case "parameters":
        hasParameters = true
        index -= 1
      default: fatalError("unknown argument \(arguments[index])")
      }
      index += 2
    }
  }

  private static func limitFileSize(_ bytes: Int) {
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
    unsafe setrlimit(__rlimit_resource_t(1), &limit)
  }

  func run() throws {
    let sample = SampleRun(
      layers: layers, tensors: tensors, stem: 3, hasParameters: hasParameters,
      hasNoise: hasParameters, evaluations: hasParameters ? 2 : 0)
    let writer = try RunFileWriter(creating: path, manifest: sample.manifest, interval: interval)
    say("created", to: 1)
    for step in 0..<steps {
      try writer.append(sample.record(step))
      if hasParameters, step % 5 == 0 { try writer.append(sample.noise(step)) }
      if hasParameters, step % 10 == 9 { try writer.append(sample.evaluation(step + 1)) }
      if step % flushSteps == flushSteps - 1 {
        try writer.flush()
        say("flushed \(step + 1)", to: 1)
      }
      if step % 50 == 49 {
        try writer.append(sample.snapshot(step + 1))
        say("snapshots \((step + 1) / 50)", to: 1)
      }
      if delay > 0 { usleep(delay) }
    }
    if isFinishing {
      try writer.finish(status: .finished)
      say("flushed \(steps)", to: 1)
    }
  }
}

func say(_ line: String, to descriptor: Int32) {
  let bytes = Array((line + "\n").utf8)
  _ = unsafe write(descriptor, bytes, bytes.count)
}

do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments == ["serve"] {
    StateServer().run()
  } else if arguments.count == 3, arguments[1] == "measure", let steps = Int(arguments[2]) {
    try Measurement(path: arguments[0], steps: steps).run()
  } else if arguments.count == 2, arguments[1] == "repair" {
    for table in try RunFileRepair.repair(path: arguments[0]).tables {
      say("\(table.name): \(table.keptRows) kept, \(table.cutRows) cut", to: 1)
    }
  } else {
    try Child(arguments).run()
  }
} catch {
  say("\(error)", to: 2)
  exit(1)
}
