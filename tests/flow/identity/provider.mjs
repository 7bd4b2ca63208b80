// An identity provider on a free port of 127.0.0.1: npm's oidc-provider with made-up people and clients.
//
// Prints its issuer on standard output, ends when standard input does. `POST /control` takes, all optional:
//   rotate: true             sign with a new key from now on; the key before it stays published, older ones do not
//   claims: {name: value}    put into each JWT from now on, over the provider's own (null takes one out)
//   faults: {path: {status, delay, hang, issuer}}
//                            answer that path with a status, after milliseconds, never, or with another `issuer`
// `GET /control` answers how often each path was asked for.

import * as crypto from 'node:crypto';
import * as http from 'node:http';
import { promisify } from 'node:util';
import { Provider, errors } from 'oidc-provider';

const ACCOUNTS = {
  alice: { groups: ['eng'], tenant: 'acme' },
  bob: { groups: ['support'], tenant: 'acme' },
};
const SCOPE = 'git:read git:write files:write';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const SECRET = 'a-secret-that-everybody-here-knows';
const OPAQUE_CLIENTS = new Set(['terminal', 'sealed-terminal']);

const actors = new WeakMap();
const generateKeyPair = promisify(crypto.generateKeyPair);
const state = { keys: [], claims: {}, faults: {}, asked: {}, handle: undefined, issuer: undefined };

function client(id, more = {}) {
  return {
    client_id: id,
    client_secret: SECRET,
    redirect_uris: ['http://127.0.0.1/callback'],
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials', EXCHANGE],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    ...more,
  };
}

const CLIENTS = [
  client('coder'),
  client('writer'),
  client('planner'),
  client('stranger'),
  client('nightly-report'),
  client('terminal'),
  client('wallet', { dpop_bound_access_tokens: true }),
  client('sealed-terminal', { dpop_bound_access_tokens: true }),
  client('gateway', { redirect_uris: [], response_types: [], grant_types: [] }),
];

function resourceServer(ctx, resource, of) {
  const isOpaque = OPAQUE_CLIENTS.has(of.clientId);
  return {
    scope: SCOPE,
    audience: resource,
    accessTokenFormat: isOpaque ? 'opaque' : 'jwt',
    ...(isOpaque ? {} : { jwt: { sign: { alg: 'ES256' } } }),
  };
}

function customise(ctx, token, parts) {
  for (const [name, value] of Object.entries(state.claims)) {
    if (value === null) {
      delete parts.payload[name];
    } else {
      parts.payload[name] = value;
    }
  }
}

// RFC 8693 with JWTs of our own as subject tokens; who asks becomes the nearest actor.
async function exchange(ctx) {
  const { provider, params, client: actor } = ctx.oidc;
  if (![ACCESS_TOKEN, ID_TOKEN].includes(params.subject_token_type)) {
    throw new errors.InvalidRequest('unsupported subject_token_type');
  }
  const subject = verified(params.subject_token);
  if (params.requested_token_type === ID_JAG) {
    ctx.body = identityAssertion(subject, params, actor);
    return;
  }
  const info = resourceServer(ctx, params.resource ?? subject.aud, actor);
  const token = new provider.AccessToken({
    accountId: subject.sub,
    client: actor,
    gty: EXCHANGE,
    scope: params.scope ?? subject.scope,
  });
  actors.set(token, { sub: actor.clientId, ...(subject.act ? { act: subject.act } : {}) });
  token.resourceServer = new provider.ResourceServer(params.resource ?? subject.aud, info);
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: ACCESS_TOKEN,
    token_type: token.tokenType,
    expires_in: token.expiration,
    scope: token.scope,
  };
}

// draft-ietf-oauth-identity-assertion-authz-grant: what another authorization server gives a token for.
function identityAssertion(subject, { audience, resource, scope }, of) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: state.issuer,
    sub: subject.sub,
    aud: audience,
    client_id: of.clientId,
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 300,
    ...(resource ? { resource } : {}),
    ...(scope ? { scope } : {}),
    ...ACCOUNTS[subject.sub],
    ...state.claims,
  };
  const issued = { access_token: signed('oauth-id-jag+jwt', claims), token_type: 'N_A', expires_in: 300 };
  return { ...issued, issued_token_type: ID_JAG, scope };
}

