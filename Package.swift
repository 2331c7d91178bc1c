// swift-tools-version:6.3
import PackageDescription

/// Every Swift target: Swift 6, no warnings, unsafe code marked as such.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "nf-probe",
  products: [],
  targets: [
    .target(name: "RunData", swiftSettings: strict),
    .target(name: "Randomness", swiftSettings: strict),

    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .target(name: "HDF5", dependencies: ["CHDF5"], swiftSettings: strict),
    .target(name: "Isolation", swiftSettings: strict),
    .target(name: "RunFile", dependencies: ["HDF5", "RunData"], swiftSettings: strict),

    .target(
      name: "RunFileTestSupport", dependencies: ["RunData"], path: "Tests/RunFileTestSupport",
      swiftSettings: strict),
    .executableTarget(
      name: "run-file-child", dependencies: ["RunData", "RunFile", "RunFileTestSupport"],
      path: "Tests/run-file-child", swiftSettings: strict),
    .executableTarget(
      name: "isolation-child", dependencies: ["Isolation", "RunData", "RunFile"],
      path: "Tests/isolation-child",
      swiftSettings: strict),
    .testTarget(
      name: "IsolationTests",
      dependencies: ["Isolation", "RunData", "RunFile", "RunFileTestSupport", "isolation-child"],
      swiftSettings: strict),
    .testTarget(name: "HDF5Tests", dependencies: ["HDF5", "RunFileTestSupport"], swiftSettings: strict),
    .testTarget(
      name: "RunFileTests",
      dependencies: ["HDF5", "RunData", "RunFile", "RunFileTestSupport", "run-file-child"],
      exclude: ["Python"], swiftSettings: strict),
    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
