import RunData

/// What an event's row is made of.
struct EventRow {
  let status: RunStatus
  /// Seconds since 1970.
  let time: Double
  let segment: Int
  /// The optimizer step that the attempt goes on with.
  let nextStep: Int
  let machine: String
}

extension RunSchema {
  /// How a run stands from an event on.
  static let allEvents = ColumnGroup<EventRow>(
    "event",
    [
      ValuedColumn("status", .int32, "how the run stands from this event on") {
        .integers([$0.status.rawValue])
      },
      ValuedColumn(
        "status_time", .float64, "when the status changed", units: "seconds since 1970-01-01 00:00:00"
      ) { .reals([$0.time]) },
      ValuedColumn("event_segment", .int32, "attempt that the event belongs to", isLater: true) {
        .integers([$0.segment])
      },
      ValuedColumn("event_step", .int64, "optimizer step that the attempt went on with", isLater: true) {
        .integers([$0.nextStep])
      },
      ValuedColumn("event_machine", .text, "program, matrix products, threads and processor", isLater: true) {
        .text($0.machine)
      },
    ])

  static func eventTable(_ group: ColumnGroup<EventRow>) -> Table {
    Table(
      marker: Column(name: "event", number: .int64, longName: "change of status"), columns: group.columns,
      checksums: ["event_checksum"])
  }
}

extension MachineFacts {
  /// One line of it all, for one attempt at a run.
  var summary: String {
    "\(program); \(blas); \(threads == 1 ? "1 thread" : "\(threads) threads"); \(cpu)"
  }
}
