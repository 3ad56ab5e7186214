// META: title=PeriodicSyncEvent: exposure and constructor
// META: global=window,dedicatedworker,serviceworker

'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsync-event-interface

test(() => {
  assert_true('PeriodicSyncManager' in self);
  assert_throws_js(TypeError, () => new PeriodicSyncManager());
}, 'PeriodicSyncManager is exposed and has no constructor');

if (!('ServiceWorkerGlobalScope' in self)) {
  test(() => {
    assert_false('PeriodicSyncEvent' in self);
    assert_false('onperiodicsync' in self);
  }, 'PeriodicSyncEvent and onperiodicsync are not exposed');
} else {
  test(() => {
    const event = new PeriodicSyncEvent('periodicsync', {tag: 'a'});
    assert_equals(event.type, 'periodicsync');
    assert_equals(event.tag, 'a');
    assert_false('lastChance' in event);
    assert_false(event.bubbles);
    assert_false(event.cancelable);
    assert_false(event.composed);
    assert_false(event.isTrusted);
    assert_equals(event.target, null);
  }, 'PeriodicSyncEvent: what an event has by default');

  test(() => {
    const event = new PeriodicSyncEvent('any type', {tag: 'a', bubbles: true, cancelable: true});
    assert_equals(event.type, 'any type');
    assert_true(event.bubbles);
    assert_true(event.cancelable);
  }, 'PeriodicSyncEvent: all members of PeriodicSyncEventInit');

  test(() => {
    const event = new PeriodicSyncEvent('periodicsync', {tag: 'a'});
    assert_true(event instanceof PeriodicSyncEvent);
    assert_true(event instanceof ExtendableEvent);
    assert_true(event instanceof Event);
    assert_equals(Object.getPrototypeOf(PeriodicSyncEvent), ExtendableEvent);
    assert_equals(PeriodicSyncEvent.length, 2);
  }, 'PeriodicSyncEvent: inheritance');

  test(() => {
    assert_throws_js(TypeError, () => new PeriodicSyncEvent());
    assert_throws_js(TypeError, () => new PeriodicSyncEvent('periodicsync'));
    assert_throws_js(TypeError, () => PeriodicSyncEvent('periodicsync', {tag: 'a'}));
  }, 'PeriodicSyncEvent: both arguments, and new, are required');

  test(() => {
    assert_throws_js(TypeError, () => new PeriodicSyncEvent('periodicsync', {}));
    assert_throws_js(TypeError, () => new PeriodicSyncEvent('periodicsync', {tag: undefined}));
    assert_throws_js(TypeError, () => new PeriodicSyncEvent('periodicsync', undefined));
    assert_throws_js(TypeError, () => new PeriodicSyncEvent('periodicsync', null));
  }, 'PeriodicSyncEvent: the member tag is required');

  test(() => {
    assert_throws_js(TypeError, () => new PeriodicSyncEvent('periodicsync', 'tag'));
    assert_throws_js(TypeError, () => new PeriodicSyncEvent('periodicsync', {tag: Symbol('a')}));
    assert_throws_js(TypeError, () => new PeriodicSyncEvent(Symbol('periodicsync'), {tag: 'a'}));
  }, 'PeriodicSyncEvent: arguments that can not be converted');

  test(() => {
    assert_equals(new PeriodicSyncEvent('periodicsync', {tag: ''}).tag, '');
    assert_equals(new PeriodicSyncEvent('periodicsync', {tag: null}).tag, 'null');
    assert_equals(new PeriodicSyncEvent('periodicsync', {tag: 42}).tag, '42');
    assert_equals(new PeriodicSyncEvent('periodicsync', {tag: '同期\0☕'}).tag, '同期\0☕');
    assert_equals(new PeriodicSyncEvent('periodicsync', {tag: 'x'.repeat(20000)}).tag.length, 20000);
  }, 'PeriodicSyncEvent: conversion of the tag');

  test(() => {
    for (const tag of ['\uD800', 'a\uDFFFb', '\uDC00\uD800', 'é\uD800']) {
      assert_equals(new PeriodicSyncEvent('periodicsync', {tag}).tag, tag);
    }
  }, 'PeriodicSyncEvent: lone surrogates stay in the tag');

  test(() => {
    const error = new RangeError('from toString()');
    const tag = {toString() { throw error; }};
    assert_throws_exactly(error, () => new PeriodicSyncEvent('periodicsync', {tag}));
    let conversions = 0;
    const counted = {toString: () => `conversion ${++conversions}`};
    const event = new PeriodicSyncEvent('periodicsync', {tag: counted});
    assert_equals(event.tag, 'conversion 1');
    assert_equals(event.tag, 'conversion 1');
    assert_equals(conversions, 1);
  }, 'PeriodicSyncEvent: the tag is converted once');

  test(() => {
    const order = [];
    const init = {};
    for (const name of ['tag', 'composed', 'cancelable', 'bubbles']) {
      Object.defineProperty(init, name, {get() { order.push(name); return name; }});
    }
    new PeriodicSyncEvent('periodicsync', init);
    assert_array_equals(order, ['bubbles', 'cancelable', 'composed', 'tag']);
  }, 'PeriodicSyncEvent: the order in which the members are read');

  test(() => {
    const event = new PeriodicSyncEvent('periodicsync', {tag: 'a'});
    assert_throws_js(TypeError, () => { event.tag = 'b'; });
    assert_equals(event.tag, 'a');
  }, 'PeriodicSyncEvent: tag is read-only');

  test(() => {
    const events = [];
    const listener = event => events.push(event);
    self.addEventListener('periodicsync', listener);
    self.onperiodicsync = listener;
    const event = new PeriodicSyncEvent('periodicsync', {tag: 'a'});
    self.dispatchEvent(event);
    self.removeEventListener('periodicsync', listener);
    self.onperiodicsync = null;
    assert_array_equals(events, [event, event]);
  }, 'PeriodicSyncEvent: one that a script dispatches reaches its listeners and onperiodicsync');

  test(() => {
    const event = new PeriodicSyncEvent('periodicsync', {tag: 'a'});
    assert_throws_dom('InvalidStateError', () => event.waitUntil(Promise.resolve()));
    let during;
    const listener = event => {
      try {
        event.waitUntil(Promise.resolve());
      } catch (error) {
        during = error;
      }
    };
    self.addEventListener('periodicsync', listener);
    self.dispatchEvent(event);
    self.removeEventListener('periodicsync', listener);
    assert_equals(during.name, 'InvalidStateError');
  }, 'PeriodicSyncEvent: waitUntil() of one that a script has made throws InvalidStateError');
}
