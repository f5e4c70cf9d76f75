import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WEBHOOK_SECRET } from '@batchyard/shared/contract/webhook';

import { newSecret, signedHeaders } from './sign.ts';

test('a message is signed as the example of Standard Webhooks is', () => {
  const headers = signedHeaders('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    atMs: 1_614_265_330_500,
    body: '{"test": 2432232314}',
  });
  assert.deepEqual(headers, {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('secrets are new each time, and have the form that a setting must have', () => {
  const secrets = Array.from({ length: 20 }, newSecret);
  assert.equal(new Set(secrets).size, 20);
  for (const secret of secrets) assert.match(secret, WEBHOOK_SECRET);
  assert.match('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', WEBHOOK_SECRET);
  for (const wrong of [
    '',
    'whsec_',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'whsec_short',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!',
  ])
    assert.doesNotMatch(wrong, WEBHOOK_SECRET);
});
