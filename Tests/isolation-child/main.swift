import Glibc
import Isolation
import RunData
import RunFile

/// Does in a supervised child what its argument says; the tests look at how that ends.
func say(_ line: String, to descriptor: Int32 = 1) {
  let bytes = Array((line + "\n").utf8)
  _ = unsafe write(descriptor, bytes, bytes.count)
}

/// A flag that a signal handler sets.
nonisolated(unsafe) var isAskedToEnd: Int32 = 0

func work(_ arguments: [String]) -> Int32 {
  let guardian = ReadGuard(seconds: arguments.first == "read" ? 3 : 0.3, memoryBytes: 1 << 30)
  switch arguments.first {
  case "crash":
    kill(getpid(), SIGSEGV)
    pause()
  case "abort": abort()
  case "hang": guardian.run { while true { usleep(1_000_000) } }
  case "wait-outside":
    // Not guarded: only calls into the library have a time limit.
    usleep(600_000)
  case "exit": return 3
  case "memory":
    guardian.run {
      // Said with its address, so that an optimizer has to ask for it.
      let piece = unsafe malloc(2 << 30)
      say(unsafe piece.map { unsafe "granted at \($0)" } ?? "refused")
    }
  case "signal":
    signal(SIGINT) { _ in unsafe isAskedToEnd = 130 }
    signal(SIGTERM) { _ in unsafe isAskedToEnd = 143 }
    say("ready \(getpid())")
    while unsafe isAskedToEnd == 0 { usleep(1000) }
    return unsafe isAskedToEnd
  case "unhandled":
    say("ready \(getpid())")
    pause()
  case "read": return read(Array(arguments.dropFirst()), guardian)
  default: return 2
  }
  return 0
}

/// Opens run files, reads all that is in them, and says whether the checksums agree and what was read.
func read(_ paths: [String], _ guardian: ReadGuard) -> Int32 {
  do {
    for path in paths {
      let reader = try guardian.run { try RunFileReader(path: path) }
      var seen = Fingerprint()
      try guardian.run {
        let run = try reader.read(tensors: reader.manifest.gradients.tensorNames)
        seen.add(run.gradients.keys.sorted().flatMap { run.gradients[$0]?.l1.joined().map { $0 } ?? [] })
        seen.add(run.validation.map(\.loss))
        seen.add(try reader.scaleSnapshots().flatMap { $0.values.joined().map(Double.init) })
        try reader.forEachBlock(of: reader.stepVariables.map(\.name)) { block in
          seen.add(block.steps.map(Double.init))
          for values in block.values { seen.add(values) }
        }
      }
      seen.add(Array("\(reader.manifest)".utf8).map(Double.init))
      let isIntact = try guardian.run { try reader.verify().isIntact }
      say("\(reader.steps.count) steps, \(isIntact ? "intact" : "damaged"), \(seen.value)")
    }
    return 0
  } catch {
    say("\(error)", to: 2)
    return 1
  }
}

/// A hash that is the same in every process (FNV-1a over bit patterns).
struct Fingerprint {
  var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ numbers: [Double]) {
    for number in [Double(numbers.count)] + numbers {
      value = (value ^ number.bitPattern) &* 0x100_0000_01B3
    }
  }
}

// A test runner's threads start programs with most signals blocked.
var none = sigset_t()
unsafe sigemptyset(&none)
unsafe sigprocmask(SIG_SETMASK, &none, nil)

let arguments = Array(CommandLine.arguments.dropFirst())
if Supervisor.isChild { exit(work(arguments)) }
do {
  let outcome = try Supervisor.run()
  if let message = outcome.message(reading: "the file") { say(message, to: 2) }
  say("\(outcome)")
  exit(outcome.exitStatus)
} catch {
  say("\(error)", to: 2)
  exit(1)
}
