// SPDX-License-Identifier: ISC
// imapflow.mjs PORT PORT-TLS CERTIFICATE USER - what imapflow can do, on an account with three messages in INBOX.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { ImapFlow } from 'imapflow';

const [port, portTls, certificate, user] = process.argv.slice(2);
const options = {
	host: 'localhost', auth: { user, pass: 'pass' }, logger: false,
	tls: { ca: fs.readFileSync(certificate) },
};

const tls = new ImapFlow({ ...options, port: Number(portTls), secure: true });
await tls.connect();
await tls.logout();

const c = new ImapFlow({ ...options, port: Number(port), secure: false });
await c.connect();
assert(c.secureConnection, 'STARTTLS');
assert.equal(c.serverInfo.name, 'merpati');
const mailboxes = await c.list({ statusQuery: { messages: true, unseen: true } });
assert.equal(mailboxes.find(m => m.path === 'INBOX').status.messages, 3);
assert(mailboxes.some(m => m.specialUse === '\\Sent'), 'special use');
assert.equal((await c.status('INBOX', { messages: true, uidNext: true, highestModseq: true })).messages, 3);

let lock = await c.getMailboxLock('INBOX');
const all = [];
for await (const m of c.fetch('1:*', { uid: true, flags: true, envelope: true, bodyStructure: true, internalDate: true, size: true, source: true,
	threadId: true }))
	all.push(m);
assert.deepEqual(all.map(m => m.envelope.subject), ['mail-0', 'mail-1', 'mail-2']);
assert(all.every(m => m.emailId.startsWith('M') && m.threadId.startsWith('T') && m.source.toString().includes('body of')), 'bodies and ids');
assert.deepEqual(await c.search({ subject: 'mail-1' }, { uid: true }), [2]);
assert(await c.messageFlagsAdd('1:2', ['\\Flagged', 'work'], { uid: true }));
assert((await c.fetchOne('2', { flags: true }, { uid: true })).flags.has('work'));
assert(await c.messageFlagsRemove('2', ['work'], { uid: true }));
const download = await c.download('1', 'TEXT', { uid: true });
let body = '';
for await (const chunk of download.content)
	body += chunk;
assert(body.startsWith('body of mail-0'));
lock.release();

assert((await c.mailboxCreate(['Work', 'Grüße'])).created);
await c.mailboxSubscribe('Work/Grüße');
const appended = await c.append('Work/Grüße', 'Subject: by imapflow\r\n\r\nx\r\n', ['\\Seen'], new Date());
assert.equal(appended.uid, 1);
lock = await c.getMailboxLock('INBOX');
assert.equal((await c.messageCopy('1', 'Work/Grüße', { uid: true })).uidMap.get(1), 2);
assert.equal((await c.messageMove('2', 'Work/Grüße', { uid: true })).uidMap.get(2), 3);
const told = new Promise(resolve => c.on('exists', resolve));
const other = new ImapFlow({ ...options, qresync: true, port: Number(portTls), secure: true });
await other.connect();
const idling = c.idle();
await other.append('INBOX', 'Subject: while idle\r\n\r\nx\r\n');
assert.equal((await told).count, 3);
await c.noop();
await idling;
assert(await c.messageDelete('1', { uid: true }));
assert.deepEqual(await c.search({ all: true }, { uid: true }), [3, 4]);
lock.release();
assert.equal((await c.mailboxRename('Work/Grüße', 'Work/Straße')).newPath, 'Work/Straße');
assert.equal((await c.status('Work/Straße', { messages: true })).messages, 3);
assert((await c.getQuota('INBOX')) !== undefined);
await c.mailboxDelete('Work/Straße');
await other.logout();
await c.logout();
console.log('done');
