// panva's certified oidc-provider in its plain form, with what a tenant for
// Bitfount needs: the device flow for a public client, rotating refresh tokens,
// and access tokens for the audience that was asked for. It prints its issuer
// as one line, and counts its own events at /events. It ends with its standard
// input.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const claim = 'https://www.bitfount.com/username';
const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'interop',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    response_types: [],
    redirect_uris: [],
  }],
  features: {
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client, oneOf) => oneOf ?? ctx.oidc.params?.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, audience) => ({ scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 3600 }),
    },
  },
  extraParams: ['audience'],
  // The claim is in the ID token itself, not at the userinfo endpoint only.
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], profile: [claim] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, [claim]: id }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  cookies: { keys: ['a test needs no secret'] },
});

const events = {};
for (const name of ['refresh_token.saved', 'refresh_token.consumed', 'refresh_token.destroyed', 'grant.success', 'grant.error', 'grant.revoked', 'server_error']) {
  provider.on(name, () => { events[name] = (events[name] ?? 0) + 1; });
}
provider.on('server_error', (ctx, error) => console.error(error));

const handle = provider.callback();
server.on('request', (request, response) => {
  if (request.url === '/events') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(events));
  } else {
    handle(request, response);
  }
});
console.log(JSON.stringify({ issuer }));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
