// Replaces, in the bundle, the parts of dockerode's dependencies that we never call: SSH to an Engine, BuildKit sessions
// over gRPC, and packing of build contexts. They are 20 MB, native code in part.
module.exports = {};
