// META: title=SyncEvent: exposure and constructor
// META: global=window,dedicatedworker,serviceworker

'use strict';

// https://wicg.github.io/background-sync/spec/#sync-event

test(() => {
  assert_true('SyncManager' in self);
  assert_throws_js(TypeError, () => new SyncManager());
}, 'SyncManager is exposed and has no constructor');

if (!('ServiceWorkerGlobalScope' in self)) {
  test(() => {
    assert_false('SyncEvent' in self);
    assert_false('onsync' in self);
  }, 'SyncEvent and onsync are not exposed');
} else {
  test(() => {
    const event = new SyncEvent('sync', {tag: 'a'});
    assert_equals(event.type, 'sync');
    assert_equals(event.tag, 'a');
    assert_false(event.lastChance);
    assert_false(event.bubbles);
    assert_false(event.cancelable);
    assert_false(event.composed);
    assert_false(event.isTrusted);
    assert_equals(event.target, null);
  }, 'SyncEvent: what an event has by default');

  test(() => {
    const event = new SyncEvent('any type', {tag: 'a', lastChance: true, bubbles: true, cancelable: true});
    assert_equals(event.type, 'any type');
    assert_true(event.lastChance);
    assert_true(event.bubbles);
    assert_true(event.cancelable);
  }, 'SyncEvent: all members of SyncEventInit');

  test(() => {
    const event = new SyncEvent('sync', {tag: 'a'});
    assert_true(event instanceof SyncEvent);
    assert_true(event instanceof ExtendableEvent);
    assert_true(event instanceof Event);
    assert_equals(Object.getPrototypeOf(SyncEvent), ExtendableEvent);
    assert_equals(SyncEvent.length, 2);
  }, 'SyncEvent: inheritance');

  test(() => {
    assert_throws_js(TypeError, () => new SyncEvent());
    assert_throws_js(TypeError, () => new SyncEvent('sync'));
    assert_throws_js(TypeError, () => SyncEvent('sync', {tag: 'a'}));
  }, 'SyncEvent: both arguments, and new, are required');

  test(() => {
    assert_throws_js(TypeError, () => new SyncEvent('sync', {}));
    assert_throws_js(TypeError, () => new SyncEvent('sync', {lastChance: true}));
    assert_throws_js(TypeError, () => new SyncEvent('sync', {tag: undefined}));
    assert_throws_js(TypeError, () => new SyncEvent('sync', undefined));
    assert_throws_js(TypeError, () => new SyncEvent('sync', null));
  }, 'SyncEvent: the member tag is required');

  test(() => {
    assert_throws_js(TypeError, () => new SyncEvent('sync', 'tag'));
    assert_throws_js(TypeError, () => new SyncEvent('sync', {tag: Symbol('a')}));
    assert_throws_js(TypeError, () => new SyncEvent(Symbol('sync'), {tag: 'a'}));
  }, 'SyncEvent: arguments that can not be converted');

  test(() => {
    assert_equals(new SyncEvent('sync', {tag: ''}).tag, '');
    assert_equals(new SyncEvent('sync', {tag: null}).tag, 'null');
    assert_equals(new SyncEvent('sync', {tag: 42}).tag, '42');
    assert_equals(new SyncEvent('sync', {tag: '同期\0☕'}).tag, '同期\0☕');
    assert_equals(new SyncEvent('sync', {tag: 'x'.repeat(20000)}).tag.length, 20000);
  }, 'SyncEvent: conversion of the tag');

  test(() => {
    for (const tag of ['\uD800', 'a\uDFFFb', '\uDC00\uD800', 'é\uD800']) {
      assert_equals(new SyncEvent('sync', {tag}).tag, tag);
    }
  }, 'SyncEvent: lone surrogates stay in the tag');

  test(() => {
    const error = new RangeError('from toString()');
    const tag = {toString() { throw error; }};
    assert_throws_exactly(error, () => new SyncEvent('sync', {tag}));
    let conversions = 0;
    const counted = {toString: () => `conversion ${++conversions}`};
    const event = new SyncEvent('sync', {tag: counted});
    assert_equals(event.tag, 'conversion 1');
    assert_equals(event.tag, 'conversion 1');
    assert_equals(conversions, 1);
  }, 'SyncEvent: the tag is converted once');

  test(() => {
    for (const value of [undefined, null, false, 0, '']) {
      assert_false(new SyncEvent('sync', {tag: 'a', lastChance: value}).lastChance, String(value));
    }
    for (const value of [true, 1, 'no', {}]) {
      assert_true(new SyncEvent('sync', {tag: 'a', lastChance: value}).lastChance, String(value));
    }
  }, 'SyncEvent: conversion of lastChance');

  test(() => {
    const order = [];
    const init = {};
    for (const name of ['tag', 'lastChance', 'composed', 'cancelable', 'bubbles']) {
      Object.defineProperty(init, name, {get() { order.push(name); return name; }});
    }
    new SyncEvent('sync', init);
    assert_array_equals(order, ['bubbles', 'cancelable', 'composed', 'lastChance', 'tag']);
  }, 'SyncEvent: the order in which the members are read');

  test(() => {
    const event = new SyncEvent('sync', {tag: 'a', lastChance: true});
    assert_throws_js(TypeError, () => { event.tag = 'b'; });
    assert_throws_js(TypeError, () => { event.lastChance = false; });
    assert_equals(event.tag, 'a');
    assert_true(event.lastChance);
  }, 'SyncEvent: tag and lastChance are read-only');

  test(() => {
    const events = [];
    const listener = event => events.push(event);
    self.addEventListener('sync', listener);
    self.onsync = listener;
    const event = new SyncEvent('sync', {tag: 'a'});
    self.dispatchEvent(event);
    self.removeEventListener('sync', listener);
    self.onsync = null;
    assert_array_equals(events, [event, event]);
  }, 'SyncEvent: one that a script dispatches reaches its listeners and onsync');

  test(() => {
    const event = new SyncEvent('sync', {tag: 'a'});
    assert_throws_dom('InvalidStateError', () => event.waitUntil(Promise.resolve()));
    let during;
    const listener = event => {
      try {
        event.waitUntil(Promise.resolve());
      } catch (error) {
        during = error;
      }
    };
    self.addEventListener('sync', listener);
    self.dispatchEvent(event);
    self.removeEventListener('sync', listener);
    assert_equals(during.name, 'InvalidStateError');
  }, 'SyncEvent: waitUntil() of one that a script has made throws InvalidStateError');
}