function signed(typ, claims) {
  const [jwk] = state.keys;
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode({ alg: 'ES256', typ, kid: jwk.kid })}.${encode(claims)}`;
  const key = crypto.createPrivateKey({ key: jwk, format: 'jwk' });
  const signature = crypto.sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

function verified(text) {
  const [head, body, signature] = text.split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  const jwk = state.keys.find((key) => key.kid === kid);
  const key = jwk && crypto.createPublicKey({ key: jwk, format: 'jwk' });
  const content = Buffer.from(`${head}.${body}`);
  if (!key || !crypto.verify('sha256', content, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))) {
    throw new errors.InvalidGrant('the subject token is not one of ours');
  }
  return JSON.parse(Buffer.from(body, 'base64url'));
}

function start() {
  const provider = new Provider(state.issuer, {
    clients: CLIENTS,
    jwks: { keys: state.keys },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: ['openid', 'offline_access', ...SCOPE.split(' ')],
    cookies: { keys: ['a-cookie-key-that-everybody-here-knows'] },
    pkce: { required: () => true },
    ttl: { AccessToken: 300, ClientCredentials: 300, Grant: 3600, Interaction: 600, Session: 3600, IdToken: 300 },
    findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    extraTokenClaims: (ctx, token) => ({
      ...ACCOUNTS[token.accountId],
      ...(actors.has(token) ? { act: actors.get(token) } : {}),
    }),
    formats: { customizers: { jwt: customise } },
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (ctx, of) => of.clientId === 'gateway' },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx, of, oneOf) => (Array.isArray(oneOf) ? oneOf[0] : oneOf),
        getResourceServerInfo: resourceServer,
        useGrantedResource: () => true,
      },
    },
  });
  provider.registerGrantType(EXCHANGE, exchange, [
    'subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope',
  ]);
  state.handle = provider.callback();
}

async function freshKey() {
  const { privateKey } = await generateKeyPair('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: crypto.randomUUID(), use: 'sig', alg: 'ES256' };
}

// The first key of a key set signs; nobody is told in advance.
async function rotate() {
  state.keys = [await freshKey(), ...state.keys.slice(0, 1)];
  start();
}

async function control(request, response) {
  if (request.method === 'POST') {
    const chunks = await Array.fromAsync(request);
    const command = JSON.parse(Buffer.concat(chunks));
    if (command.rotate) await rotate();
    if (command.claims) state.claims = command.claims;
    if (command.faults) state.faults = command.faults;
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ asked: state.asked, kid: state.keys[0].kid }));
}

// The provider's own answer, with another issuer in it.
function impersonate(request, response, issuer) {
  const end = response.end.bind(response);
  response.end = (body) => {
    const changed = JSON.stringify({ ...JSON.parse(body), issuer });
    response.setHeader('content-length', Buffer.byteLength(changed));
    return end(changed);
  };
  state.handle(request, response);
}

function answer(request, response) {
  const { pathname } = new URL(request.url, state.issuer);
  if (pathname === '/control') {
    control(request, response);
    return;
  }
  state.asked[pathname] = (state.asked[pathname] ?? 0) + 1;
  const fault = state.faults[pathname] ?? {};
  if (fault.hang) return;
  if (fault.delay) {
    setTimeout(() => state.handle(request, response), fault.delay);
  } else if (fault.status) {
    response.writeHead(fault.status).end();
  } else if (fault.issuer) {
    impersonate(request, response, fault.issuer);
  } else {
    state.handle(request, response);
  }
}

const server = http.createServer(answer);
server.listen(0, '127.0.0.1', async () => {
  state.issuer = `http://127.0.0.1:${server.address().port}`;
  await rotate();
  process.stdout.write(`${state.issuer}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
