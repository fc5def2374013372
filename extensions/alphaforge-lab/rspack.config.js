// Merged into what the JupyterLab builder sets. Ids by order: its own are hashes that take in the
// folder's absolute path, and the kept output must not depend on where it was built.
module.exports = { optimization: { moduleIds: 'natural', chunkIds: 'natural' } };
