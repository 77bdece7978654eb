// Loaded before a program that cannot be told a header (node --import): puts BEARER_KEY on its requests to BEARER_ORIGIN
// and on no others, through both of Node's HTTP clients.

import { subscribe } from "node:diagnostics_channel";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";

const { BEARER_KEY: key, BEARER_ORIGIN: origin } = process.env;
const { port } = new URL(origin);
const loopback = /^(localhost|127\.0\.0\.1|\[?::1\]?)$/;

// fetch and undici announce a request, with where it goes, before they send it.
subscribe("undici:request:create", ({ request }) => {
  const to = new URL(request.origin);
  if (to.port !== port || !loopback.test(to.hostname)) return;
  if (/authorization/i.test(String(request.headers))) return;
  request.addHeader("authorization", `Bearer ${key}`);
});

// node:http announces it without the port, so its functions are wrapped. A Host header may lie; the target does not.
const send = http.request;
http.request = (...args) => {
  const target = typeof args[0] === "string" ? new URL(args[0]) : args[0];
  const { hostname, host, port: to } = { hostname: target.hostname, host: target.host, port: target.port, ...plain(args[1]) };
  const request = send(...args);
  const ours = String(to) === port && loopback.test(hostname ?? host);
  if (ours && !request.hasHeader("authorization")) request.setHeader("authorization", `Bearer ${key}`);
  return request;
};
http.get = (...args) => http.request(...args).end();
syncBuiltinESMExports();

function plain(value) {
  return typeof value === "object" ? value : {};
}
