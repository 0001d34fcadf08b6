// Loaded before every program (`node --import`): plain JavaScript, so that an older Node can still read it and say
// what is wrong, where it would only complain about the file extension `.ts`.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `tidemark needs Node 24 or newer and found ${process.versions.node}. The development dependency "node" brings it, ` +
      'but its install script fetches the binary: run npm install (or npm ci) without --ignore-scripts.',
  );
  process.exit(1);
}
