// The network as the SDK sees it: every name is the simulator's address, and 443 its one port. The SDK always goes to 443, and takes
// no other address for a name; its own code, TLS and the judgement of names and certificates are untouched.
'use strict';

const https = require('node:https');

https.globalAgent.defaultPort = Number(process.env.ESTPROV_SIMULATOR_PORT);
https.globalAgent.options.lookup = (name, options, callback) => {
  if (options.all) {
    callback(null, [{ address: '127.0.0.1', family: 4 }]);
  } else {
    callback(null, '127.0.0.1', 4);
  }
};
