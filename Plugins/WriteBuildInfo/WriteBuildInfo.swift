import Foundation
import PackagePlugin

/// Has each build write down which commit it is made from (`BuildInfo.commit`).
///
/// The command runs anew whenever the checkout's commit or a source file has changed: those are its inputs, which every build
/// looks at. A prebuild command would not do: SwiftPM skips it while it reuses its build plan. Nor would
/// `Context.gitInformation` in the manifest, which is evaluated once for a manifest's text.
@main
struct WriteBuildInfo: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let package = context.package.directoryURL
    let script = package.appending(path: "scripts/write-build-info.sh")
    return [
      .buildCommand(
        displayName: "Writing down the commit",
        executable: URL(filePath: "/bin/sh"),
        arguments: [
          script.path(percentEncoded: false), package.path(percentEncoded: false),
          context.pluginWorkDirectoryURL.path(percentEncoded: false),
        ],
        inputFiles: [script] + gitFiles(package) + sourceFiles(context.package),
        outputFiles: [context.pluginWorkDirectoryURL.appending(path: "Commit.swift")])
    ]
  }

  /// Where Git notes a new commit: the log of HEAD, and HEAD itself where logs are off.
  private func gitFiles(_ package: URL) -> [URL] {
    let git = package.appending(path: ".git")
    var folder = git
    // In a linked work tree `.git` is a file that names the folder.
    if let text = try? String(contentsOf: git, encoding: .utf8), text.hasPrefix("gitdir: ") {
      let path = text.dropFirst("gitdir: ".count).trimmingCharacters(in: .whitespacesAndNewlines)
      folder = URL(filePath: path, relativeTo: package)
    }
    return ["HEAD", "logs/HEAD"].map { folder.appending(path: $0) }
      .filter { FileManager.default.fileExists(atPath: $0.path(percentEncoded: false)) }
  }

  private func sourceFiles(_ package: Package) -> [URL] {
    package.targets.compactMap { $0 as? any SourceModuleTarget }.flatMap { $0.sourceFiles.map(\.url) }
  }
}
