// Runs Azure's device SDK as it is told: one JSON object a line in, one a line out. {"do": "register" | "send" | "batch" | "receive", …}
// is answered by {"result": …} or {"error": {"name", "message", "code"?, "status"?, "retryAfter"?, "body"?}}.
'use strict';

require('./network');

const readline = require('node:readline');
const { Client, Message } = require('azure-iot-device');
const HubHttp = require('azure-iot-device-http').Http;
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const DpsHttp = require('azure-iot-provisioning-device-http').Http;
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');

/** {host, scope, id, payload?} and {key} or {cert, privateKey}. */
async function register(order) {
  const security = order.key
    ? new SymmetricKeySecurityClient(order.id, order.key)
    : new X509Security(order.id, { cert: order.cert, key: order.privateKey });
  const client = ProvisioningDeviceClient.create(order.host, order.scope, new DpsHttp(), security);
  if (order.payload) {
    client.setProvisioningPayload(order.payload);
  }

  return await client.register();
}

/** {connection} and, with x509=true in it, {cert, privateKey}; or {token}, a finished SAS token. */
async function connect(order) {
  const client = order.token
    ? Client.fromSharedAccessSignature(order.token, HubHttp)
    : Client.fromConnectionString(order.connection, HubHttp);
  if (order.cert) {
    // Not awaited: over HTTP the SDK takes these at once and never says that it has.
    client.setOptions({ cert: order.cert, key: order.privateKey });
  }

  await client.open();
  return client;
}

/** {body, messageId?, properties?}; fill = a body of so many bytes. */
function message(order) {
  const made = new Message(order.fill ? 'x'.repeat(order.fill) : order.body);
  if (order.messageId) {
    made.messageId = order.messageId;
  }

  for (const [name, value] of Object.entries(order.properties || {})) {
    made.properties.add(name, value);
  }

  return made;
}

async function send(order) {
  const client = await connect(order);
  try {
    const result = await client.sendEvent(message(order));
    return { sent: result.constructor.name };
  } finally {
    await client.close();
  }
}

async function batch(order) {
  const client = await connect(order);
  try {
    await client.sendEventBatch(order.messages.map(message));
    return { sent: order.messages.length };
  } finally {
    await client.close();
  }
}

/** The next message, settled by {settle: "complete" | "reject" | "abandon"}; null = none within half a second. */
async function receive(order) {
  const client = await connect(order);
  await client.setOptions({ http: { receivePolicy: { interval: 0.2, drain: false } } });
  try {
    const received = await new Promise((resolve, reject) => {
      const none = setTimeout(() => resolve(null), 500);
      client.on('error', reject);
      client.on('message', (found) => {
        clearTimeout(none);
        client.removeAllListeners('message');
        resolve(found);
      });
    });
    if (received === null) {
      return null;
    }

    await client[order.settle](received);
    return { body: received.getData().toString(), messageId: received.messageId, n: received.properties.getValue('iothub-app-n') };
  } finally {
    await client.close();
  }
}

/** An order that is never answered fails by itself, so that the next one is heard. */
async function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the SDK does not answer')), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const actions = { register, send, batch, receive };

function describe(error) {
  const response = error.response || {};
  return {
    name: error.name,
    message: error.message,
    code: error.code,
    status: response.statusCode,
    retryAfter: response.headers && response.headers['retry-after'],
    body: error.responseBody,
    state: error.result && error.result.registrationState,
  };
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    let answer;
    try {
      answer = { result: await within(20000, actions[order.do](order)) };
    } catch (error) {
      answer = { error: describe(error) };
    }

    process.stdout.write(JSON.stringify(answer) + '\n');
  }

  process.exit(0);
}

main();
