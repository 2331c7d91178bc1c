import Foundation
import NFProbeCommands

exit(NFProbe.run(arguments: Array(CommandLine.arguments.dropFirst())))
