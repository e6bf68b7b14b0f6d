// Serves dynalite on the listening socket that the runner hands down as descriptor 3: the
// runner keeps it open, so the address outlives this process and requests wait while it is
// started again. Ends when the runner's end of standard input closes, however that ends.
'use strict'

var oldNode = 3 // exit status, known to engine.go

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error('Node.js ' + process.version + ' is too old')
  process.exit(oldNode)
}

process.stdin.on('end', function () { process.exit(0) })
process.stdin.on('error', function () { process.exit(0) })
process.stdin.resume()

var server = require('dynalite')({
  path: process.argv[2] || undefined,
  createTableMs: 0,
  deleteTableMs: 0,
  updateTableMs: 0,
})

// The real service keeps idle connections for much longer than Node's five seconds; a client
// whose request meets such an end cannot tell whether it was carried out.
server.keepAliveTimeout = 10 * 60 * 1000
server.listen({ fd: 3 })
