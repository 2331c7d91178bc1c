import CommandOptions

extension CheckpointOptions {
  /// The folder that the command fills.
  func folder(_ output: OutputOptions, command: String, machine: MachineOptions) throws -> OutputFolder {
    try OutputFolder(ofRuns: output, resuming: resume, command: command, machine: machine)
  }
}

extension OutputFolder {
  /// The folder of a command that trains: that of the runs that go on, or another, with a note of what was asked for.
  init(ofRuns output: OutputOptions, resuming resume: String?, command: String, machine: MachineOptions)
    throws
  {
    if let resume {
      guard output.out == nil, !output.overwrite else {
        throw CommandError.usage(
          "--resume goes on in its own folder; --out and --overwrite have no place there")
      }
      try self.init(existing: OutputFolder.path(of: resume))
      return
    }
    try self.init(output, command: command)
    let threads = machine.threads == nil ? ["--threads=\(machine.threadCount)"] : []
    try NFProbe.record(fixed: threads).write(into: self)
  }
}
