// META: title=Tags of SyncManager.register()
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#dom-syncmanager-register: the tag is a DOMString, and tags are the same
// if they are equal.

function tag_test(tag, name) {
  promise_test(async t => {
    const target = await SyncTarget.create(t);
    await target.sync.register(tag);
    const event = await target.nextEvent();
    assert_equals(event.tag, tag, 'tag of the event');
    assert_array_equals(await target.sync.getTags(), [tag], 'getTags()');
    await target.fulfill(event);
    await target.untilGone(tag);
    assert_equals(target.events.length, 1);
  }, `Tag: ${name}`);
}

tag_test('', 'the empty string');
tag_test(' ', 'a space');
tag_test(' \t\n\r', 'white space only');
tag_test(' tag ', 'white space around it');
tag_test('a\nb', 'a line break in it');
tag_test('a\0b', 'U+0000 in it');
tag_test('\0', 'U+0000 only');
tag_test('é', 'Latin-1');
tag_test('同期 سلام', 'not Latin');
tag_test('☕👩‍🚀', 'outside the Basic Multilingual Plane');
tag_test('\uFEFFtag', 'a byte order mark');
tag_test('\uFFFD\uFFFF', 'U+FFFD and a noncharacter');
tag_test('__proto__', '__proto__');
tag_test('constructor', 'constructor');
tag_test('"\'\\/?&#%20<b>', 'what quoting may spoil');
tag_test('x'.repeat(10240), '10,240 characters');

function conversion_test(value, tag, name) {
  promise_test(async t => {
    const target = await SyncTarget.create(t);
    await target.sync.register(value);
    const event = await target.nextEvent();
    assert_equals(event.tag, tag);
  }, `Tag from ${name}`);
}

conversion_test(undefined, 'undefined', 'undefined');
conversion_test(null, 'null', 'null');
conversion_test(42, '42', 'a number');
conversion_test(['a', 'b'], 'a,b', 'an array');
conversion_test({toString: () => 'converted'}, 'converted', 'an object with toString()');

function distinct_test(tags, name) {
  promise_test(async t => {
    const target = await SyncTarget.create(t);
    for (const tag of tags) {
      await target.sync.register(tag);
    }
    for (const tag of tags) {
      await target.nextEvent({tag});
    }
    assert_array_equals((await target.sync.getTags()).sort(), tags.sort());
  }, `Different tags: ${name}`);
}

distinct_test(['tag', 'Tag', 'TAG'], 'upper and lower case');
distinct_test(['tag', ' tag', 'tag '], 'white space');
distinct_test(['\u00E9', 'e\u0301'], 'Unicode normalization forms');
distinct_test(['', '\0', '\0\0'], 'U+0000');
distinct_test(['a', 'a\0', 'a\0b'], 'what follows U+0000');
